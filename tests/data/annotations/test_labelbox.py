"""Labelbox exports all photos, also those whose turn has not come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.data.annotations.records import ReadOptions
from tests.data.annotations.tool_files import write_labelbox

SKIPPED = {
    "annotations": {"objects": [], "classifications": []},
    "performance_details": {"seconds_to_create": 2, "skipped": True},
}


@pytest.mark.parametrize("labels", [[], [SKIPPED]], ids=["not yet", "skipped"])
def test_a_photo_without_a_label_is_not_a_photo_without_objects(photos: Path, labels: list[Any]) -> None:
    write_labelbox(photos)
    path = photos / "export.ndjson"
    first, second = map(json.loads, path.read_text().splitlines())
    second["projects"]["p1"]["labels"] = labels
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    dicts, report = load_annotations(path, options=ReadOptions(keep_empty=True, strict=True))
    assert [Path(each["file_name"]).name for each in dicts] == ["a.jpg"]
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.NOT_ANNOTATED]
