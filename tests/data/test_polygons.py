from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from balloon_splash.data.faults import FaultKind, UnsoundError
from balloon_splash.data.polygons import FittedRegion, fit_to_photo


def fit(*points: tuple[float, float]) -> FittedRegion:
    return fit_to_photo(np.array(points, dtype=np.float64), 100, 80)


def total_area(region: FittedRegion) -> float:
    return sum(shapely.Polygon(ring).area for ring in region.polygons)


def test_a_valid_polygon_inside_the_photo_is_not_touched():
    points = np.array([(1.25, 2.1), (70.3, 5.7), (33.3, 60.9)])
    region = fit_to_photo(points, 100, 80)
    assert region.polygons[0] is points
    assert not region.repaired
    assert not region.clipped


def test_one_past_the_last_pixel_is_inside():
    region = fit((50, 40), (100, 40), (100, 80), (50, 80))
    assert not region.clipped
    assert region.bbox == (50, 40, 100, 80)


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


@pytest.mark.parametrize("points", [[(0, 0), (5, 5), (10, 10)], [(3, 3), (3, 3), (3, 3)]], ids=["line", "dot"])
def test_no_area_is_a_fault(points):
    with pytest.raises(UnsoundError) as caught:
        fit(*points)
    assert caught.value.kind is FaultKind.ZERO_AREA


def test_a_bow_tie_becomes_two_triangles():
    region = fit((0, 0), (10, 10), (10, 0), (0, 10))
    assert region.repaired
    assert len(region.polygons) == 2
    assert total_area(region) == pytest.approx(50)


def test_drawing_on_past_the_start_does_not_punch_a_hole():
    # The pen comes back to (8, 8), goes on along the first edge and ends inside: the triangle there is circled twice.
    region = fit((10, 10), (50, 10), (50, 50), (8, 50), (8, 8), (20, 8), (20, 15))
    assert region.repaired
    covered = shapely.union_all([shapely.Polygon(ring) for ring in region.polygons])
    assert covered.contains(shapely.Point(18, 12))


def test_a_hole_drawn_on_purpose_stays_a_hole():
    outer, inner = (
        [(10, 10), (50, 10), (50, 50), (10, 50), (10, 10)],
        [(20, 20), (20, 40), (40, 40), (40, 20), (20, 20)],
    )
    region = fit(*outer, *inner)
    assert total_area(region) == pytest.approx(40 * 40 - 20 * 20)
    assert not any(shapely.Polygon(ring).contains(shapely.Point(30, 30)) for ring in region.polygons)


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
