"""The best score below the confidence asked for is known, so that a person can be told how far away it was."""

from __future__ import annotations

import pytest

from balloon_splash.data.render import render_scene
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.weights.names import shipped_model


def test_the_best_score_that_was_left_out_is_that_of_the_best_object_below_the_confidence() -> None:
    picture = render_scene(19).image
    (all_of_them,) = OpenVinoFinder(shipped_model(), confidence=0.05, scales=[800]).detect([picture])
    (none,) = OpenVinoFinder(shipped_model(), confidence=1.0, scales=[800]).detect([picture])
    assert len(none) == 0
    assert none.best_left_out == pytest.approx(float(all_of_them.scores.max()), abs=1e-6)
    assert none[:0].best_left_out == none.best_left_out
