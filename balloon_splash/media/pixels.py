"""Array types of pixels as files hold them."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Pixels: TypeAlias = npt.NDArray[np.uint8 | np.uint16]
"""``(H, W)`` or ``(H, W, C)``, 8 or 16 bits per channel."""

Pixels8: TypeAlias = npt.NDArray[np.uint8]
"""``(H, W)`` or ``(H, W, C)``, 8 bits per channel, as in videos."""
