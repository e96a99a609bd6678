"""Resizing of matterport's Mask R-CNN: scikit-image's rounding, and sizes it cannot estimate a transform for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from balloon_splash.data import single_samples as resizing
from balloon_splash.data.single_samples import single_samples

#: Transforms (vertical scale and start, horizontal scale and start) and pixels of scikit-image 0.18.3, by (old, new):
#: photos of :func:`_photo`, each pixel cut off to a whole number as matterport does.
ORIGINALS = {
    ((24, 18), (8, 6)): (
        ("0x1.8000000000001p+1", "0x1.fffffffffffe0p-1", "0x1.7fffffffffffep+1", "0x1.fffffffffffe8p-1"),
        [
            [200, 61, 171, 32, 143, 3],
            [190, 51, 162, 22, 133, 243],
            [180, 41, 152, 12, 122, 233],
            [170, 31, 141, 2, 112, 223],
            [161, 21, 132, 242, 102, 213],
            [151, 11, 122, 232, 92, 203],
            [140, 1, 111, 222, 82, 193],
            [130, 241, 101, 212, 72, 183],
        ],
    ),
    ((7, 9), (10, 13)): (
        ("0x1.6666666666667p-1", "-0x1.3333333333360p-3", "0x1.6276276276274p-1", "-0x1.3b13b13b13b10p-3"),
        [
            [0, 16, 38, 60, 82, 104, 125, 147, 169, 174, 48, 21, 32],
            [38, 65, 90, 116, 141, 167, 193, 123, 106, 123, 70, 70, 76],
            [86, 122, 148, 173, 160, 162, 187, 83, 50, 76, 101, 127, 124],
            [135, 179, 205, 231, 109, 43, 69, 86, 108, 133, 159, 184, 173],
            [183, 149, 99, 125, 96, 88, 114, 139, 165, 178, 91, 79, 83],
            [158, 118, 69, 94, 120, 146, 171, 136, 135, 148, 60, 48, 58],
            [68, 101, 126, 152, 170, 190, 216, 77, 29, 54, 80, 106, 106],
            [117, 158, 184, 209, 119, 72, 98, 80, 86, 112, 137, 163, 155],
            [165, 155, 128, 154, 94, 67, 92, 118, 144, 169, 195, 168, 108],
            [173, 106, 30, 51, 73, 95, 117, 139, 160, 182, 204, 127, 25],
        ],
    ),
}


def _photo(height: int, width: int, channels: int = 1) -> npt.NDArray[np.uint8]:
    values = np.arange(height * width * channels).reshape(height, width, channels)
    return (values * 37 % 251).astype(np.uint8)


@pytest.mark.parametrize(("sizes", "original"), ORIGINALS.items())
def test_with_the_same_transform_each_pixel_is_that_of_scikit_image(
    sizes: tuple[tuple[int, int], tuple[int, int]],
    original: tuple[tuple[str, ...], list[list[int]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = sizes
    down, above, right, before = map(float.fromhex, original[0])
    lines = resizing._Line(down, above), resizing._Line(right, before)
    monkeypatch.setattr(resizing, "_lines", lambda *_: lines)

    assert single_samples(_photo(*old), *new)[..., 0].tolist() == original[1]


@pytest.mark.parametrize("factor", [2, 3, 4, 5])
def test_a_whole_factor_costs_one_grey_level_at_most_where_the_sample_is_a_whole_number(factor: int) -> None:
    photo = _photo(64 * factor, 97 * factor, 3)
    before, after = (factor - 1) // 2, factor // 2
    corners = [photo[y::factor, x::factor] for y in (before, after) for x in (before, after)]
    exact = np.mean(np.array(corners, float), axis=0)
    lower = np.floor(exact) - single_samples(photo, 64, 97)

    assert set(np.unique(lower)) <= {0, 1}
    assert not lower[exact % 1 != 0].any()


def test_samples_are_where_they_belong() -> None:
    for length, new in ((2048, 512), (1365, 341), (480, 768), (7, 1000)):
        vertical, horizontal = resizing._lines((length, 640), (new, 320))
        at = np.arange(new) * length / new + length / new / 2 - 0.5
        assert np.abs(vertical.scale * np.arange(new) + vertical.start - at).max() < 1e-9
        assert np.isclose(horizontal.scale, 2)
        assert np.isclose(horizontal.start, 0.5)


@pytest.mark.parametrize("new", [(1, 40), (40, 1), (1, 1)])
def test_a_side_of_one_pixel_is_resized_without_an_estimate(new: tuple[int, int]) -> None:
    photo = np.full((new[0] * 3, new[1] * 3, 3), 100, np.uint8)
    photo[1::3, 1::3] = 200

    assert (single_samples(photo, *new) == 200).all()
