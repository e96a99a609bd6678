"""A sure object vouches for others of its class in the same picture; where nothing is sure, nothing is kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.hysteresis import TrackHysteresis, is_undecided
from balloon_splash.compositing.select import Selection, with_default_confidence
from balloon_splash.errors import UsageError


def detections(*scores: float, classes: tuple[int, ...] = (), numbers: tuple[int, ...] = ()) -> Detections:
    count = len(scores)
    boxes = np.array([(10 * i, 0, 10 * i + 8, 8) for i in range(count)], np.float32)
    found = Detections(
        (50, 100),
        boxes,
        np.array(scores, np.float32),
        np.array(classes or [0] * count, np.int64),
        np.ones((count, 4, 4), np.float32),
        ("balloon", "cup"),
    )
    return replace(found, identities=np.array(numbers, np.int64)) if numbers else found


RULE = Selection(confidence=0.9, low_confidence=0.5)


@pytest.mark.parametrize(
    ("found", "kept"),
    [
        (detections(0.95, 0.6, 0.4), [0, 1]),
        (detections(0.89, 0.6, 0.4), []),
        (detections(0.95, 0.92), [0, 1]),
        (detections(0.95, 0.6, 0.55, classes=(0, 1, 0)), [0, 2]),
        (detections(), []),
    ],
)
def test_the_rest_is_kept_only_beside_a_sure_object_of_the_class(found: Detections, kept: list[int]) -> None:
    assert RULE.indices(found).tolist() == kept


def test_without_the_rule_every_object_needs_the_confidence() -> None:
    assert Selection(confidence=0.9).indices(detections(0.95, 0.6)).tolist() == [0]


def test_a_choice_applies_after_the_rule() -> None:
    found = detections(0.95, 0.6)
    assert replace(RULE, box=(9, 0, 30, 20)).indices(found).tolist() == [1], "the sure object need not be chosen"


def test_an_object_that_was_sure_once_vouches_for_the_rest_as_long_as_it_is_followed() -> None:
    rule = TrackHysteresis(0.9, 0.5)
    assert rule.indices(detections(0.8, 0.6, numbers=(1, 2))).tolist() == []
    assert rule.indices(detections(0.95, 0.6, numbers=(1, 2))).tolist() == [0, 1]
    assert rule.indices(detections(0.7, 0.6, numbers=(1, 2))).tolist() == [0, 1]
    assert rule.indices(detections(0.6, numbers=(2,))).tolist() == [], "it has left"


def test_thresholds_that_contradict_each_other_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"--low-confidence 0\.95 with --confidence 0\.9"):
        Selection(confidence=0.9, low_confidence=0.95)


@pytest.mark.parametrize(
    ("selection", "confidence", "low", "expected"),
    [
        (Selection(), None, None, (0.9, 0.5)),
        (Selection(), 0.3, None, (0.3, 0.3)),
        (Selection(confidence=0.8), None, None, (0.8, None)),
        (Selection(confidence=0.8, low_confidence=0.6), None, None, (0.8, 0.6)),
        (Selection(), None, 0.9, (0.9, 0.9)),
    ],
)
def test_defaults_fill_only_what_is_left_open(
    selection: Selection, confidence: float | None, low: float | None, expected: tuple[float, float | None]
) -> None:
    chosen = with_default_confidence(selection, confidence, low)
    assert (chosen.confidence, chosen.low_confidence) == expected


@pytest.mark.parametrize(
    ("found", "undecided"),
    [
        ([detections(0.85), detections(0.6)], True),
        ([detections(0.85), detections(0.92)], False),
        ([detections(0.75), detections(0.79)], False),
        ([detections(), detections()], False),
        ([detections(0.95, classes=(0,)), detections(0.85, classes=(1,))], True),
    ],
    ids=["nearly sure in one", "sure in the other", "far from it", "nothing", "a sure one of another class"],
)
def test_one_more_look_where_it_could_decide(found: list[Detections], undecided: bool) -> None:
    assert is_undecided(found, 0.9, 0.5) is undecided
    assert not is_undecided(found, 0.9, 0.9), "with one threshold, weaker objects are not followed"
