"""The whole model: Detectron2's two-stage network, with soft masks and a trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from detectron2.config import CfgNode, configurable
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.modeling.meta_arch import GeneralizedRCNN
from detectron2.structures import Instances

from balloon_splash.modeling.trace import Trace

#: Type of ``SOLVER.AMP.PRECISION: bf16``; fp16 needs a scaled loss and is left to Detectron2's AMPTrainer.
_BF16 = torch.bfloat16


@META_ARCH_REGISTRY.register()
class BalloonRCNN(GeneralizedRCNN):
    """Mask R-CNN (He et al. 2017) on any Detectron2 backbone; with every extra off equal to ``GeneralizedRCNN``.

    Extras: ``soft_masks`` in the results, bfloat16 training on CPU and GPU, and :meth:`trace`.
    """

    @configurable
    def __init__(self, *, soft_masks: bool = False, bf16_training: bool = False, **kwargs: Any) -> None:
        """Build the model; other arguments as in ``GeneralizedRCNN``.

        Args:
            soft_masks: give each result a field ``soft_masks`` of shape ``(N, M, M)``, float in [0, 1], the mask
                head's probabilities on a grid stretched over each box.
            bf16_training: compute the losses under bfloat16 autocast.
        """
        super().__init__(**kwargs)
        self.soft_masks = soft_masks
        self.bf16_training = bf16_training

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        """Map the configuration to the constructor's arguments."""
        return {
            **super().from_config(cfg),
            "soft_masks": cfg.MODEL.BALLOON.SOFT_MASKS and cfg.MODEL.MASK_ON,
            "bf16_training": cfg.SOLVER.AMP.ENABLED and cfg.SOLVER.AMP.PRECISION == "bf16",
        }

    def forward(self, batched_inputs: list[dict[str, Any]]) -> Any:
        """Return losses in training, else ``{"instances": Instances}`` per image; see ``GeneralizedRCNN.forward``."""
        with torch.autocast(self.device.type, dtype=_BF16, enabled=self.training and self.bf16_training):
            return super().forward(batched_inputs)

    def inference(
        self,
        batched_inputs: list[dict[str, Any]],
        detected_instances: list[Instances] | None = None,
        do_postprocess: bool = True,
    ) -> Any:
        """Infer as ``GeneralizedRCNN.inference`` does; the results also have ``soft_masks`` where these are on."""
        found = super().inference(batched_inputs, detected_instances, do_postprocess=False)
        for per_image in found:
            if self.soft_masks and per_image.has("pred_masks"):  # Detectron2's TTA requests boxes first
                per_image.soft_masks = per_image.pred_masks[:, 0]
        if not do_postprocess:
            return found
        return self._postprocess(found, batched_inputs, [per_image.image_size for per_image in found])

    @torch.no_grad()
    def trace(self, batched_inputs: list[dict[str, Any]]) -> Trace:
        """Run inference once and keep every stage of it; the model must be in evaluation mode.

        Works in full with :class:`BalloonRPN` and :class:`BalloonROIHeads`; other proposal generators and heads
        leave their stages empty.
        """
        with self._tracing() as trace:
            trace.results = [result["instances"] for result in self.inference(batched_inputs)]
        return trace

    @contextmanager
    def _tracing(self) -> Iterator[Trace]:
        trace = Trace()

        def record_features(_: Any, inputs: tuple[torch.Tensor], features: dict[str, torch.Tensor]) -> None:
            trace.images, trace.features = inputs[0], features

        def record_sizes(_: Any, inputs: tuple[Any, ...]) -> None:
            trace.image_sizes = list(inputs[0].image_sizes)

        stages = [self.proposal_generator, self.roi_heads]
        hooks = [
            self.backbone.register_forward_hook(record_features),
            self.roi_heads.register_forward_pre_hook(record_sizes),
        ]
        for stage in stages:
            stage.trace = trace
        try:
            yield trace
        finally:
            for stage in stages:
                stage.trace = None
            for hook in hooks:
                hook.remove()
