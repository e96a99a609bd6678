"""Photos made smaller for the network, faster than Pillow does it, and as well."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor


def resize(image: npt.NDArray[np.uint8], height: int, width: int) -> Tensor:
    """Bilinear with a filter as wide as the step: what Pillow, which Detectron2 uses, gives, but for one grey level.

    Args:
        image: ``(H, W, C)``.
        height: of the result.
        width: of the result.

    Returns:
        ``(C, height, width)`` uint8.
    """
    channels_last = torch.from_numpy(np.require(image, requirements=["C", "W"])).permute(2, 0, 1)[None]
    return F.interpolate(channels_last, size=(height, width), mode="bilinear", antialias=True)[0]
