"""Weights no model can compute with: NaN, infinity, and numbers so large that sums of float32 overflow.

Some engines turn such sums into zeros (OpenVINO's ``Relu`` does), so predictions alone cannot tell; see
``docs/other_tools.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from balloon_splash.errors import WeightsError

if TYPE_CHECKING:
    from torch import nn

LARGEST_WEIGHT = 1e18
"""Largest magnitude of a weight: float32 holds the product of two, and little more."""


def fault_in(weights: npt.NDArray[Any]) -> str | None:
    """Return what is wrong with the weights of one tensor, as the end of a sentence; None if they are sound."""
    if not np.issubdtype(weights.dtype, np.floating) or not weights.size:
        return None
    # The smallest and the largest of numbers that include NaN are NaN.
    largest = max(abs(float(weights.min())), abs(float(weights.max())))
    if not np.isfinite(largest):
        return "holds NaN or infinity; expected a model that was trained without fault"
    if largest > LARGEST_WEIGHT:
        return f"holds {largest:.3g}, with which sums overflow; expected at most {LARGEST_WEIGHT:g}"
    return None


def check_weights(model: nn.Module) -> None:
    """Refuse a model whose weights hold NaN, infinity or numbers so large that sums overflow.

    Some engines would turn them into zeros.

    Raises:
        WeightsError: a tensor holds such a number.
    """
    import torch

    for name, tensor in model.state_dict().items():
        if tensor.is_floating_point() and tensor.numel():
            extremes = torch.stack(tensor.aminmax()).float().cpu().numpy()  # NaN where a number is NaN
            if fault := fault_in(extremes):
                raise WeightsError(f"{name} {fault}")
