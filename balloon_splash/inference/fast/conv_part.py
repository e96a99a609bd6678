"""The convolutional part of a model (backbone, FPN, RPN head), taken out so that another engine may run it.

It is most of the work, has no branches, and depends on the shape of the image alone. Everything behind it (choosing
proposals, the ROI heads) remains Detectron2's code: two small modules replace backbone and RPN head and pass on what
the engine has computed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from detectron2.layers import Conv2d, FrozenBatchNorm2d
from torch import Tensor, nn

from balloon_splash.errors import ConfigError

Engine = Callable[[Tensor], Sequence[Tensor]]
"""Function that computes what :class:`ConvPart` does."""


class ConvPart(nn.Module):
    """Backbone and RPN head as one function of one tensor.

    Attributes:
        names: the feature maps, in the order of the output.
        levels: number of feature maps that the RPN uses.
    """

    def __init__(self, model: Any) -> None:
        """Take the parts of a ``GeneralizedRCNN``, which keeps them as well.

        Raises:
            ConfigError: the model has another structure.
        """
        super().__init__()
        generator: Any = getattr(model, "proposal_generator", None)
        if not hasattr(generator, "rpn_head") or not hasattr(model, "backbone"):
            raise ConfigError(
                f"{type(model).__name__} has no backbone and RPN to speed up; expected back end torch, fp32"
            )
        self.backbone: nn.Module = model.backbone
        self.rpn_head: nn.Module = generator.rpn_head
        self.names = tuple(model.backbone.output_shape())
        self.rpn_names = tuple(generator.in_features)

    @property
    def levels(self) -> int:
        """Number of feature maps that the RPN uses."""
        return len(self.rpn_names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map ``(N, C, H, W)`` normalised and padded images to feature maps, objectness logits and anchor deltas.

        Returns:
            ``names`` feature maps ``(N, C, h, w)``, then per level of the RPN logits ``(N, A, h, w)``, then
            per level deltas ``(N, 4A, h, w)``.
        """
        features = self.backbone(images)
        logits, deltas = self.rpn_head([features[name] for name in self.rpn_names])
        return (*(features[name] for name in self.names), *logits, *deltas)


def replace_conv_part(model: Any, part: ConvPart, engine: Engine) -> None:
    """Make ``engine`` compute ``part`` of ``model`` from now on (changed in place)."""
    handover = threading.local()  # photos may go through the model side by side
    model.backbone = _EngineBackbone(model.backbone, part, engine, handover)
    model.proposal_generator.rpn_head = _EngineRPNHead(handover)


class _EngineBackbone(nn.Module):
    """Replacement of the backbone, which leaves the RPN head's results for :class:`_EngineRPNHead`."""

    def __init__(self, backbone: Any, part: ConvPart, engine: Engine, handover: threading.local) -> None:
        super().__init__()
        self.size_divisibility: int = backbone.size_divisibility
        self.padding_constraints: dict[str, int] = backbone.padding_constraints
        self._shapes = backbone.output_shape()
        self._names, self._levels = part.names, part.levels
        self._engine, self._handover = engine, handover

    def output_shape(self) -> dict[str, Any]:
        return dict(self._shapes)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        found = list(self._engine(images))
        names, levels = self._names, self._levels
        first = len(names)
        self._handover.logits, self._handover.deltas = found[first : first + levels], found[first + levels :]
        return dict(zip(names, found[:first], strict=True))


class _EngineRPNHead(nn.Module):
    """Replacement of the RPN head, which the RPN calls right after the backbone, in the same thread."""

    def __init__(self, handover: threading.local) -> None:
        super().__init__()
        self._handover = handover

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        return self._handover.logits, self._handover.deltas


def fold_norms(module: nn.Module) -> None:
    """Fold the batch norms behind Detectron2's convolutions, frozen or in evaluation mode, into these (in place)."""
    for conv in module.modules():
        if not isinstance(conv, Conv2d) or not isinstance(conv.norm, FrozenBatchNorm2d | nn.BatchNorm2d):
            continue
        norm: Any = conv.norm
        conv.weight, conv.bias = nn.utils.fusion.fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        conv.norm = None
