"""Extra outputs of a splash: cut-outs of single objects, before beside after."""

from __future__ import annotations

import numpy as np

from balloon_splash.compositing.arrays import Image, Matte
from balloon_splash.compositing.effects import cut_out


def crop_object(image: Image, matte: Matte) -> Image:
    """Put one object on a transparent ground, cropped to what its matte touches.

    Args:
        image: ``(H, W, 3)``.
        matte: ``(H, W)`` of this object alone, not zero everywhere.

    Returns:
        ``(h, w, 4)`` RGBA, same dtype.
    """
    rows, columns = np.flatnonzero(matte.any(axis=1)), np.flatnonzero(matte.any(axis=0))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return cut_out(image[window], matte[window])


def side_by_side(before: Image, after: Image) -> Image:
    """Put before on the left and after on the right, or below where the picture is wider than high; a thin white gap.

    Args:
        before: ``(H, W, 3)`` or, with transparency, ``(H, W, 4)``.
        after: likewise; same dtype.
    """
    height, width = before.shape[:2]
    opaque = np.iinfo(before.dtype).max
    if 4 in (before.shape[2], after.shape[2]):
        before, after = (
            each if each.shape[2] == 4 else np.dstack([each, np.full(each.shape[:2], opaque, each.dtype)])
            for each in (before, after)
        )
    axis = 1 if height >= width else 0
    gap_shape = list(before.shape)
    gap_shape[axis] = max(max(height, width) // 100, 1)
    return np.concatenate([before, np.full(gap_shape, opaque, before.dtype), after], axis=axis)
