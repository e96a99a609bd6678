"""Annotations written for another tool and read back are the same masks; what is lost is said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
import pytest
from PIL import Image

from balloon_splash.cli.convert_annotations import SOURCES, TARGETS, main
from balloon_splash.data.annotations.formats import FORMATS, load_annotations
from balloon_splash.data.annotations.masks import encode_mask, mask_polygons
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.data.annotations.simplify import editable_polygons
from balloon_splash.data.annotations.submission import read_submission
from balloon_splash.data.annotations.writers import WRITERS, WrittenObject, WrittenPhoto, write_annotations
from balloon_splash.errors import DatasetError

HEIGHT, WIDTH = 60, 80
Mask = npt.NDArray[np.bool_]


def disc(x: float, y: float, radius: float) -> Mask:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray((columns + 0.5 - x) ** 2 + (rows + 0.5 - y) ** 2 < radius**2)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A COCO file with a polygon, one of two parts, a mask with a hole, a crowd, and a photo without objects."""
    for name in ("a.jpg", "sub/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (WIDTH, HEIGHT)).save(tmp_path / name)
    ring = disc(40, 30, 20) & ~disc(40, 30, 8)
    counts = encode_mask(ring)["counts"].decode()
    found: list[dict[str, Any]] = [
        {"segmentation": [[1, 1, 20.5, 1, 20.5, 15, 1, 15]], "category_id": 1},
        {"segmentation": [[60, 5, 70, 5, 70, 15], [60, 30, 70, 30, 70, 50, 60, 50]], "category_id": 2},
        {"segmentation": {"size": [HEIGHT, WIDTH], "counts": counts}, "category_id": 2},
        {"segmentation": [[1, 40, 20, 40, 20, 58, 1, 58]], "category_id": 1, "iscrowd": 1},
    ]
    document = {
        "images": [{"id": i, "file_name": name, "width": WIDTH, "height": HEIGHT}
                   for i, name in enumerate(("a.jpg", "sub/b.jpg"))],
        "categories": [{"id": 1, "name": "cup"}, {"id": 2, "name": "kite"}],
        "annotations": [each | {"id": i, "image_id": 0} for i, each in enumerate(found)],
    }  # fmt: skip
    path = tmp_path / "source.json"
    path.write_text(json.dumps(document))
    return path


def masks_by_class(path: Path, images: Path, options: ReadOptions) -> dict[str, Mask]:
    """The union of all objects of a class in the first photo."""
    dicts, report = load_annotations(path, images, options=options)
    assert len(dicts) == 2
    assert not report.faults
    unions = {name: np.zeros((HEIGHT, WIDTH), bool) for name in report.class_names}
    for each in dicts[0]["annotations"]:
        found = each["segmentation"]
        if isinstance(found, list):
            found = coco_mask.merge(coco_mask.frPyObjects(found, HEIGHT, WIDTH))
        unions[report.class_names[each["category_id"]]] |= coco_mask.decode(found).astype(bool)
    return unions


@pytest.mark.parametrize("to", [each for each in TARGETS if each != "submission"])
def test_a_round_trip_keeps_the_masks_and_says_what_it_loses(
    source: Path, tmp_path: Path, to: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out" / ("labels.json" if to in ("via2", "coco") else "folder")
    assert main([str(source), str(target), "--to", to]) == 0
    said = capsys.readouterr().out
    assert "2 photos, 4 objects written" in said
    assert ("the mark of 1 crowd (iscrowd 1)" in said) == (to != "coco")
    assert ("objects of several parts" in said) == (to in ("via2", "yolo"))
    back = target / "labels" if to == "yolo" else target
    if to == "labelme":  # a folder for each folder of photos
        assert json.loads((target / "sub" / "b.json").read_text())["imagePath"].endswith("sub/b.jpg")
    options = ReadOptions(class_attribute="class" if to == "via2" else None, keep_empty=True)
    expected = masks_by_class(source, source.parent, ReadOptions(keep_empty=True))
    found = masks_by_class(back, source.parent, options)
    assert found.keys() == expected.keys()
    for name, mask in expected.items():
        assert (found[name] & mask).sum() / (found[name] | mask).sum() > 0.99, name


def test_coco_and_labelme_keep_parts_and_holes_in_one_object(source: Path, tmp_path: Path) -> None:
    for to in ("coco", "labelme"):
        target = tmp_path / "out" / to
        assert main([str(source), str(target), "--to", to]) == 0
        dicts, _ = load_annotations(target, tmp_path)
        assert len(dicts[0]["annotations"]) == 4


def test_a_submission_has_the_masks_of_each_photo_without_shared_pixels(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "submit.csv"
    assert main([str(source), str(target), "--to", "submission"]) == 0
    assert "lost: the names of 2 classes" in capsys.readouterr().out
    found = read_submission(target, {"a": (HEIGHT, WIDTH), "b": (HEIGHT, WIDTH)})
    assert len(found["a"]) == 4
    assert found["b"] == []
    everything = np.any([*masks_by_class(source, source.parent, ReadOptions(keep_empty=True)).values()], axis=0)
    assert (np.sum(found["a"], axis=0) == everything).all()


def test_a_photo_in_the_layout_of_the_competition_has_the_id_of_its_folder(tmp_path: Path) -> None:
    square = WrittenObject("nucleus", [np.array([(1.0, 1), (5, 1), (5, 5), (1, 5)])])
    names = ("set/00ae65/images/x.png", "f113bd/images/y.png", "plain.png")
    photos = [WrittenPhoto(name, tmp_path / name, WIDTH, HEIGHT, [square]) for name in names]
    assert write_annotations(photos, ["nucleus"], tmp_path / "submit.csv", "submission") == []
    assert [row.partition(",")[0] for row in (tmp_path / "submit.csv").read_text().splitlines()[1:]] == [
        "00ae65", "f113bd", "plain"
    ]  # fmt: skip
    with pytest.raises(DatasetError, match="another photo has the id plain"):
        write_annotations([*photos, photos[-1]], ["nucleus"], tmp_path / "again.csv", "submission")


def test_nothing_is_overwritten_unasked(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.json"
    target.write_text("mine")
    assert main([str(source), str(target), "--to", "via2"]) == 2
    assert "out.json: exists already; expected a new name, or --overwrite" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert main([str(source), str(target), "--to", "via2", "--overwrite"]) == 0
    assert main([str(tmp_path / "gone.json"), str(target), "--to", "via2"]) == 2


def test_help_names_what_there_is() -> None:
    assert tuple(WRITERS) == TARGETS
    assert ("auto", *FORMATS) == SOURCES


# --- outlines that a person can edit ----------------------------------------------------------------------------------


def drawn(rings: list[npt.NDArray[np.float64]]) -> Mask:
    flat = [ring.ravel().tolist() for ring in rings]
    return np.asarray(coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, HEIGHT, WIDTH))), bool)


@pytest.mark.parametrize(
    "mask",
    [disc(40, 30, 25), disc(20, 20, 3), disc(20, 20, 12) | disc(60, 40, 9), disc(40, 30, 25) & ~disc(40, 30, 10),
     disc(0, 0, 30), np.eye(HEIGHT, WIDTH, dtype=bool)],
    ids=["disc", "dot", "two parts", "hole", "corner", "diagonal"],
)  # fmt: skip
def test_few_points_stay_close_to_the_mask(mask: Mask) -> None:
    rings = editable_polygons(mask)
    again = drawn(rings)
    assert (again & mask).sum() / (again | mask).sum() >= 0.97
    assert sum(map(len, rings)) <= sum(map(len, mask_polygons(mask)))


def test_a_round_object_has_a_dozen_points_or_two() -> None:
    assert sum(map(len, editable_polygons(disc(40, 30, 25)))) <= 24
    assert editable_polygons(np.zeros((4, 4), bool)) == []
