"""Marks are drawn where the objects are; cut-outs hold the object and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from balloon_splash.compositing.extras import crop_object, side_by_side
from balloon_splash.compositing.matte import matte
from balloon_splash.compositing.overlay import draw_overlay
from tests.fakes import draw_scene, find_blobs


@pytest.fixture(params=[np.uint8, np.uint16])
def image(request) -> np.ndarray:
    scene = draw_scene(240, 320)
    return scene if request.param is np.uint8 else scene.astype(np.uint16) * 257


def test_outlines_run_along_the_edge_only(image):
    found = find_blobs(draw_scene(240, 320))
    marked = draw_overlay(image, found, labels=False)
    changed = (marked != image).any(axis=-1)
    assert changed.any()
    near_edge = matte(found, grow=4) - matte(found, grow=-4)
    assert not (changed & (near_edge == 0)).any()


def test_labels_of_objects_at_the_border_stay_in_the_picture(image):
    found = find_blobs(draw_scene(240, 320))
    found.boxes[0] = [300, -20, 320, 10]
    marked = draw_overlay(image, replace(found[[0]], identities=np.array([12])), outline=False)
    changed = (marked != image).any(axis=-1)
    assert changed.any(axis=0).sum() > 40  # at x = 300 there would be room for 20 columns only


def test_nothing_found_leaves_the_picture(image):
    found = find_blobs(draw_scene(240, 320))
    assert np.array_equal(draw_overlay(image, found[[]]), image)


def test_a_crop_is_as_large_as_the_object_and_transparent_around_it(image):
    found = find_blobs(draw_scene(240, 320))[[1]]
    alpha = matte(found)
    crop = crop_object(image, alpha)
    rows, columns = np.flatnonzero(alpha.any(1)), np.flatnonzero(alpha.any(0))
    assert crop.shape == (np.ptp(rows) + 1, np.ptp(columns) + 1, 4)
    assert (crop[..., 3] > 0).sum() == alpha.sum()
    assert np.array_equal(crop[crop[..., 3] > 0][:, :3], image[alpha > 0])


@pytest.mark.parametrize(("height", "width", "axis"), [(40, 30, 1), (30, 40, 0)])
def test_before_and_after_lie_side_by_side_on_the_short_side(height, width, axis):
    before = np.zeros((height, width, 3), np.uint8)
    after = np.full((height, width, 4), 9, np.uint8)
    both = side_by_side(before, after)
    assert both.shape[1 - axis] == before.shape[1 - axis]
    assert both.shape[axis] > 2 * before.shape[axis]
    assert np.array_equal(both[-height:, -width:], after)
