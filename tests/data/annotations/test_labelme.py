"""Files as LabelMe writes them become a dataset."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as coco_mask
import pytest
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, DatasetMapper, MetadataCatalog
from detectron2.structures import PolygonMasks
from PIL import ExifTags, Image

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
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
        (shape("fork", [[1, 1], [9, 1], [5, 9]]), "class 'fork'; expected one of cup, pen"),
        (shape("cup", [[1, 1]], "point"), "a point has no area"),
        (shape("cup", [[1, 1], [9, 1]], "spline"), "'spline' of 2 points"),
        (shape("cup", [[1, 1], [9, 1]]), "2 points; a polygon needs 3"),
        (shape("cup", [[1, 1], [9, 1], [5]]), "expected a list of pairs"),
        (shape("cup", [[9, 9], [9, 9]], "circle"), "the area is 0 square pixels"),
        (shape("cup", [[100, 100], [120, 100], [110, 120]]), "the photo is 60 x 40"),
        (shape("cup", [[1, 1], [2, 2]], "mask"), "mask: expected a text"),
        (shape("cup", [[1, 1], [2, 2]], "mask") | {"mask": "bm8="}, "the mask cannot be read"),
        ("cup", "label is None, expected a name"),
        (shape("", [[1, 1], [9, 1], [5, 9]]), "label is ''"),
    ],
)
def test_a_stray_shape_is_dropped_and_reported_and_the_rest_is_read(photos, bad, message):
    write(photos, shape("cup", [[10, 10], [30, 10], [20, 30]]), bad)
    (found,) = load_labelme(photos, CLASSES)
    assert len(found["annotations"]) == 1
    assert found[INCOMPLETE], "what surrounds the object is no sure background"
    with pytest.raises(AnnotationError, match=message) as caught:
        load_labelme(photos, CLASSES, strict=True)
    assert str(photos / "a.json") in str(caught.value)
    write(photos, bad)
    with pytest.raises(AnnotationError, match=message):
        load_labelme(photos, CLASSES)


def test_what_is_no_labelme_file_is_reported(photos, tmp_path):
    with pytest.raises(DatasetError, match="no JSON file found"):
        load_labelme(tmp_path / "gone", CLASSES)
    path = write(photos, photo="gone.jpg")
    with pytest.raises(AnnotationError, match=r"gone\.json.*gone\.jpg"):
        load_labelme(photos, CLASSES)
    for content in ("", "[]", '{"shapes": [], "imagePath": 3}', '{"images": []}'):
        path.write_text(content)
        with pytest.raises(AnnotationError, match=r"gone\.json: malformed entry: not a LabelMe file"):
            load_labelme(photos, CLASSES)


def test_what_labelme_6_paints_and_turns_is_read_to_the_pixel(photos):
    """A mask fills the box of two corners, both of which belong to it."""
    painted = np.zeros((11, 21), np.uint8)
    painted[2:9, 3:18] = 1
    painted[4:6, 8:10] = 0  # a hole stays one
    buffer = BytesIO()
    Image.fromarray(painted).save(buffer, "PNG")
    mask = shape("cup", [[5, 20], [25, 30]], "mask") | {"mask": base64.b64encode(buffer.getvalue()).decode()}
    turned = shape("pen", [[40, 5], [50, 10], [48, 14], [38, 9]], "oriented_rectangle")
    write(photos, mask, turned)
    cup, pen = load_labelme(photos, CLASSES)[0]["annotations"]
    expected = np.zeros((40, 60), bool)
    expected[20:31, 5:26] = painted
    assert (coco_mask.decode(cup["segmentation"]) == expected).all()
    assert cup["bbox"] == [8, 22, 23, 29]
    assert PolygonMasks([pen["segmentation"]]).area().tolist() == pytest.approx([50])


def test_lines_are_as_wide_as_labelme_draws_them_and_other_tools_write_four_corners(photos):
    four = shape("pen", [[10, 30], [20, 30], [20, 36], [10, 36]], "rectangle")  # X-AnyLabeling
    write(photos, shape("cup", [[10, 10], [40, 10]], "line"), four)
    line, box = load_labelme(photos, CLASSES)[0]["annotations"]
    assert line["bbox"] == [10, 5, 40, 15]
    assert box["bbox"] == [10, 30, 20, 36]


def test_a_closed_line_leaves_its_middle_free(photos):
    write(photos, shape("cup", [[10, 10], [40, 10], [40, 35], [10, 35], [10, 10]], "linestrip"))
    (found,) = load_labelme(photos, CLASSES)
    area = PolygonMasks([found["annotations"][0]["segmentation"]]).area().item()
    assert area < 40 * 35 - 19 * 14, "the middle is filled"


def test_a_group_of_a_mask_and_a_polygon_is_one_mask(photos):
    buffer = BytesIO()
    Image.fromarray(np.ones((5, 5), np.uint8)).save(buffer, "PNG")
    mask = shape("cup", [[2, 2], [6, 6]], "mask", group=1) | {"mask": base64.b64encode(buffer.getvalue()).decode()}
    write(photos, mask, shape("cup", [[20, 20], [30, 20], [30, 30], [20, 30]], group=1))
    (cup,) = load_labelme(photos, CLASSES)[0]["annotations"]
    assert coco_mask.area(cup["segmentation"]) == 125
    assert cup["bbox"] == [2, 2, 30, 30]


@pytest.mark.parametrize(("orientation", "size"), [(6, (60, 40)), (1, (30, 20))], ids=["EXIF ignored", "resized"])
def test_a_photo_that_is_not_the_one_annotated_is_left_out(photos, orientation, size):
    """The masks would land elsewhere."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.new("RGB", size).save(photos / "a.jpg", exif=exif)
    write(photos, shape("cup", [[10, 10], [30, 10], [20, 30]]))
    with pytest.raises(AnnotationError, match=r"size differs: annotated at 60 x 40 pixels, but the upright photo has"):
        load_labelme(photos, CLASSES)


def test_labels_of_labelmes_converters_are_no_classes(photos):
    """A model would learn to find what was marked to be left out."""
    ring = [[10, 10], [30, 10], [20, 30]]
    write(photos, shape("cup", ring), shape("__ignore__", [[1, 1], [5, 1], [5, 5]]))
    (found,), report = load_annotations(photos)
    assert report.class_names == ("cup",)
    assert found[INCOMPLETE]
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.UNKNOWN_CLASS]
