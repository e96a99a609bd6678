from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.data.annotations.polygons import FittedRegion, cut_out, fit_to_photo


def fit(*points: tuple[float, float]) -> FittedRegion:
    return fit_to_photo(np.array(points, dtype=np.float64), 100, 80)


def total_area(region: FittedRegion) -> float:
    return sum(shapely.Polygon(np.reshape(ring, (-1, 2))).area for ring in region.polygons)


def test_a_valid_polygon_inside_the_photo_is_not_touched():
    points = np.array([(1.25, 2.1), (70.3, 5.7), (33.3, 60.9)])
    region = fit_to_photo(points, 100, 80)
    assert region.polygons[0] is points
    assert region == FittedRegion([points], repaired=False, clipped=False, lost=0.0, bbox=(1.25, 2.1, 70.3, 60.9))


def test_the_border_and_one_past_the_last_pixel_are_inside():
    points = np.array([(0, 0), (100, 0), (100, 80), (0, 80)], float)
    region = fit_to_photo(points, 100, 80)
    assert not region.clipped
    assert region.polygons[0] is points
    assert region.bbox == (0, 0, 100, 80)


def test_an_outline_that_crosses_itself_loses_its_hole_once_mended():
    """Each triangle of the hourglass has 50 square pixels, and the hole takes 4 from one."""
    hourglass = np.array([(0, 0), (10, 0), (0, 20), (10, 20)], float)
    hole = np.array([(4, 2), (6, 2), (6, 4), (4, 4)], float)
    left = cut_out(hourglass, [hole, hole[[0, 0, 0]]])
    assert sum(shapely.Polygon(ring).area for ring in left) == pytest.approx(96)


def test_a_hole_that_crosses_itself_too_often_is_refused():
    scribble = np.random.default_rng(0).uniform(0, 50, (300, 2))
    square = np.array([(0, 0), (50, 0), (50, 50), (0, 50)], float)
    with pytest.raises(UnsoundError, match="crosses itself more than 5 times"):
        cut_out(square, [scribble], Limits(max_crossings=5))


@pytest.mark.parametrize(
    ("shift", "bbox"),
    [
        ((-40, 0), (0, 20, 20, 60)),
        ((0, -40), (20, 0, 60, 20)),
        ((60, 0), (80, 20, 100, 60)),
        ((0, 40), (20, 60, 60, 80)),
    ],
    ids=["left", "above", "right", "below"],
)
def test_each_border_cuts(shift, bbox):
    square = np.array([(20, 20), (60, 20), (60, 60), (20, 60)], float)
    region = fit_to_photo(square + shift, 100, 80)
    assert region.clipped
    assert region.lost == pytest.approx(0.5)
    assert region.bbox == bbox


def test_what_lies_outside_is_cut_off_and_told():
    region = fit((90, 10), (110, 10), (110, 30), (90, 30))
    assert region.clipped
    assert region.lost == pytest.approx(0.5)
    assert region.bbox == (90, 10, 100, 30)


def test_a_polygon_that_cutting_parts_keeps_all_its_parts():
    # A U whose bottom is below the photo.
    region = fit((10, 60), (20, 60), (20, 90), (40, 90), (40, 60), (50, 60), (50, 100), (10, 100))
    assert len(region.polygons) == 2
    assert total_area(region) == pytest.approx(2 * 10 * 20)
    assert region.bbox == (10, 60, 50, 80)


@pytest.mark.parametrize("x", [100, 150], ids=["touching", "away"])
def test_nothing_left_inside_is_a_fault(x):
    with pytest.raises(UnsoundError) as caught:
        fit((x, 10), (x + 20, 10), (x + 20, 30))
    assert caught.value.kind is FaultKind.OUTSIDE
    assert caught.value.message == f"the region spans {x}..{x + 20} x 10..30, the photo is 100 x 80"


@pytest.mark.parametrize("points", [[(0, 0), (5, 5), (10, 10)], [(3, 3), (3, 3), (3, 3)]], ids=["line", "dot"])
def test_no_area_is_a_fault(points):
    with pytest.raises(UnsoundError) as caught:
        fit(*points)
    assert caught.value.kind is FaultKind.ZERO_AREA
    assert caught.value.message == "the area is 0 square pixels"


def test_a_bow_tie_becomes_two_triangles():
    region = fit((0, 0), (10, 10), (10, 0), (0, 10))
    assert region.repaired
    assert len(region.polygons) == 2
    assert total_area(region) == pytest.approx(50)


@pytest.mark.parametrize("slope", [0.0, 1.0], ids=["level", "aslant"])
def test_crossings_are_counted_to_the_last_one(slope):
    """Two zigzags cross between any two of their points."""
    x = np.arange(101.0)
    there = np.stack([x, slope * x + np.where(x % 2, 1, -1)], axis=1)
    back = np.stack([x, slope * x + np.where(x % 2, -1, 1)], axis=1)[::-1]
    outline = np.concatenate([there, back])
    assert fit_to_photo(outline, 200, 200, max_crossings=100).repaired
    with pytest.raises(UnsoundError, match="more than 99 times") as caught:
        fit_to_photo(outline, 200, 200, max_crossings=99)
    assert caught.value.kind is FaultKind.TOO_MANY_CROSSINGS


def test_drawing_on_past_the_start_does_not_punch_a_hole():
    # The pen comes back to (8, 8), goes on along the first edge and ends inside: the triangle there is circled twice.
    region = fit((10, 10), (50, 10), (50, 50), (8, 50), (8, 8), (20, 8), (20, 15))
    assert region.repaired
    covered = shapely.union_all([shapely.Polygon(ring) for ring in region.polygons])
    assert covered.contains(shapely.Point(18, 12))


@pytest.mark.parametrize("turn", [1, -1], ids=["with the outline", "against it"])
def test_a_hole_behind_a_bridge_stays_a_hole_whichever_way_it_runs(turn: int):
    hole = [(20, 20), (30, 20), (30, 30), (20, 30), (20, 20)][::turn]
    region = fit((10, 10), (10, 20), *hole, (10, 20), (10, 50), (50, 50), (50, 10))
    assert region.repaired
    assert total_area(region) == pytest.approx(40 * 40 - 10 * 10)


def test_parts_joined_by_a_bridge_stay_parts():
    region = fit((10, 10), (20, 10), (20, 20), (40, 20), (40, 30), (60, 30), (60, 20), (40, 20), (20, 20), (10, 20))
    assert total_area(region) == pytest.approx(10 * 10 + 20 * 10)
    assert len(region.polygons) == 2


@pytest.mark.parametrize("corners", [4, 3000])
def test_an_outline_that_runs_around_twice_is_filled(corners: int):
    """As of labelformat 0.1.17, see findings/labelformat_mask_outlines_run_twice.sh."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    once = np.stack([30 + 20 * np.cos(angles), 30 + 20 * np.sin(angles)], axis=1)
    for end in ([], [once[:1]]):
        region = fit_to_photo(np.concatenate([once, once, *end]), 100, 100)
        assert region.repaired
        assert total_area(region) == pytest.approx(shapely.Polygon(once).area)


@pytest.mark.parametrize(
    "points",
    [
        [(0, 0), (30, 0), (30, 30), (0, 0), (30, 0), (30, 30), (5, 60)],  # goes on behind the second round
        [(0, 0), (0, 0), (9, 9), (9, 0)],
    ],
)
def test_an_outline_that_merely_repeats_some_points_keeps_all(points: list[tuple[int, int]]):
    points_alone = fit(*dict.fromkeys(points))
    assert total_area(fit(*points)) >= total_area(points_alone) - 1e-9


def test_a_hole_drawn_on_purpose_stays_a_hole():
    outer, inner = (
        [(10, 10), (50, 10), (50, 50), (10, 50), (10, 10)],
        [(20, 20), (20, 40), (40, 40), (40, 20), (20, 20)],
    )
    region = fit(*outer, *inner)
    assert total_area(region) == pytest.approx(40 * 40 - 20 * 20)
    assert not any(shapely.Polygon(ring).contains(shapely.Point(30, 30)) for ring in region.polygons)


def test_two_holes_far_from_the_middle_stay_holes():
    outer = [(50, 10), (95, 10), (95, 70), (50, 70), (50, 10)]
    first = [(80, 20), (80, 30), (90, 30), (90, 20), (80, 20)]
    second = [(55, 50), (55, 60), (65, 60), (65, 50), (55, 50)]
    region = fit(*outer, *first, (50, 10), *second)
    assert total_area(region) == pytest.approx(45 * 60 - 2 * 100)
    for hole in ((85, 25), (60, 55)):
        assert not any(shapely.Polygon(ring).contains(shapely.Point(*hole)) for ring in region.polygons)


coordinates = st.integers(-40, 140) | st.floats(-1e7, 1e7, allow_nan=False)


@settings(deadline=None)
@given(points=st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=12))
def test_whatever_comes_out_is_simple_and_inside(points):
    try:
        region = fit(*points)
    except UnsoundError:
        return
    assert region.polygons
    for ring in region.polygons:
        assert shapely.Polygon(ring).is_valid
    x0, y0, x1, y1 = region.bbox
    assert 0 <= x0 < x1 <= 100
    assert 0 <= y0 < y1 <= 80
