"""One YAML names annotations, photos and classes, and every command takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from PIL import Image

from balloon_splash import Limits
from balloon_splash.data.datasets.builtin import named_datasets
from balloon_splash.data.datasets.dataset_file import read_dataset_file
from balloon_splash.errors import DatasetError


def write_via(folder: Path, kinds: list[str]) -> None:
    folder.mkdir()
    Image.new("RGB", (60, 40)).save(folder / "a.jpg")
    shape = {"name": "polygon", "all_points_x": [5, 30, 30, 5], "all_points_y": [5, 5, 30, 30]}
    regions = [{"shape_attributes": shape, "region_attributes": {"kind": kind}} for kind in kinds]
    entry = {"filename": "a.jpg", "size": (folder / "a.jpg").stat().st_size, "regions": regions}
    (folder / "regions.json").write_text(json.dumps({"a.jpg": entry}))


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    write_via(tmp_path / "train", ["cup", "kite", "tree"])
    write_via(tmp_path / "val", ["kite"])
    path = tmp_path / "things.yaml"
    path.write_text(
        'classes: [kite, cup]\nclass_attribute: kind\ncolors: ["#e69f00", "#56b4e9"]\n'
        "train: {annotations: train/regions.json, images: train}\nval: {annotations: val/regions.json, images: val}\n"
    )
    return path


def test_its_splits_are_registered_with_its_classes_and_colours(dataset: Path) -> None:
    train, val = named_datasets(str(dataset))
    assert [each["category_id"] for each in DatasetCatalog.get(train)[0]["annotations"]] == [1, 0]
    assert [each["category_id"] for each in DatasetCatalog.get(val)[0]["annotations"]] == [0]
    assert MetadataCatalog.get(val).thing_classes == ["kite", "cup"]
    assert MetadataCatalog.get(val).thing_colors == [(230, 159, 0), (86, 180, 233)]
    assert MetadataCatalog.get("balloon_fold0_train").thing_classes == ["kite", "cup"]


def test_a_split_that_is_the_other_one_is_named(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    named_datasets(str(dataset))
    assert "same photos" not in capsys.readouterr().err
    text = dataset.read_text().replace("val/regions.json, images: val", "train/regions.json, images: train")
    dataset.write_text(text)
    named_datasets(str(dataset))
    assert "note: " + str(dataset) + ": train and val are the same photos" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train: train\n", "no val"),
        ("train: a\nval: b\nclases: [kite]\n", "unknown key clases; did you mean classes?"),
        ("train: a\nval: [b]\n", r"val is \['b'\]"),
        ("train: a\nval: b\nclasses: kite\n", "expected a list of words"),
        ('train: a\nval: b\nclasses: [kite]\ncolors: ["red"]\n', "colour 'red'"),
        ('train: a\nval: b\ncolors: ["#000000"]\n', "1 colors for 0 classes"),
        ("train: a\nval: b\nkeep_empty: maybe\n", "keep_empty is 'maybe'; expected true or false"),
        ("train: a\nval: b\nlimits: {max_bytes: 3}\n", "expected whole numbers of some of max_file_bytes"),
        ("- a list\n", "list found"),
        ("a: [", "not a YAML file"),
        ("train: !!python/object/apply:os.getcwd []\nval: b\n", "not a YAML file"),
    ],
)
def test_what_is_wrong_with_it_is_one_line(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=told) as error:
        read_dataset_file(path)
    assert len(str(error.value).splitlines()) == 1


def test_one_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.yaml: cannot be read"):
        named_datasets(str(tmp_path / "gone.yaml"))


def test_options_of_the_reader_are_taken(dataset: Path) -> None:
    dataset.write_text(dataset.read_text() + "keep_empty: true\ncrowds_as_objects: true\nlimits: {max_regions: 2}\n")
    train, _ = named_datasets(str(dataset))
    options = DatasetCatalog[train].options
    assert (options.keep_empty, options.crowds_as_objects, options.limits) == (True, True, Limits(max_regions=2))
    with pytest.raises(DatasetError, match="too many regions"):
        DatasetCatalog.get(train)


def test_classes_are_those_of_the_attribute_where_none_are_named(dataset: Path) -> None:
    dataset.write_text(dataset.read_text().replace("classes: [kite, cup]\n", "").replace("colors:", "# colors:"))
    train, val = named_datasets(str(dataset))
    assert [MetadataCatalog.get(name).thing_classes for name in (train, val)] == [["cup", "kite", "tree"]] * 2


@pytest.mark.parametrize(
    ("path", "train", "val"),
    [
        ("../../..", "images/train", "images/val"),
        ("", "../../../images/train", "../../../images/val"),
        ("{root}", "images/train", "images/val"),
        ("", "../../../../images/train", "../../../../images/val"),  # one too many, as Roboflow writes
    ],
    ids=["three up", "each three up", "absolute", "of Roboflow"],
)
def test_a_file_of_yolo_leads_to_its_images_wherever_they_lie(tmp_path: Path, path: str, train: str, val: str) -> None:
    for split in ("train", "val"):
        for folder in ("images", "labels"):
            (tmp_path / folder / split).mkdir(parents=True)
        Image.new("RGB", (60, 40)).save(tmp_path / "images" / split / "a.jpg")
        (tmp_path / "labels" / split / "a.txt").write_text("1 0.1 0.1 0.5 0.1 0.3 0.5\n")
    (tmp_path / "data.yaml").write_text("names: [other, classes]\n")  # nearer to the labels, and not the one named
    file = tmp_path / "a" / "b" / "c" / "kites.yaml"
    file.parent.mkdir(parents=True)
    line = f"path: {path.format(root=tmp_path)}\n" if path else ""
    file.write_text(f"{line}train: {train}\nval: {val}\nnc: 2\nnames: {{0: cup, 1: kite}}\n")
    for name in named_datasets(str(file)):
        (found,) = DatasetCatalog.get(name)
        assert Path(found["file_name"]) == tmp_path / "images" / name.removeprefix("balloon_") / "a.jpg"
        assert [each["category_id"] for each in found["annotations"]] == [1]
        assert MetadataCatalog.get(name).thing_classes == ["cup", "kite"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("train: [a, b]\nval: a\nnames: [kite]\n", r"train is \['a', 'b'\]; expected folders"),
        ("path: 7\ntrain: a\nval: a\nnames: [kite]\n", "path is 7"),
        (
            "train: train.txt\nval: a\nnames: [kite]\n",
            "train is 'train.txt'; no such folder as .*expected one of images",
        ),
        ("train: a\nnames: [kite]\n", "no val; expected val: FOLDER of images"),
        ("train: a\nval: a\nnc: 1\n", "a file of YOLO without names"),
    ],
)
def test_a_file_of_yolo_without_a_folder_of_images_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "a").mkdir()
    path = tmp_path / "kites.yaml"
    path.write_text(text)
    with pytest.raises(DatasetError, match=told):
        read_dataset_file(path)
