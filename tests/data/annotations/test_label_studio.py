"""The brush of Label Studio, whose run lengths are packed in bits of their own."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.data.annotations.label_studio import unpack_bits
from balloon_splash.data.annotations.records import ReadOptions
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
