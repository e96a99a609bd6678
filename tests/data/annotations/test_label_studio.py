"""The brush of Label Studio, whose run lengths are packed in bits of their own."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.data.annotations.label_studio import unpack_bits
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.errors import DatasetError
from tests.data.annotations.tool_files import mask_of, read, write_label_studio
from tests.data.conftest import HEIGHT, WIDTH


def pack_bits(values: list[tuple[int, int]]) -> list[int]:
    """Runs of (value, length), as ``@thi.ng/rle-pack`` packs them: repeated values, or single ones."""
    bits = f"{sum(length for _, length in values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in (3, 4, 8, 16))
    for value, length in values:
        bits += (
            f"1{3:02b}{length - 1:016b}{value:08b}"
            if length > 2
            else f"0{0:02b}{length - 1:03b}" + f"{value:08b}" * length
        )
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def test_the_brush_of_label_studio_keeps_its_hole_and_its_parts(photos: Path) -> None:
    write_label_studio(photos)
    path = photos / "project-1-at-2026.json"
    tasks = json.loads(path.read_text())
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    painted[5:20, 5:25], painted[10:12, 10:15], painted[30:35, 50:58] = 255, 0, 255
    channels = np.repeat(painted.ravel(), 4)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(channels)) + 1, [len(channels)]])
    rle = pack_bits([(int(channels[a]), int(b - a)) for a, b in pairwise(starts)])
    brush = {"format": "rle", "rle": rle, "brushlabels": ["cup"]}
    tasks[0]["annotations"][0]["result"][1] |= {"type": "brushlabels", "value": brush}
    path.write_text(json.dumps(tasks))
    (found,) = read(photos)
    assert (mask_of(found["annotations"][1]) == (painted > 0)).all()
    assert unpack_bits(bytes(pack_bits([(3, 1), (9, 700), (7, 2)])), 703).tolist() == [3] + [9] * 700 + [7] * 2


@pytest.mark.parametrize(
    "annotations", [[], [{"id": 1, "result": [], "was_cancelled": True}]], ids=["not yet", "skipped"]
)
def test_a_task_that_nobody_did_is_not_a_photo_without_objects(photos: Path, annotations: list[Any]) -> None:
    write_label_studio(photos)
    path = photos / "project-1-at-2026.json"
    tasks = json.loads(path.read_text())
    tasks[1]["annotations"] = annotations
    path.write_text(json.dumps(tasks))
    dicts, report = load_annotations(path, options=ReadOptions(keep_empty=True, strict=True))
    assert [Path(each["file_name"]).name for each in dicts] == ["a.jpg"]
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.NOT_ANNOTATED]


def test_a_polygon_submitted_while_it_was_being_drawn_is_reported(photos: Path) -> None:
    write_label_studio(photos)
    path = photos / "project-1-at-2026.json"
    tasks = json.loads(path.read_text())
    polygons = [region["value"] for region in tasks[0]["annotations"][0]["result"] if "points" in region["value"]]
    polygons[0]["closed"] = False
    path.write_text(json.dumps(tasks))
    _, report = load_annotations(path)
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.OPEN_POLYLINE]
    closed, report = load_annotations(path, options=ReadOptions(close_polylines=True))
    assert not report.faults
    polygons[0]["closed"] = True
    path.write_text(json.dumps(tasks))
    assert load_annotations(path)[0] == closed


def changed(photos: Path, result: list[dict[str, Any]]) -> Path:
    """Add results to the first task, which shows a kite and a cup."""
    write_label_studio(photos)
    path = photos / "project-1-at-2026.json"
    tasks = json.loads(path.read_text())
    tasks[0]["annotations"][0]["result"] += result
    path.write_text(json.dumps(tasks))
    return path


def test_a_region_with_labels_of_two_controls_has_no_clear_class(photos: Path) -> None:
    """A kind and a colour, chosen in two rows of buttons: the last one would be the class."""
    common = {"id": "x", "to_name": "image", "original_width": WIDTH, "original_height": HEIGHT}
    points = {"points": [[10, 10], [50, 10], [50, 50]], "closed": True}
    results = [
        {**common, "type": "polygonlabels", "from_name": "kind", "value": {**points, "polygonlabels": ["kite"]}},
        {**common, "type": "labels", "from_name": "colour", "value": {**points, "labels": ["red"]}},
    ]
    (found, *_), report = load_annotations(changed(photos, results))
    assert report.class_names == ("cup", "kite")
    assert len(found["annotations"]) == 2
    assert [(fault.kind, fault.region) for fault in report.faults.faults] == [(FaultKind.AMBIGUOUS_CLASS, "x")]


def test_an_attribute_of_a_region_leaves_its_shape(photos: Path) -> None:
    common = {"id": "x", "to_name": "image", "original_width": WIDTH, "original_height": HEIGHT}
    points = {"points": [[10, 10], [50, 10], [50, 50]], "closed": True, "polygonlabels": ["kite"]}
    results = [
        {**common, "type": "polygonlabels", "value": points},
        {**common, "type": "choices", "value": {"choices": ["striped"]}},
    ]
    (found, *_), report = load_annotations(changed(photos, results))
    assert [each["category_id"] for each in found["annotations"]] == [1, 0, 1]
    assert not report.faults


def test_regions_on_two_pictures_are_not_mixed(photos: Path) -> None:
    """All would lie on the first picture."""
    points = {"points": [[10, 10], [50, 10], [50, 50]], "polygonlabels": ["kite"]}
    result = {"id": "x", "type": "polygonlabels", "to_name": "other", "value": points}
    with pytest.raises(DatasetError, match="its regions are drawn on 2 pictures"):
        load_annotations(changed(photos, [result]))


def test_the_annotation_that_is_marked_as_ground_truth_counts(photos: Path) -> None:
    path = changed(photos, [])
    tasks = json.loads(path.read_text())
    (first,) = tasks[0]["annotations"]
    tasks[0]["annotations"] = [first, {**first, "ground_truth": True, "result": first["result"][:1]}]
    path.write_text(json.dumps(tasks))
    (found, *_), report = load_annotations(path)
    assert len(found["annotations"]) == 1
    assert "2 people annotated it; the one marked as ground truth is read" in report.faults.faults[0].message


def test_a_turned_rectangle_on_a_turned_photo_lies_where_it_was_drawn(photos: Path) -> None:
    """Label Studio's export to COCO turns it in percent, and scales polygons by the sides as stored."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (HEIGHT, WIDTH)).save(photos / "a.jpg", exif=exif)
    corner, sides, turn = np.array((30.0, 8.0)), np.array((20.0, 6.0)), np.radians(30)
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    corners = corner + np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * sides @ axes
    common = {"to_name": "image", "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0}
    to_percent = 100 / np.array((WIDTH, HEIGHT))
    (x, y), (width, height) = corner * to_percent, sides * to_percent
    box = {"x": x, "y": y, "width": width, "height": height, "rotation": 30, "rectanglelabels": ["cup"]}
    polygon = {"points": (corners * to_percent).tolist(), "closed": True, "polygonlabels": ["kite"]}
    results = [
        {"id": "r3", "type": "rectanglelabels", "value": box, **common},
        {"id": "r4", "type": "polygonlabels", "value": polygon, **common},
    ]
    (found, *_), report = load_annotations(changed(photos, results))
    assert not report.faults
    for annotation in found["annotations"][2:]:
        assert np.allclose(np.reshape(annotation["segmentation"][0], (-1, 2)), corners)
