"""Checks for NaN and infinity: Detectron2 drops such predictions, so a broken model would silently find nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from detectron2.modeling.roi_heads.fast_rcnn import FastRCNNOutputLayers
from torch import Tensor, nn

from balloon_splash.errors import WeightsError


def watch_predictions(model: Any) -> None:
    """Let a model (a ``GeneralizedRCNN``) raise ``WeightsError`` as soon as RPN or box head predict NaN or infinity.

    Predictions of the mask head reach the caller unchecked.
    """
    watched = [module for module in model.modules() if isinstance(module, FastRCNNOutputLayers)]
    rpn_head = getattr(model.proposal_generator, "rpn_head", None)
    for module in [*watched, *([] if rpn_head is None else [rpn_head])]:
        module.register_forward_hook(_check)


def _check(module: nn.Module, _: object, output: object) -> None:
    # A sum is not finite if one of its terms is not.
    sums = [tensor.detach().float().sum() for tensor in _tensors(output)]
    if sums and not bool(torch.stack(sums).isfinite().all()):
        raise WeightsError(
            f"the model predicts NaN or infinity ({type(module).__name__}); expected numbers: its weights are damaged, "
            "or the precision does not suffice"
        )


def _tensors(output: object) -> Iterator[Tensor]:
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, (list, tuple)):
        for part in output:
            yield from _tensors(part)
