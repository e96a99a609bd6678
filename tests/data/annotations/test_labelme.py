"""Files as LabelMe writes them become a dataset."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, DatasetMapper, MetadataCatalog
from detectron2.structures import PolygonMasks

from balloon_splash.data.annotations.labelme import load_labelme
from balloon_splash.data.datasets.catalog import register_labelme
from balloon_splash.errors import AnnotationError, DatasetError

CLASSES = ["cup", "pen"]


def shape(
    label: str, points: Sequence[Sequence[float]], kind: str = "polygon", group: int | None = None
) -> dict[str, Any]:
    return {
        "label": label, "points": points, "group_id": group, "description": "", "shape_type": kind, "flags": {},
        "mask": None,
    }  # fmt: skip


def write(photos: Path, *shapes: dict[str, Any], photo: str = "a.jpg") -> Path:
    """The file that LabelMe 5 saves beside a photo."""
    path = (photos / photo).with_suffix(".json")
    document: dict[str, Any] = {
        "version": "5.4.1", "flags": {}, "shapes": list(shapes), "imagePath": photo, "imageData": None,
        "imageHeight": 40, "imageWidth": 60,
    }  # fmt: skip
    path.write_text(json.dumps(document, indent=2))
    return path


def test_polygons_rectangles_and_circles_become_objects(photos):
    write(
        photos,
        shape("pen", [[10, 10], [30, 10], [20, 30]]),
        shape("cup", [[50, 30], [40, 20]], "rectangle"),
        shape("cup", [[20, 20], [23, 24]], "circle"),
    )
    (found,) = load_labelme(photos, CLASSES)
    assert (found["file_name"], found["width"], found["height"]) == (str(photos / "a.jpg"), 60, 40)
    assert [obj["category_id"] for obj in found["annotations"]] == [1, 0, 0]
    assert [obj["bbox"] for obj in found["annotations"]][:2] == [[10, 10, 30, 30], [40, 20, 50, 30]]
    assert found["annotations"][2]["bbox"] == pytest.approx([15, 15, 25, 25], abs=0.01)
    areas = PolygonMasks([obj["segmentation"] for obj in found["annotations"]]).area().tolist()
    assert areas == pytest.approx([200, 100, 78.5], abs=0.1)


def test_shapes_of_one_group_are_one_object(photos):
    left, right = [[5, 5], [10, 5], [10, 10]], [[30, 5], [40, 5], [40, 10]]
    write(photos, shape("cup", left, group=3), shape("cup", right, group=3), shape("pen", right, group=3))
    first, second = load_labelme(photos, CLASSES)[0]["annotations"]
    assert len(first["segmentation"]) == 2
    assert first["bbox"] == [5, 5, 40, 10]
    assert second["category_id"] == 1


def test_older_files_without_groups_and_with_windows_paths_are_read(photos):
    old = shape("cup", [[5, 5], [10, 5], [10, 10]])
    for key in ("group_id", "description", "mask"):
        del old[key]
    path = write(photos, old)
    path.write_text(path.read_text().replace('"a.jpg"', r'"..\\photos\\a.jpg"'))
    assert len(load_labelme(photos, CLASSES)[0]["annotations"]) == 1


def test_detectron2_trains_on_it(photos, tiny_cfg: CfgNode):
    write(photos, shape("cup", [[10, 10], [30, 10], [20, 30]]))
    register_labelme("desk", photos, class_names=CLASSES)
    mapped = DatasetMapper(tiny_cfg, is_train=True)(DatasetCatalog.get("desk")[0])
    assert len(mapped["instances"]) == 1
    assert MetadataCatalog.get("desk").thing_classes == CLASSES


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (shape("fork", [[1, 1], [9, 1], [5, 9]]), "label 'fork'; known are cup, pen"),
        (shape("cup", [[1, 1], [9, 1]], "line"), "line of 2 points"),
        (shape("cup", [[1, 1], [9, 1]]), "polygon of 2 points"),
        (shape("cup", [[1, 1], [9, 1], [5]]), "expected"),
        (shape("cup", [[9, 9], [9, 9]], "circle"), "the area is 0 square pixels"),
        (shape("cup", [[100, 100], [120, 100], [110, 120]]), "the photo is 60 x 40"),
    ],
)
def test_a_shape_that_cannot_be_used_is_told_with_its_file(photos, bad, message):
    write(photos, bad)
    with pytest.raises(AnnotationError, match=message) as caught:
        load_labelme(photos, CLASSES)
    assert str(photos / "a.json") in str(caught.value)


def test_what_is_no_labelme_file_is_refused(photos, tmp_path):
    with pytest.raises(DatasetError, match="no JSON file found"):
        load_labelme(tmp_path / "gone", CLASSES)
    path = write(photos, photo="gone.jpg")
    with pytest.raises(AnnotationError, match=r"gone\.json.*gone\.jpg"):
        load_labelme(photos, CLASSES)
    for content in ("", "[]", '{"shapes": [], "imagePath": 3}', '{"images": []}'):
        path.write_text(content)
        with pytest.raises(AnnotationError, match=r"gone\.json: not (a LabelMe file|valid JSON)"):
            load_labelme(photos, CLASSES)
