"""The array types that flow through the splash."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Image: TypeAlias = npt.NDArray[np.uint8 | np.uint16]
"""``(H, W, 3)`` RGB, 8 or 16 bits per channel."""

Matte: TypeAlias = npt.NDArray[np.float32]
"""``(H, W)`` in [0, 1]: 1 keeps the picture, 0 shows the background."""

Window: TypeAlias = tuple[slice, slice]
"""The rows and columns of a part of a picture."""

PixelIndices: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
"""The row and the column of each of N pixels, as ``np.nonzero`` gives them."""


def full_scale(image: Image) -> int:
    """The value of white: 255 for 8-bit pictures, 65535 for 16-bit ones."""
    return int(np.iinfo(image.dtype).max)


def to_dtype(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> Image:
    """Round to the nearest integer and clip to what ``dtype`` can hold."""
    result: Image = np.clip(np.rint(values), 0, np.iinfo(dtype).max).astype(dtype)
    return result
