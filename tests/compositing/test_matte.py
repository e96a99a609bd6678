"""The matte: colour exactly where Detectron2 would paste the masks, and edges as asked for."""

import numpy as np
import pytest
import torch
from detectron2.layers.mask_ops import _do_paste_mask, paste_masks_in_image

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.edges import signed_distance
from balloon_splash.compositing.matte import SOFT_EDGE_PX, instance_masks, matte, union_probability

SIZE = (240, 320)


def blobs(count: int, seed: int = 0, samples: int = 28) -> Detections:
    """Wobbly discs, some over the border of the picture, some a pixel small."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:samples, :samples] / (samples - 1) * 2 - 1
    centre = rng.uniform(0, SIZE[::-1], (count, 2))
    half = rng.uniform(0.4, 90, (count, 2))
    wobble = rng.normal(0, 0.1, (count, samples, samples))
    return Detections(
        size=SIZE,
        boxes=np.hstack([centre - half, centre + half]).astype(np.float32),
        scores=np.linspace(0.99, 0.9, count).astype(np.float32),
        classes=np.zeros(count, np.int64),
        soft_masks=(1 / (1 + np.exp(-8 * (0.9 - np.hypot(x, y) + wobble)))).astype(np.float32),
        class_names=("balloon",),
    )


def disc(radius: float = 50) -> Detections:
    one = blobs(1)
    y, x = np.mgrid[:28, :28] - 13.5
    soft = np.clip((14 - np.hypot(x, y)) / 3 + 0.5, 0, 1)[None].astype(np.float32)
    box = np.array([[160 - radius, 120 - radius, 160 + radius, 120 + radius]], np.float32)
    return Detections(SIZE, box, one.scores, one.classes, soft, one.class_names)


@pytest.mark.parametrize("samples", [14, 28, 56])
def test_masks_lie_where_detectron2_pastes_them(samples):
    detections = blobs(40, samples=samples)
    expected = paste_masks_in_image(
        torch.from_numpy(detections.soft_masks), torch.from_numpy(detections.boxes), SIZE, threshold=0.5
    ).numpy()
    found = instance_masks(detections)
    assert found.dtype == np.bool_
    assert (found != expected).sum() < 0.005 * expected.sum()
    union = expected.any(axis=0)
    assert ((matte(detections) > 0) != union).sum() < 0.005 * union.sum()


def test_probabilities_are_those_of_detectron2_to_their_faint_ends():
    """The masks are noise, in which every sample counts, in boxes of all sizes, from less than a pixel up."""
    detections = noise(40)
    masks, boxes = torch.from_numpy(detections.soft_masks[:, None]), torch.from_numpy(detections.boxes)
    pasted, _ = _do_paste_mask(masks, boxes, *SIZE, skip_empty=False)
    found = union_probability(detections, (slice(0, SIZE[0]), slice(0, SIZE[1])))
    assert found.dtype == np.float32
    assert found == pytest.approx(pasted.amax(dim=0).numpy(), abs=1e-3)


def noise(count: int) -> Detections:
    rng = np.random.default_rng(3)
    others = blobs(count)
    centre = rng.uniform(0, SIZE[::-1], (count, 2))
    half = np.geomspace(0.1, 90, count)[:, None] * rng.uniform(0.7, 1, (count, 2))
    boxes = np.hstack([centre - half, centre + half]).astype(np.float32)
    soft_masks = rng.random((count, 7, 7), np.float32)
    return Detections(SIZE, boxes, others.scores, others.classes, soft_masks, others.class_names)


def test_a_probability_of_one_half_belongs_to_the_object():
    whole = disc()
    half = Detections(SIZE, whole.boxes, whole.scores, whole.classes, np.full((1, 28, 28), 0.5, np.float32), ("it",))
    inside = (slice(75, 165), slice(115, 205))
    assert matte(half)[inside].all()
    assert instance_masks(half)[0][inside].all()


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("options", [{}, {"grow": 3.0}, {"feather": 4.0}, {"refine": 4}], ids=str)
def test_a_matte_is_float32_from_0_to_1_and_has_half_tones_only_if_asked_for(options, soft):
    photo = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)
    found = matte(disc(), soft=soft, guide=photo, **options)
    assert found.shape == SIZE
    assert found.dtype == np.float32
    assert (found.min(), found.max()) == (0, 1)
    assert ((found > 0) & (found < 1)).any() == (soft or "feather" in options)


def test_an_edge_that_was_moved_is_as_soft_as_the_constant_says():
    row = matte(disc(), soft=True, grow=5)[120]
    assert ((row > 0) & (row < 1)).sum() == pytest.approx(2 * SOFT_EDGE_PX, abs=1)


def test_a_hard_matte_has_no_half_tones_and_nothing_found_gives_zeros():
    assert set(np.unique(matte(blobs(5)))) == {0.0, 1.0}
    nothing = matte(Detections.empty(SIZE))
    assert nothing.dtype == np.float32
    assert not nothing.any()


def test_boxes_outside_the_picture_or_without_area_do_no_harm():
    detections = blobs(5)
    boxes = np.array(
        [[-90, -90, -10, -10], [400, 300, 500, 400], [50, 50, 50, 50], [-90, 50, -10, 90], [50, -90, 90, -10]],
        np.float32,
    )
    broken = Detections(
        SIZE, boxes, detections.scores, detections.classes, detections.soft_masks, detections.class_names
    )
    for options in ({}, {"soft": True}, {"grow": 2.0, "feather": 3.0}):
        assert matte(broken, **options).sum() <= 60


def test_a_soft_edge_is_a_narrow_ramp_around_the_hard_one():
    hard, soft = matte(disc()), matte(disc(), soft=True)
    between = (soft > 0) & (soft < 1)
    assert between.any()
    assert np.abs(signed_distance(hard))[between].max() < 4
    assert np.array_equal(soft >= 0.5, hard > 0)


@pytest.mark.parametrize("pixels", [-6.0, 3.0, 10.0])
def test_grow_and_shrink_move_the_edge_by_so_many_pixels(pixels):
    radius_before = np.sqrt(matte(disc()).sum() / np.pi)
    radius_after = np.sqrt(matte(disc(), grow=pixels).sum() / np.pi)
    assert radius_after - radius_before == pytest.approx(pixels, abs=0.4)


def test_feather_is_as_wide_as_asked_and_does_not_move_the_edge():
    hard, feathered = matte(disc()), matte(disc(), feather=8)
    row = feathered[120]
    assert ((row > 0) & (row < 1)).sum() == pytest.approx(2 * 8, abs=2)
    assert feathered.sum() == pytest.approx(hard.sum(), rel=0.02)


def test_refining_pulls_a_coarse_edge_to_the_contour_of_the_photo():
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    truth = np.hypot(x + 0.5 - 160, y + 0.5 - 120) < 50
    noise = np.random.default_rng(0).integers(0, 12, (*SIZE, 3))
    photo = (np.where(truth[..., None], [200, 40, 40], [60, 120, 60]) + noise).astype(np.uint8)
    square = disc()  # a mask that says little more than "round": 5 pixels too large everywhere
    coarse = Detections(SIZE, square.boxes + np.array([-5, -5, 5, 5], np.float32), *_rest(square))

    before = ((matte(coarse) > 0) != truth).sum()
    after = ((matte(coarse, refine=12, guide=photo) > 0) != truth).sum()

    assert after < 0.35 * before


def _rest(detections: Detections):
    return detections.scores, detections.classes, detections.soft_masks, detections.class_names


def test_refining_without_the_photo_is_refused():
    with pytest.raises(ValueError, match="guide"):
        matte(disc(), refine=8)
