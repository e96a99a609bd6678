"""The splash itself: the picture where the matte is 1, a background where it is 0."""

from __future__ import annotations

import cv2
import numpy as np

from balloon_splash.compositing.arrays import Image, Matte, PixelIndices, to_dtype
from balloon_splash.compositing.backgrounds import BackgroundLike, background_from
from balloon_splash.compositing.edges import pure_foreground


def apply_effect(
    image: Image,
    matte: Matte,
    background: BackgroundLike = "grey",
    *,
    invert: bool = False,
) -> Image:
    """Keep the picture where ``matte`` is 1 and show the background where it is 0.

    Where the matte is 1, the pixels of the result are those of ``image``, bit for bit. Between 0 and 1, the
    object's own colour is blended over the background, so that the old background does not shine through.

    Args:
        image: ``(H, W, 3)`` RGB, uint8 or uint16.
        matte: ``(H, W)`` float32 in [0, 1].
        background: a name (``grey``, ``desaturate:0.7``, ``blur:20``, ``pixelate:24``), a colour (``white``,
            ``#ff8800``), a picture ``(h, w, 3)`` that is cropped and scaled to cover, or a function of image and matte.
        invert: keep the picture outside the objects instead.

    Returns:
        ``(H, W, 3)``, same dtype.

    Raises:
        ValueError: the sizes of picture and matte differ.
        UsageError: no such background.
    """
    _check(image, matte)
    if invert:
        matte = 1 - matte
    return composite(image, background_from(background)(image, matte), matte)


def cut_out(image: Image, matte: Matte, *, invert: bool = False) -> Image:
    """Put the objects on a transparent ground.

    Returns:
        ``(H, W, 4)`` RGBA with straight (not premultiplied) alpha, same dtype as ``image``.

    Raises:
        ValueError: the sizes of picture and matte differ.
    """
    _check(image, matte)
    if invert:
        matte = 1 - matte
    colour = composite(image, np.zeros_like(image), (matte > 0).astype(np.float32))
    edge = _between(matte)
    if len(edge[0]):
        colour[edge] = to_dtype(pure_foreground(image, matte, edge), image.dtype)
    return np.dstack([colour, to_dtype(matte * np.iinfo(image.dtype).max, image.dtype)])


def composite(image: Image, background: Image, matte: Matte) -> Image:
    """Blend ``image`` over ``background``; the result is written into ``background`` and returned.

    Almost every matte is 0 or 1 almost everywhere. OpenCV copies those pixels under a mask, and only the rest is
    blended, which makes this fast (see ``benchmarks/compositing.py``).
    """
    opaque = (matte >= 1).view(np.uint8)
    cv2.copyTo(image, opaque, background)
    touched = (matte > 0).view(np.uint8)
    if cv2.countNonZero(touched) > cv2.countNonZero(opaque):
        _blend_edge(image, background, matte)
    return background


def _blend_edge(image: Image, background: Image, matte: Matte) -> None:
    edge = _between(matte)
    front = pure_foreground(image, matte, edge)
    weight = matte[edge][:, None]
    background[edge] = to_dtype(weight * front + (1 - weight) * background[edge], image.dtype)


def _between(matte: Matte) -> PixelIndices:
    rows, columns = np.nonzero((matte > 0) & (matte < 1))
    return rows, columns


def _check(image: Image, matte: Matte) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"image is {image.shape} {image.dtype}; expected (H, W, 3) uint8 or uint16")
    if image.shape[:2] != matte.shape:
        raise ValueError(f"matte is {matte.shape}; expected the size of the image, {image.shape[:2]}")
