"""The model that ships finds balloons that fill the picture, in its overview."""

from __future__ import annotations

import numpy as np
import pytest

from balloon_splash.compositing import DEFAULT_CONFIDENCE
from balloon_splash.config import load_config
from balloon_splash.data.render import render_scene
from balloon_splash.data.resizing import overview_size
from balloon_splash.errors import ConfigError
from balloon_splash.weights.names import shipped_model


def test_a_balloon_that_fills_the_picture_keeps_its_colour() -> None:
    pytest.importorskip("openvino")
    from balloon_splash.runtime.finder import OpenVinoFinder

    (found,) = OpenVinoFinder(shipped_model(), confidence=0.3).detect([render_scene(65, (960, 640)).image])
    assert found.scores[0] > DEFAULT_CONFIDENCE  # 0.67 without the overview
    assert np.prod(found.boxes[0, 2:] - found.boxes[0, :2]) > 0.2 * 960 * 640


@pytest.mark.parametrize("size", [-1, 8])
def test_an_overview_that_shows_nothing_is_refused(size: int) -> None:
    cfg = load_config("balloon_R50_slim.yaml", ["MODEL.BALLOON.OVERVIEW_SIZE", str(size)])
    with pytest.raises(ConfigError, match=rf"OVERVIEW_SIZE {size}; expected 0, or 32 pixels or more"):
        overview_size(cfg)


def test_a_picture_that_is_seen_as_small_needs_no_overview() -> None:
    assert overview_size(load_config("balloon_R50_slim.yaml", [])) == 300
    assert overview_size(load_config("balloon_R50_slim.yaml", ["INPUT.MIN_SIZE_TEST", "256"])) == 0
