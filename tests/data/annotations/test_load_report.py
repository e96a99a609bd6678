"""The report on an annotation file says what no single object shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from balloon_splash.data.annotations.formats import load_annotations
from tests.data.annotations.test_labelme import shape, write

BOXES = [[[5 * number, 5], [5 * number + 4, 30]] for number in range(10)]


@pytest.mark.parametrize("corners", [2, 4])
def test_boxes_in_place_of_all_outlines_are_reported(
    photos: Path, corners: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Converters that take COCO's ``bbox`` for the object write LabelMe's rectangles, and report success."""
    around = [[[x0, y0], [x1, y0], [x1, y1], [x0, y1]] for (x0, y0), (x1, y1) in BOXES]
    write(photos, *(shape("cup", points, "rectangle") for points in (BOXES if corners == 2 else around)))
    found, report = load_annotations(photos, photos)
    assert [len(photo["annotations"]) for photo in found] == [10], "they may be meant"
    (note,) = report.notes
    assert note.startswith("all 10 objects are upright rectangles")
    assert note in caplog.text


def test_some_boxes_among_outlines_are_no_news(photos: Path) -> None:
    triangle = shape("cup", [[50, 5], [58, 5], [54, 30]])
    write(photos, *(shape("cup", points, "rectangle") for points in BOXES), triangle)
    assert not load_annotations(photos, photos)[1].notes


def test_a_few_boxes_may_be_chance(photos: Path) -> None:
    write(photos, *(shape("cup", points, "rectangle") for points in BOXES[:9]))
    assert not load_annotations(photos, photos)[1].notes
