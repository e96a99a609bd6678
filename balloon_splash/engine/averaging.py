"""Moving average of the weights, which generalises better than the weights of any one step."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch
from detectron2.engine import HookBase
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors: TypeAlias = tuple[Tensor, ...] | list[Tensor]


class WeightAverage(HookBase):
    """Exponential average of the weights after each step (Polyak and Juditsky 1992; the decay warms up).

    Checkpoints hold :attr:`model` under ``ema``; see :mod:`balloon_splash.weights.checkpoint`.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        """Average ``model``; each step counts ``1 - decay``."""
        self._source = model

        @torch.no_grad()
        def update(averaged: Tensors, current: Tensors, num_averaged: Tensor | int) -> None:
            if not averaged[0].is_floating_point():  # torch groups by type; counters are not averaged
                torch._foreach_copy_(averaged, current)
                return
            step = int(num_averaged)
            # Otherwise the random layers of the first steps would stay in the average for hundreds of steps.
            torch._foreach_lerp_(averaged, current, 1 - min(decay, (1 + step) / (10 + step)))

        self._average = AveragedModel(model, multi_avg_fn=update, use_buffers=True)

    @property
    def model(self) -> nn.Module:
        """Copy of the model with the averaged weights."""
        average: nn.Module = self._average.module
        return average

    def after_step(self) -> None:
        """Take the new weights into the average."""
        self._average.update_parameters(self._source)

    def state_dict(self) -> dict[str, Any]:
        """Return the number of steps in the average, which sets its warm-up; the weights are saved as ``model``."""
        return {"steps": int(self._average.n_averaged)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore the result of :meth:`state_dict`."""
        self._average.n_averaged.fill_(state["steps"])
