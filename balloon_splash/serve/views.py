"""Objects as a page wants them: an index map for hit tests, a matte per object, the picture itself."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from balloon_splash.compositing.arrays import Window
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import THRESHOLD, paste_probability
from balloon_splash.media.picture import Picture

PREVIEW_QUALITY = 90
_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 3]


def view_size(size: tuple[int, int], side: int | None) -> tuple[int, int]:
    """Return ``(height, width)`` of a picture of ``size`` whose longer side is ``side`` pixels at most."""
    scale = 1.0 if side is None else min(1.0, side / max(size))
    return max(round(size[0] * scale), 1), max(round(size[1] * scale), 1)


def seen_at(detections: Detections, size: tuple[int, int]) -> Detections:
    """Return the same objects in the picture scaled to ``size`` (height, width)."""
    scale = np.array([size[1] / detections.size[1], size[0] / detections.size[0]] * 2, np.float32)
    return replace(detections, size=size, boxes=detections.boxes * scale)


def index_map(detections: Detections) -> str:
    """Return a grey PNG, 0 where there is no object and else its number; best scores lie on top."""
    depth = np.uint8 if len(detections) < 256 else np.uint16
    numbers = np.zeros(detections.size, depth)
    for index in range(len(detections) - 1, -1, -1):
        probability, window = paste_probability(detections, index)
        numbers[window][probability >= THRESHOLD] = index + 1
    return _png(numbers)


def mattes(detections: Detections) -> Iterator[dict[str, Any]]:
    """Return the probability of each object, 255 for 1, in the window where it is not 0."""
    for index in range(len(detections)):
        probability, window = paste_probability(detections, index)
        values = np.rint(probability * 255).astype(np.uint8)
        values, window = _cropped(values, window)
        rows, columns = window
        yield {
            "x": columns.start,
            "y": rows.start,
            "width": columns.stop - columns.start,
            "height": rows.stop - rows.start,
            "png": _png(values) if values.size else "",
        }


def preview(picture: Picture, size: tuple[int, int]) -> tuple[str, str]:
    """Return the picture scaled to ``size`` (height, width), and its media type: JPEG, or PNG with alpha."""
    height, width = size
    rgb = cv2.resize(picture.rgb8, (width, height), interpolation=cv2.INTER_AREA)
    options: dict[str, Any] = {"icc_profile": None if picture.grey else picture.metadata.icc}
    buffer = BytesIO()
    if picture.alpha8 is None:
        Image.fromarray(rgb).save(buffer, "JPEG", quality=PREVIEW_QUALITY, **options)
        return _text(buffer.getvalue()), "image/jpeg"
    alpha = cv2.resize(picture.alpha8, (width, height), interpolation=cv2.INTER_AREA)
    Image.fromarray(np.dstack([rgb, alpha])).save(buffer, "PNG", compress_level=3, **options)
    return _text(buffer.getvalue()), "image/png"


def _cropped(values: npt.NDArray[np.uint8], window: Window) -> tuple[npt.NDArray[np.uint8], Window]:
    x, y, width, height = cv2.boundingRect(values) if values.size else (0, 0, 0, 0)
    rows, columns = window
    top, left = rows.start + y, columns.start + x
    return values[y : y + height, x : x + width], (slice(top, top + height), slice(left, left + width))


def _png(values: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> str:
    _, data = cv2.imencode(".png", values, _FAST)
    return _text(data.tobytes())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
