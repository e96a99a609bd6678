"""Backgrounds: functions of the picture and the matte that return what to show outside the objects."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import ImageColor

from balloon_splash.compositing.arrays import Image, Matte, full_scale, to_dtype
from balloon_splash.errors import UsageError

Background: TypeAlias = Callable[[Image, Matte], Image]
BackgroundLike: TypeAlias = str | Image | Background

LUMA = np.array([[0.2125, 0.7154, 0.0721]], np.float32)
"""Rec. 709 luma weights in the digits that scikit-image's ``rgb2gray``, and so the article, uses."""

DEFAULT_BLUR = 0.015
"""Default standard deviation of the blur, as a share of the longer side."""

DEFAULT_BLOCK = 0.02
"""Default side of a block of the pixelation, as a share of the longer side."""

WORKING_SIGMA = 4.0
"""Stronger blurs run on a smaller picture, on which they have about this standard deviation."""


def grey(image: Image, matte: Matte) -> Image:
    """Luma on all three channels, rounded to the nearest integer (the article's code truncates)."""
    return np.asarray(cv2.transform(image, np.repeat(LUMA, 3, axis=0)), image.dtype)


def desaturate(image: Image, matte: Matte, amount: float = 0.7) -> Image:
    """Mix the picture (``amount`` 0) with its grey version (1)."""
    mix = (1 - amount) * np.eye(3, dtype=np.float32) + amount * np.repeat(LUMA, 3, axis=0)
    return np.asarray(cv2.transform(image, mix), image.dtype)


def blur(image: Image, matte: Matte, sigma: float | None = None) -> Image:
    """Gaussian blur of the background's own pixels: the objects do not bleed into it.

    Normalised convolution (Knutsson and Westin, CVPR 1993): colours and weights get the same blur, then are divided.

    Args:
        image: ``(H, W, 3)``.
        matte: ``(H, W)``; weights are ``1 - matte``.
        sigma: standard deviation in pixels.
    """
    height, width = image.shape[:2]
    sigma = DEFAULT_BLUR * max(height, width) if sigma is None else sigma
    scale = max(sigma / WORKING_SIGMA, 1.0)
    small = (max(round(width / scale), 1), max(round(height / scale), 1))
    colours, weights = _weighted(image, matte, small)
    smooth = partial(cv2.GaussianBlur, ksize=(0, 0), sigmaX=sigma / scale)
    mean = _divide(smooth(colours), smooth(weights), image)
    return to_dtype(cv2.resize(mean, (width, height), interpolation=cv2.INTER_CUBIC), image.dtype)


def pixelate(image: Image, matte: Matte, block: float | None = None) -> Image:
    """Squares of ``block`` pixels, each the mean colour of the background in it."""
    height, width = image.shape[:2]
    block = DEFAULT_BLOCK * max(height, width) if block is None else block
    small = (max(round(width / block), 1), max(round(height / block), 1))
    mean = _divide(*_weighted(image, matte, small), image)
    return to_dtype(cv2.resize(mean, (width, height), interpolation=cv2.INTER_NEAREST), image.dtype)


def solid(image: Image, matte: Matte, colour: tuple[int, int, int] = (0, 0, 0)) -> Image:
    """One colour, given in 8 bits per channel."""
    value = np.array(colour, np.uint32) * (full_scale(image) // 255)
    return np.broadcast_to(value.astype(image.dtype), image.shape).copy()


def cover(image: Image, matte: Matte, picture: Image) -> Image:
    """Another picture, scaled to cover this one and cropped around its centre."""
    height, width = image.shape[:2]
    scale = max(height / picture.shape[0], width / picture.shape[1])
    # Crop the other picture to this one's aspect ratio, then resample once.
    part_h, part_w = max(round(height / scale), 1), max(round(width / scale), 1)
    top, left = (picture.shape[0] - part_h) // 2, (picture.shape[1] - part_w) // 2
    part = picture[top : top + part_h, left : left + part_w, :3].astype(np.float32)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(part, (width, height), interpolation=method)
    return to_dtype(resized * (full_scale(image) / full_scale(picture)), image.dtype)


def background_from(choice: BackgroundLike) -> Background:
    """Return the background function for a name, a colour or a picture.

    Args:
        choice: ``NAME`` or ``NAME:NUMBER`` of this module, a colour that Pillow's ``ImageColor`` knows, a picture
            ``(h, w, 3)``, or a function, which is returned unchanged.

    Raises:
        UsageError: neither a known name nor a colour, or a number that does not fit.
    """
    if callable(choice):
        return choice
    if isinstance(choice, np.ndarray):
        return partial(cover, picture=choice)
    name, _, number = choice.partition(":")
    if name in ("grey", "gray") and not number:
        return grey
    if name in _WITH_NUMBER:
        function, keyword, low, high = _WITH_NUMBER[name]
        return partial(function, **{keyword: _number(choice, number, low, high)}) if number else function
    return partial(solid, colour=_colour(choice))


_WITH_NUMBER: dict[str, tuple[Callable[..., Image], str, float, float]] = {
    "desaturate": (desaturate, "amount", 0.0, 1.0),
    "blur": (blur, "sigma", 0.1, 1000.0),
    "pixelate": (pixelate, "block", 1.0, 10000.0),
}


def _number(choice: str, text: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UsageError(
            f"background '{choice}': '{text}' found, expected a number from {low:g} to {high:g} (--background)"
        )
    return value


def _colour(choice: str) -> tuple[int, int, int]:
    try:
        red, green, blue = ImageColor.getrgb(choice)[:3]
        if not all(0 <= value <= 255 for value in (red, green, blue)):  # as rgb(999, 0, 0), which Pillow takes
            raise ValueError
    except (ValueError, OverflowError):
        known = ["grey", *_WITH_NUMBER, "transparent", "image:FILE"]
        near = get_close_matches(choice.partition(":")[0].casefold(), [*known, *ImageColor.colormap], n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise UsageError(
            f"background '{choice}' is unknown; {hint}expected a colour (name or #rrggbb) or {', '.join(known)} "
            "(--background)"
        ) from None
    return red, green, blue


def _weighted(
    image: Image, matte: Matte, size: tuple[int, int]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Colours times weights ``(h, w, 3)`` and weights ``(h, w)``, both averaged down to ``size`` (width, height)."""
    weights = (1 - matte).astype(np.float32)
    colours = image.astype(np.float32) * weights[..., None]
    shrink = partial(cv2.resize, dsize=size, interpolation=cv2.INTER_AREA)
    return np.asarray(shrink(colours), np.float32), np.asarray(shrink(weights), np.float32)


def _divide(colours: npt.NDArray[Any], weights: npt.NDArray[Any], image: Image) -> npt.NDArray[np.float32]:
    """Return the mean background colour; deep inside an object, far from any background, that of the whole picture."""
    fallback = np.float32(image.mean(axis=(0, 1)))
    known = weights[..., None] > 1e-4
    return np.where(known, colours / np.maximum(weights, 1e-4)[..., None], fallback).astype(np.float32)
