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


def test_a_line_ends_where_json_lines_end(photos: Path) -> None:
    """Texts may hold separators of lines that only Unicode knows, as in a name that was pasted from a document."""
    write_labelbox(photos)
    path = photos / "export.ndjson"
    path.write_text(path.read_text().replace('"kite"', '"box\u2028kite"'), encoding="utf-8")
    dicts, report = load_annotations(path)
    assert len(dicts[0]["annotations"]) == 2
    assert report.class_names == ("box\u2028kite", "cup")
    assert not report.faults
