from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.regions import region_polygon
from tests.data.conftest import SQUARE, polygon


def area(shape: dict[str, object]) -> float:
    return shapely.Polygon(region_polygon(shape)).area


def fault_of(shape: dict[str, object], max_points: int = 100) -> UnsoundError:
    with pytest.raises(UnsoundError) as caught:
        region_polygon(shape, max_points=max_points)
    return caught.value


def test_polygon_keeps_its_coordinates_without_the_closing_point():
    expected = [(10, 10), (30, 10), (30, 30), (10, 30)]
    assert region_polygon(SQUARE).tolist() == [list(point) for point in expected]
    assert region_polygon(polygon(*expected)).tolist() == region_polygon(SQUARE).tolist()


def test_polyline_is_a_polygon_if_closed_or_if_asked_for():
    closed = SQUARE | {"name": "polyline"}
    assert np.array_equal(region_polygon(closed), region_polygon(SQUARE))
    open_line = polygon((0, 0), (10, 0), (10, 10)) | {"name": "polyline"}
    assert fault_of(open_line).kind is FaultKind.OPEN_POLYLINE
    assert len(region_polygon(open_line, close_polylines=True)) == 3


def test_rect_covers_its_corners():
    rect = {"name": "rect", "x": 5, "y": 6, "width": 10, "height": 4}
    assert region_polygon(rect).tolist() == [[5, 6], [15, 6], [15, 10], [5, 10]]


def test_circle_and_ellipse_lose_less_than_a_thousandth_of_their_area():
    assert area({"name": "circle", "cx": 50, "cy": 40, "r": 30}) == pytest.approx(math.pi * 900, rel=1e-3)
    ellipse = {"name": "ellipse", "cx": 50, "cy": 40, "rx": 30, "ry": 10}
    assert area(ellipse) == pytest.approx(math.pi * 300, rel=1e-3)
    assert area(ellipse | {"theta": 0.7}) == pytest.approx(math.pi * 300, rel=1e-3)


def test_theta_turns_the_ellipse_clockwise_as_seen():
    ellipse = {"name": "ellipse", "cx": 100, "cy": 100, "rx": 40, "ry": 5, "theta": math.pi / 6}
    points = region_polygon(ellipse)
    tip = points[np.argmax(points[:, 0])]
    # y points down, so clockwise from the x axis is right and below the centre.
    assert tip == pytest.approx((100 + 40 * math.cos(math.pi / 6), 100 + 40 * math.sin(math.pi / 6)), abs=0.5)


def test_ellipse_of_an_older_via_without_theta_lies_flat():
    points = region_polygon({"name": "ellipse", "cx": 0, "cy": 0, "rx": 8, "ry": 2})
    assert np.abs(points).max(axis=0) == pytest.approx((8, 2))


POLYGON = {"name": "polygon"}
RECT = {"name": "rect", "x": 1, "y": 1, "width": 5, "height": 5}


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ({"name": "point", "cx": 1, "cy": 1}, "a point has no area; draw a polygon"),
        ({"name": "star"}, "shape 'star'; expected polygon, polyline, rect, circle or ellipse"),
        (
            POLYGON | {"all_points_x": 3, "all_points_y": "4"},
            "all_points_x and all_points_y must be lists, found 3 and '4'",
        ),
        (
            POLYGON | {"all_points_x": [1, 2, 3]},
            "all_points_x and all_points_y must be lists, found [1, 2, 3] and None",
        ),
        (POLYGON | {"all_points_x": [1, 2, 3], "all_points_y": [1, 2]}, "3 x and 2 y coordinates"),
        (
            POLYGON | {"all_points_x": [1, 2, 3], "all_points_y": [1, "2", 3]},
            "all_points_y[1] is '2', expected a number",
        ),
        (polygon((1, 1), (1e9, 2), (3, 9)), "all_points_x[1] is 1000000000.0, expected a finite number of pixels"),
        (polygon((1, 1), (2, 2)), "2 points; a polygon needs 3"),
        (polygon((1, 1)), "1 point; a polygon needs 3"),
        (polygon((1, 1), (1, 1)), "1 point; a polygon needs 3"),
        (
            polygon((0, 0), (10, 0), (10, 10)) | {"name": "polyline"},
            "the ends of the polyline differ; close it in VIA, or read with close_polylines",
        ),
        (RECT | {"width": None}, "width is None, expected a number"),
        (RECT | {"width": -5}, "width is -5, expected a positive number"),
        (RECT | {"height": 0}, "height is 0"),
    ],
)
def test_what_is_wrong_with_a_shape_is_told(shape, message):
    assert fault_of(shape).message == message


def test_the_largest_coordinates_are_read():
    far = polygon((-1e7, -1e7), (1e7, -1e7), (1e7, 1e7))
    assert region_polygon(far).tolist() == [[-1e7, -1e7], [1e7, -1e7], [1e7, 1e7]]


def test_a_circle_starts_at_its_right_and_repeats_no_point():
    points = region_polygon({"name": "circle", "cx": 50, "cy": 40, "r": 30})
    assert points[0].tolist() == [80, 40]
    assert len(np.unique(points.round(6), axis=0)) == len(points)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ({"name": "point", "cx": 1, "cy": 1}, FaultKind.POINT),
        ({"name": "star"}, FaultKind.UNKNOWN_SHAPE),
        ({}, FaultKind.UNKNOWN_SHAPE),
        ({"name": ["polygon"]}, FaultKind.UNKNOWN_SHAPE),
        ({"name": "polygon"}, FaultKind.BAD_ENTRY),
        ({"name": "polygon", "all_points_x": [1, 2, 3], "all_points_y": [1, 2]}, FaultKind.UNEQUAL_LISTS),
        (polygon(), FaultKind.TOO_FEW_POINTS),
        (polygon((1, 1), (2, 2)), FaultKind.TOO_FEW_POINTS),
        (polygon((1, 1), (9, 2), (1, 1)), FaultKind.TOO_FEW_POINTS),
        (polygon((1, 1), (math.nan, 2), (3, 9)), FaultKind.OUT_OF_RANGE),
        (polygon((1, 1), (math.inf, 2), (3, 9)), FaultKind.OUT_OF_RANGE),
        (polygon((1, 1), (10**400, 2), (3, 9)), FaultKind.OUT_OF_RANGE),
        ({"name": "polygon", "all_points_x": ["1", 2, 3], "all_points_y": [1, 2, 9]}, FaultKind.NOT_A_NUMBER),
        ({"name": "polygon", "all_points_x": [None, 2, 3], "all_points_y": [1, 2, 9]}, FaultKind.NOT_A_NUMBER),
        ({"name": "polygon", "all_points_x": [True, 2, 3], "all_points_y": [1, 2, 9]}, FaultKind.NOT_A_NUMBER),
        ({"name": "rect", "x": 1, "y": 1, "width": 5}, FaultKind.NOT_A_NUMBER),
        ({"name": "rect", "x": 1, "y": 1, "width": -5, "height": 5}, FaultKind.OUT_OF_RANGE),
        ({"name": "rect", "x": 1, "y": 1, "width": 0, "height": 5}, FaultKind.ZERO_AREA),
        ({"name": "circle", "cx": 1, "cy": 1, "r": 0}, FaultKind.ZERO_AREA),
        ({"name": "ellipse", "cx": 1, "cy": 1, "rx": 3, "ry": 2, "theta": "x"}, FaultKind.NOT_A_NUMBER),
    ],
)
def test_every_unsound_shape_is_told_by_kind(shape, kind):
    assert fault_of(shape).kind is kind


def test_faults_say_where_the_number_is_and_stay_short():
    error = fault_of({"name": "polygon", "all_points_x": [1, 2, "9" * 10_000], "all_points_y": [1, 2, 3]})
    assert "all_points_x[2]" in error.message
    assert len(error.message) < 200


def test_limit_of_points_is_named():
    assert len(region_polygon(SQUARE, max_points=5)) == 4
    error = fault_of(SQUARE, max_points=4)
    assert error.kind is FaultKind.TOO_MANY_POINTS
    assert "max_points" in error.message


numbers = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3))
shapes = st.fixed_dictionaries(
    {"name": st.sampled_from(["polygon", "polyline", "rect", "circle", "ellipse", "point"])},
    optional={
        **dict.fromkeys(("x", "y", "width", "height", "cx", "cy", "r", "rx", "ry", "theta"), numbers),
        **{key: st.lists(numbers, max_size=5) | numbers for key in ("all_points_x", "all_points_y")},
    },
)


@given(shape=shapes)
def test_a_shape_is_a_finite_polygon_or_a_fault(shape):
    try:
        points = region_polygon(shape, close_polylines=True)
    except UnsoundError:
        return
    assert points.shape[0] >= 3
    assert points.shape[1] == 2
    assert np.isfinite(points).all()
