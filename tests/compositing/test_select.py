"""Only the objects that were asked for keep their colour."""

from dataclasses import replace

import numpy as np
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.select import Selection
from balloon_splash.errors import UsageError
from tests.fakes import draw_scene, find_blobs


@pytest.fixture(scope="module")
def found():
    """Large red disc, blue disc, small red disc; in this order."""
    detections = find_blobs(draw_scene())
    assert detections.classes.tolist() == [0, 1, 0]
    return detections


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), [0, 1, 2]),
        (Selection(confidence=0.94), [0, 1]),
        (Selection(classes=["red"]), [0, 2]),
        (Selection(classes=["BLUE"]), [1]),
        (Selection(top_k=2), [0, 1]),
        (Selection(classes=["red"], top_k=1), [0]),
        (Selection(largest=True), [0]),
        (Selection(instances=[1, 3]), [0, 2]),
        (Selection(instances=[7]), []),
        (Selection(box=(60, 60, 160, 120)), [1]),
        (Selection(point=(120, 40)), [2]),
        (Selection(point=(80, 90)), [1]),
        (Selection(point=(3, 3)), []),
        (Selection(point=(900, 5)), []),
    ],
)
def test_selection(found, selection, expected):
    assert selection.indices(found).tolist() == expected


def test_largest_looks_at_areas_not_at_scores(found):
    shuffled = replace(found, scores=found.scores[::-1].copy())[[2, 1, 0]]
    assert Selection(largest=True).indices(shuffled).tolist() == [2]


def test_the_corner_of_a_box_is_not_on_the_object(found):
    x0, y0 = found.boxes[0, :2] + 1
    assert Selection(point=(float(x0), float(y0))).indices(found).tolist() == []


def test_unknown_classes_are_named_beside_the_known_ones(found):
    with pytest.raises(UsageError, match=r"green.*red, blue"):
        Selection(classes=["red", "green"]).indices(found)


def test_nothing_found_selects_nothing(found):
    empty = found[np.zeros(3, bool)]
    for selection in (Selection(largest=True), Selection(point=(1, 1)), Selection(top_k=3), Selection(classes=["red"])):
        assert len(selection.indices(empty)) == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"box": (60, 60, 40, 120)}, "--box 60 60 40 120"),
        ({"box": (0, 0, float("nan"), 5)}, "--box 0 0 nan 5"),
        ({"point": (-1, 5)}, "--point -1 5"),
        ({"confidence": 90}, "--confidence 90; expected a number from 0 to 1"),
        ({"top_k": 0}, "--top-k 0"),
        ({"top_k": 2, "largest": True}, "--largest, which keeps one object, with --top-k 2"),
    ],
)
def test_numbers_that_could_not_choose_anything_are_refused(wrong, told):
    with pytest.raises(UsageError, match=told):
        Selection(**wrong)


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (Selection(confidence=1), "no object reaches --confidence 1; the best score is 0.99"),
        (
            Selection(instances=[99]),
            "none of the 3 objects is chosen; their numbers are 1, 2, 3, their classes blue, red",
        ),
        (Selection(point=(900, 5)), "--point 900 5 lies outside the picture of 160x120 pixels"),
        (Selection(box=(900, 5, 950, 9)), "--box 900 5 950 9 lies outside the picture of 160x120 pixels"),
    ],
)
def test_a_choice_that_hits_nothing_is_explained_by_the_objects_that_there_are(found, selection, told):
    assert selection.indices(found).tolist() == []
    assert selection.explain_nothing(found) == told


def test_where_the_model_finds_nothing_sure_enough_its_best_score_is_named():
    nothing = replace(Detections.empty((120, 160)), best_left_out=0.4312)
    assert "score of 0.5 or more (the best has 0.4312); expected" in Selection(confidence=0.5).explain_nothing(nothing)
    assert "score of 0.5 or more; expected" in Selection(confidence=0.5).explain_nothing(Detections.empty((120, 160)))


def test_the_best_score_is_not_rounded_up_to_the_confidence_that_it_misses(found):
    best = float(found.scores.max())
    told = Selection(confidence=min(best + 1e-3, 1)).explain_nothing(found)
    assert float(told.split()[-1]) == pytest.approx(best, abs=1e-4)


def test_objects_below_the_confidence_are_not_offered(found):
    selection = Selection(confidence=float(np.sort(found.scores)[-1]), low_confidence=None, instances=[99])
    assert selection.explain_nothing(found).startswith("the only object is not chosen")


@pytest.mark.parametrize(
    ("selection", "option"),
    [
        (Selection(point=(118, 2)), "--point 118 2"),
        (Selection(box=(118, 0, 130, 4)), "--box 118 0 130 4"),
    ],
)
def test_a_place_that_misses_is_told_the_nearest_object(found, selection, option):
    box = " ".join(f"{value:.0f}" for value in found.boxes[2])
    told = f"none of the 3 objects is at {option}; the nearest is number 3, in the box {box}"
    assert selection.explain_nothing(found) == told


def test_a_picture_without_objects_is_explained_by_the_confidence(found):
    told = Selection(confidence=0.9).explain_nothing(found[[]])
    assert "score of 0.9 or more" in told
    assert "--add-box" in told
    assert Selection(confidence=0.9, classes=["red"]).explain_nothing(found[[]]).startswith("no object of red found")
