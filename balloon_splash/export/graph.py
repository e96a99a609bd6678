"""Whole model as a function of one tensor, which can be traced."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from detectron2.export.torchscript_patch import patch_builtin_len
from detectron2.projects.point_rend import PointRendMaskHead
from detectron2.structures import Boxes, Instances
from torch import Tensor, nn

INPUT = "image"
OUTPUTS = ("boxes", "scores", "classes", "masks")


class DetectionGraph(nn.Module):
    """Detector of confident objects in one resized image; resizing, and pasting the masks, are left to the caller.

    Normalising is part of the graph. The JSON file beside an exported model says how to resize images and names the
    classes.
    """

    def __init__(self, model: Any, confidence: float) -> None:
        """Wrap a ``GeneralizedRCNN`` with a mask head, in evaluation mode.

        Args:
            model: the model, from now on the graph's own; its weights lose their gradients, which a trace would
                compute.
            confidence: objects with a lower score are left out.
        """
        super().__init__()
        if isinstance(model.roi_heads.mask_head, PointRendMaskHead):
            model.roi_heads.mask_head = _WithOneMore(model.roi_heads.mask_head)
        self.model = model.requires_grad_(False)
        self.confidence = confidence

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """``(3, H, W)`` float, 0 to 255, in the order of ``INPUT.FORMAT``.

        Returns:
            Boxes ``(N, 4)`` XYXY in pixels of the image, scores ``(N,)``, classes ``(N,)`` and soft masks
            ``(N, M, M)`` on a grid stretched over each box; N may be 0.
        """
        with torch.no_grad(), patch_builtin_len():  # a trace would take these lengths for constants
            (found,) = self.model.inference([{"image": image}], do_postprocess=False)
            confident = found.scores >= self.confidence
            return (
                found.pred_boxes.tensor[confident],
                found.scores[confident],
                found.pred_classes[confident],
                found.pred_masks[confident][:, 0],
            )


class _WithOneMore(nn.Module):
    """Point head that gets one extra object, whose mask is dropped.

    The head has a separate branch for no objects, which a trace cannot have; and onnxruntime, when it simplifies the
    reshapes of the steps, assumes at least one.
    """

    def __init__(self, head: PointRendMaskHead) -> None:
        super().__init__()
        self.head = head

    def forward(self, features: dict[str, Tensor], instances: list[Instances]) -> list[Instances]:
        (found,) = instances
        more = Instances(found.image_size)
        boxes, classes = found.pred_boxes.tensor, found.pred_classes
        more.pred_boxes = Boxes(torch.cat([boxes, boxes.new_tensor([[0.0, 0.0, 1.0, 1.0]])]))
        more.pred_classes = torch.cat([classes, classes.new_zeros(1)])
        self.head(features, [more])
        found.pred_masks = more.pred_masks[:-1]
        return [found]


def trace(graph: DetectionGraph, example: Tensor) -> torch.jit.ScriptModule:
    """Record what the graph does with an example ``(3, H, W)`` in which it finds objects; sizes stay variable."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # warnings about shapes that Detectron2 can trace
        traced: torch.jit.ScriptModule = torch.jit.trace(graph, example, check_trace=False)
    return traced
