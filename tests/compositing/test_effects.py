"""The effect: untouched inside, the chosen background outside, and nothing shining through between."""

import cv2
import numpy as np
import pytest
from skimage.color import rgb2gray

from balloon_splash.compositing.effects import apply_effect, cut_out
from balloon_splash.errors import UsageError
from tests.fakes import draw_scene

BACKGROUNDS = ["grey", "desaturate:0.5", "blur", "blur:3", "pixelate", "pixelate:7", "black", "white", "#ff8800"]


@pytest.fixture(params=[np.uint8, np.uint16])
def image(request) -> np.ndarray:
    scene = draw_scene()
    return scene if request.param is np.uint8 else scene.astype(np.uint16) * 257 + 11


@pytest.fixture
def hard() -> np.ndarray:
    disc = np.zeros((120, 160), np.uint8)
    cv2.circle(disc, (40, 40), 24, 1, -1)
    return disc.astype(np.float32)


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_inside_the_matte_the_photo_is_untouched_bit_for_bit(image, hard, background):
    before = image.copy()
    result = apply_effect(image, hard, background)
    assert result.dtype == image.dtype
    assert np.array_equal(result[hard > 0], image[hard > 0])
    assert not np.array_equal(result[hard == 0], image[hard == 0])
    assert np.array_equal(image, before)  # the caller's array is not written to


def test_outside_it_is_the_articles_grey(image, hard):
    result = apply_effect(image, hard)
    outside = result[hard == 0]
    assert (outside == outside[:, :1]).all()
    expected = rgb2gray(image)[hard == 0] * np.iinfo(image.dtype).max
    assert np.abs(outside[:, 0] - expected).max() < 1


def test_nothing_detected_gives_an_all_grey_picture_and_a_grey_picture_stays(image):
    grey = apply_effect(image, np.zeros(image.shape[:2], np.float32))
    assert (grey == grey[..., :1]).all()
    assert np.array_equal(apply_effect(grey, np.zeros(image.shape[:2], np.float32)), grey)


def test_invert_keeps_the_rest_in_colour(image, hard):
    result = apply_effect(image, hard, invert=True)
    assert np.array_equal(result[hard == 0], image[hard == 0])
    assert (result[hard > 0] == result[hard > 0][:, :1]).all()


def test_desaturation_goes_from_the_photo_to_grey(image):
    nothing = np.zeros(image.shape[:2], np.float32)
    assert np.array_equal(apply_effect(image, nothing, "desaturate:0"), image)
    difference = apply_effect(image, nothing, "desaturate:1").astype(int) - apply_effect(image, nothing, "grey")
    assert np.abs(difference).max() <= 1


@pytest.mark.parametrize("background", ["blur:10", "pixelate:16"])
def test_the_object_does_not_bleed_into_the_background(background):
    image = np.full((100, 100, 3), (0, 160, 0), np.uint8)
    image[30:70, 30:70] = (255, 0, 0)
    alpha = (image[..., 0] > 0).astype(np.float32)
    result = apply_effect(image, alpha, background)
    assert result[alpha == 0][:, 0].max() <= 2


def test_a_soft_edge_carries_no_halo_of_the_old_background():
    alpha = np.clip((30 - np.hypot(*(np.mgrid[:100, :100] - 49.5))) / 8 + 0.5, 0, 1).astype(np.float32)
    red, green = np.array([220, 20, 20]), np.array([20, 200, 20])
    mixed = np.rint(alpha[..., None] * red + (1 - alpha[..., None]) * green).astype(np.uint8)

    result = apply_effect(mixed, alpha, "white")

    ideal = alpha[..., None] * red + (1 - alpha[..., None]) * 255
    naive = alpha[..., None] * mixed + (1 - alpha[..., None]) * 255
    assert np.abs(result - ideal).max() < 0.3 * np.abs(naive - ideal).max()


def test_another_picture_covers_without_being_stretched(image, hard):
    circle = np.zeros((50, 400, 3), np.uint8)
    cv2.circle(circle, (200, 25), 20, (255, 255, 255), -1)
    result = apply_effect(image, np.zeros_like(hard), circle)
    on = result[..., 0] > np.iinfo(image.dtype).max // 2
    height, width = np.ptp(np.flatnonzero(on.any(1))), np.ptp(np.flatnonzero(on.any(0)))
    assert height == pytest.approx(width, abs=2)
    assert height == pytest.approx(40 * 120 / 50, abs=4)


def test_cut_out_has_the_matte_as_its_alpha(image, hard):
    half = hard * 0.5
    result = cut_out(image, half)
    full = np.iinfo(image.dtype).max
    assert np.abs(result[..., 3] / full - half).max() < 0.01
    assert np.array_equal(cut_out(image, hard)[hard > 0][:, :3], image[hard > 0])


@pytest.mark.parametrize("wrong", ["glitter", "blur:soft", "blur:-1", "desaturate:2", "#12"])
def test_an_unknown_background_says_what_is_known(image, hard, wrong):
    with pytest.raises(UsageError, match=r"expected .*\(--background\)$"):
        apply_effect(image, hard, wrong)


@pytest.mark.parametrize(("wrong", "near"), [("bluur", "blur"), ("pixellate:9", "pixelate"), ("yelow", "yellow")])
def test_a_misspelt_background_gets_the_nearest_name(image, hard, wrong, near):
    with pytest.raises(UsageError, match=f"did you mean {near}\\?"):
        apply_effect(image, hard, wrong)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
@pytest.mark.parametrize("background", BACKGROUNDS)
def test_tiny_pictures_pass(size, background):
    image = np.full((*size, 3), 90, np.uint8)
    for value in (0.0, 0.5, 1.0):
        assert apply_effect(image, np.full(size, value, np.float32), background).shape == image.shape


def test_a_matte_of_another_size_is_refused(image):
    with pytest.raises(ValueError, match="size"):
        apply_effect(image, np.zeros((3, 3), np.float32))


def test_a_long_soft_edge_is_blended_all_along(image):
    """More edge pixels than OpenCV's tables have rows."""
    alpha = np.full((300, 400), 0.5, np.float32)
    wide = cv2.resize(image, (400, 300))
    result = apply_effect(wide, alpha, "black").astype(float)
    assert result.mean() == pytest.approx(wide.mean() / 2, rel=0.1)
    assert cut_out(wide, alpha).shape == (300, 400, 4)
