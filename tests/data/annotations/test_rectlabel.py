"""RectLabel's XML: a curve is round, and what has no outline is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations, recognise
from balloon_splash.errors import DatasetError
from tests.data.annotations.tool_files import mask_of, rectlabel_object
from tests.data.conftest import HEIGHT, WIDTH


def write(folder: Path, objects: str) -> None:
    (folder / "a.xml").write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<annotation><filename>a.jpg</filename><size><width>{WIDTH}</width>'
        f"<height>{HEIGHT}</height></size>{objects}</annotation>"
    )


def points(*values: tuple[str, float]) -> str:
    return "".join(f"<{tag}>{value:g}</{tag}>" for tag, value in values)


def test_a_curve_of_four_points_is_a_circle(photos: Path) -> None:
    """Handles as every drawing program sets them: c1 where the curve goes on, c2 where it comes from."""
    corners = [(np.cos(angle), np.sin(angle)) for angle in np.arange(4) * np.pi / 2]
    values: list[tuple[str, float]] = []
    for i, (x, y) in enumerate(corners, 1):
        for suffix, along in (("", 0.0), ("_c1", 0.5523), ("_c2", -0.5523)):
            values += [(f"x{i}{suffix}", 30 + 15 * (x - along * y)), (f"y{i}{suffix}", 20 + 15 * (y + along * x))]
    write(photos, rectlabel_object("cup", f"<cubic_bezier>{points(*values)}</cubic_bezier>"))
    (found,), report = load_annotations(photos)
    assert not report.faults
    assert mask_of(found["annotations"][0]).sum() == pytest.approx(np.pi * 15**2, rel=0.01)


def test_what_has_no_outline_is_a_fault_and_the_rest_is_read(photos: Path) -> None:
    corners = [(1, 1), (30, 1), (20, 30)]
    values = [
        (f"{axis}{i}", value) for i, pair in enumerate(corners, 1) for axis, value in zip("xy", pair, strict=True)
    ]
    shapes = [f"<polygon>{points(*values)}</polygon>", "", "<pixels><id>0</id></pixels>",
              f"<line>{points(*values)}</line>", "<polygon><x1>1</x1><y1>one</y1></polygon>"]  # fmt: skip
    write(photos, "".join(rectlabel_object("cup", shape) for shape in shapes))
    (found,), report = load_annotations(photos)
    assert len(found["annotations"]) == 1
    assert [fault.kind for fault in report.faults.faults] == [
        FaultKind.NO_OUTLINE, FaultKind.NO_OUTLINE, FaultKind.OPEN_POLYLINE, FaultKind.NOT_A_NUMBER
    ]  # fmt: skip


def test_boxes_alone_as_labelimg_writes_them_are_said_in_one_line(photos: Path) -> None:
    write(photos, rectlabel_object("cup", ""))
    assert recognise(photos).format.name == "rectlabel"
    with pytest.raises(DatasetError, match=r"box without outline: 1.*expected a polygon"):
        load_annotations(photos)
