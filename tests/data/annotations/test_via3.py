"""Shapes of VIA 3."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.data.annotations.tool_files import read, write_via3


def test_shapes_of_via_3(photos: Path) -> None:
    write_via3(photos)
    path = photos / "project.json"
    document = json.loads(path.read_text())
    shapes = {
        "circle": [3, 40, 20, 10], "ellipse": [4, 20, 20, 10, 5],
        "extreme rectangle": [8, 10, 15, 20, 5, 30, 12, 15, 25], "extreme circle": [9, 30, 20, 20, 30, 10, 20],
    }  # fmt: skip
    document["metadata"] = {
        name: {"vid": "1", "flg": 0, "z": [], "xy": xy, "av": {"1": "1"}} for name, xy in shapes.items()
    }
    path.write_text(json.dumps(document))
    (found,) = read(photos)
    assert [each["bbox"] for each in found["annotations"]] == [
        pytest.approx(box, abs=0.02) for box in ([30, 10, 50, 30], [10, 15, 30, 25], [10, 5, 30, 25], [10, 10, 30, 30])
    ]
