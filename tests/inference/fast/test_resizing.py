"""The network sees the same picture, whoever makes it smaller."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from balloon_splash.data.render import render_scene
from balloon_splash.inference.fast.resizing import resize


@pytest.mark.parametrize("size", [(48, 64), (75, 100), (240, 320), (120, 160)])
def test_as_pillow_but_for_one_grey_level(size: tuple[int, int]) -> None:
    image = render_scene(3, (160, 120)).image
    expected = np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR)).astype(int)
    difference = np.abs(resize(image, *size).numpy().transpose(1, 2, 0) - expected)
    assert difference.max() <= 1
    assert difference.mean() < 0.05


def test_pictures_that_are_views_or_read_only() -> None:
    image = render_scene(3, (160, 120)).image
    image.setflags(write=False)
    turned = np.rot90(image)
    np.testing.assert_array_equal(resize(turned, 80, 60), resize(turned.copy(), 80, 60))


@pytest.mark.parametrize("size", [(1, 3000), (3000, 1), (1, 1)])
def test_a_very_thin_picture(size: tuple[int, int]) -> None:
    assert (resize(np.full((*size, 3), 77, np.uint8), 32, 40).numpy() == 77).all()
