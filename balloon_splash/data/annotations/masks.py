"""Masks: COCO's run lengths, checked before they reach pycocotools, and polygons along the edges of the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
import shapely

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.polygons import without_holes
from balloon_splash.data.annotations.records import RunLengths
from balloon_splash.data.annotations.regions import Polygon
from balloon_splash.data.annotations.size_cache import PhotoSize

Mask = npt.NDArray[np.bool_]

_CHUNK_BITS = 5  # bits of a number in each character of COCO's compressed counts
_MOST_BITS = 40


def encode_mask(mask: npt.NDArray[Any]) -> RunLengths:
    """Encode ``(H, W)`` bool as run lengths."""
    lengths: RunLengths = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return lengths


def decode_mask(lengths: RunLengths) -> Mask:
    """Decode sound run lengths to ``(H, W)`` bool."""
    return np.asarray(coco_mask.decode(dict(lengths)), dtype=np.bool_)


def place_mask(mask: npt.NDArray[Any], x: int, y: int, size: PhotoSize) -> Mask:
    """Place a mask with its upper left pixel at ``(x, y)`` of a photo; cut off parts outside."""
    whole = np.zeros((size.height, size.width), dtype=np.bool_, order="F")  # as encode_mask needs it
    height, width = mask.shape
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + width, size.width), min(y + height, size.height)
    if x0 < x1 and y0 < y1:
        whole[y0:y1, x0:x1] = mask[y0 - y : y1 - y, x0 - x : x1 - x]
    return whole


def checked_run_lengths(found: Any, size: PhotoSize) -> RunLengths:
    """Check COCO's run lengths of either kind, compressed (a text) or not (a list), of a photo of this size.

    pycocotools trusts the numbers and writes past the end of the mask where they add up to more than its pixels.

    Raises:
        UnsoundError: they are not run lengths, or of another size.
    """
    if not isinstance(found, dict) or not isinstance(found.get("size"), list):
        raise UnsoundError(FaultKind.BAD_MASK, "expected run lengths as {'size': [height, width], 'counts': ...}")
    if found["size"] != [size.height, size.width]:
        message = f"the mask is of size {found['size']!r:.40}; expected [height, width] = {[size.height, size.width]}"
        raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
    counts = found.get("counts")
    lengths = _compressed_counts(counts.encode("ascii", "replace")) if isinstance(counts, str) else counts
    if not isinstance(lengths, list) or not all(type(each) is int and each >= 0 for each in lengths):
        raise UnsoundError(FaultKind.BAD_MASK, "counts must be a text, or a list of whole numbers from 0 on")
    if sum(lengths) != size.height * size.width:
        message = f"the run lengths add up to {sum(lengths)}, the photo has {size.height * size.width} pixels"
        raise UnsoundError(FaultKind.BAD_MASK, message)
    sound: RunLengths = coco_mask.frPyObjects({"size": found["size"], "counts": lengths}, size.height, size.width)
    return sound


def uncompressed(lengths: RunLengths) -> list[int]:
    """Return the lengths of the runs, outside and inside in turn, of sound run lengths."""
    counts = lengths["counts"]
    return _compressed_counts(counts) if isinstance(counts, bytes) else list(counts)


def _compressed_counts(text: bytes) -> list[int]:
    """Decode COCO's compressed counts (``rleFrString`` of ``maskApi.c``): 5 bits per character, then a sign."""
    counts: list[int] = []
    value = bits = 0
    for character in text:
        chunk = character - 48
        if not 0 <= chunk < 64 or bits > _MOST_BITS:
            raise UnsoundError(FaultKind.BAD_MASK, "the compressed counts are damaged")
        value |= (chunk & 31) << bits
        bits += _CHUNK_BITS
        if chunk & 32:
            continue
        if chunk & 16:
            value -= 1 << bits
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = bits = 0
    if bits:
        raise UnsoundError(FaultKind.BAD_MASK, "the compressed counts are cut short")
    return counts


def merged(masks: Sequence[RunLengths], flat: Sequence[list[float]], size: PhotoSize) -> RunLengths:
    """Merge masks and flat polygons, ``[x0, y0, x1, y1, ...]`` each, of one photo into run lengths."""
    drawn = coco_mask.frPyObjects(list(flat), size.height, size.width) if flat else []
    union: RunLengths = coco_mask.merge([*map(dict, masks), *drawn])
    return union


def mask_polygons(mask: npt.NDArray[Any]) -> list[Polygon]:
    """Trace outlines along the edges of a mask's pixels, ``(N, 2)`` XY; cut a part with a hole in two through the hole.

    Drawn again, they give the mask to the pixel.
    """
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return []
    y0, x0 = int(rows.min()), int(columns.min())
    inner = np.ascontiguousarray(mask[y0 : rows.max() + 1, x0 : columns.max() + 1], dtype=np.uint8)
    # Each row of each run is a box; their union has the pixels' own edges.
    padded = np.pad(inner, ((0, 0), (1, 1)))
    steps = np.diff(padded.astype(np.int8), axis=1)
    starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    boxes = shapely.box(starts[:, 1] + x0, starts[:, 0] + y0, ends[:, 1] + x0, ends[:, 0] + y0 + 1)
    union = shapely.simplify(shapely.union_all(boxes), 0)
    return [shapely.get_coordinates(part.exterior)[:-1] for part in without_holes(union)]


def box_of(lengths: RunLengths) -> tuple[float, float, float, float]:
    """XYXY pixels around a mask."""
    x, y, width, height = coco_mask.toBbox(dict(lengths)).tolist()
    return x, y, x + width, y + height


def area_of(lengths: RunLengths) -> int:
    """Number of pixels of a mask."""
    return int(coco_mask.area(dict(lengths)))
