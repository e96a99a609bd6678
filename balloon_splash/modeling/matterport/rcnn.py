"""Meta-architecture that takes pictures on a canvas and returns boxes of whole pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from detectron2.config import CfgNode, configurable
from detectron2.modeling import META_ARCH_REGISTRY
from detectron2.modeling.postprocessing import detector_postprocess
from detectron2.structures import Boxes, ImageList, Instances
from torch import Tensor

from balloon_splash.modeling.matterport.boxes import half_open, inclusive
from balloon_splash.modeling.rcnn import BalloonRCNN

Size = tuple[int, int]
"""Height and width."""

_MULTIPLE = 64


@META_ARCH_REGISTRY.register()
class MatterportRCNN(BalloonRCNN):
    """``BalloonRCNN`` around matterport's letterbox (``utils.resize_image``) and ``unmold_detections``.

    A picture is in the middle of a black canvas, from whose black the mean is subtracted, too. Results are in pixels of
    the picture without its canvas. In training the canvas grows at the right and at the bottom, so that annotations
    keep their coordinates.
    """

    @configurable
    def __init__(self, *, square: int = 0, **kwargs: Any) -> None:
        """Build the model; other arguments as in ``BalloonRCNN``.

        Args:
            square: side of the canvas in pixels (``IMAGE_RESIZE_MODE`` "square"), 0 for the next multiples of 64 of the
                picture's sides ("pad64").
        """
        super().__init__(**kwargs)
        self.square = square

    @classmethod
    def from_config(cls, cfg: CfgNode) -> dict[str, Any]:
        """Map the configuration to the constructor's arguments."""
        square = cfg.INPUT.MAX_SIZE_TEST if cfg.INPUT.RESIZE_MODE == "square" else 0
        return {**super().from_config(cfg), "square": square}

    def preprocess_image(self, batched_inputs: list[dict[str, Any]]) -> ImageList:
        """Preprocess the canvases as ``GeneralizedRCNN.preprocess_image`` does; the result also has ``windows``.

        ``windows`` ``(N, 4)`` are inclusive boxes (:func:`.boxes.inclusive`) of the pictures on the canvas.
        """
        sizes = [_size(each["image"]) for each in batched_inputs]
        canvas = self._canvas(sizes)
        corners = [(0, 0) if self.training else _corner(size, canvas) for size in sizes]
        placed = [
            {**each, "image": _placed(each["image"], corner, canvas)}
            for each, corner in zip(batched_inputs, corners, strict=True)
        ]
        images: Any = super().preprocess_image(placed)
        images.windows = torch.stack(
            [
                _tensor((left, top, left + width - 1, top + height - 1), images.tensor)
                for (height, width), (top, left) in zip(sizes, corners, strict=True)
            ]
        )
        return images

    def letterbox(self, image: Tensor) -> Tensor:
        """A picture ``(C, h, w)`` in the middle of its canvas, ``(C, H, W)``."""
        return _placed(image, self.corner(image), self._canvas([_size(image)]))

    def corner(self, image: Tensor) -> tuple[int, int]:
        """Top and left of a picture ``(C, h, w)`` on its canvas."""
        return _corner(_size(image), self._canvas([_size(image)]))

    def inference(
        self,
        batched_inputs: list[dict[str, Any]],
        detected_instances: list[Instances] | None = None,
        do_postprocess: bool = True,
    ) -> Any:
        """Infer as ``BalloonRCNN.inference``; pictures with different canvases go one by one, as in the original."""
        sizes = [_size(each["image"]) for each in batched_inputs]
        if len({self._canvas([size]) for size in sizes}) > 1 and len(sizes) > 1:
            given = [None] * len(sizes) if detected_instances is None else [[each] for each in detected_instances]
            pairs = zip(batched_inputs, given, strict=True)
            return [self.inference([one], boxes, do_postprocess)[0] for one, boxes in pairs]
        canvas = self._canvas(sizes)
        corners = [_corner(size, canvas) for size in sizes]
        if detected_instances is not None:
            moves = zip(detected_instances, corners, strict=True)
            detected_instances = [_moved(found, corner, canvas) for found, corner in moves]
        results = super().inference(batched_inputs, detected_instances, do_postprocess=False)
        found = [
            _moved(each, (-top, -left), size) for each, (top, left), size in zip(results, corners, sizes, strict=True)
        ]
        return self._postprocess(found, batched_inputs, sizes) if do_postprocess else found

    @staticmethod
    def postprocess(found: Instances, height: int, width: int) -> Instances:
        """Round boxes to whole pixels of a picture ``(height, width)``, and paste masks into them.

        Replaces ``detector_postprocess`` for this model (``unmold_detections``); drops empty boxes.
        """
        edges = [max(edge - 1, 1) for edge in found.image_size]
        scale = torch.tensor([(width - 1) / edges[1], (height - 1) / edges[0]] * 2, dtype=torch.float64)
        boxes = inclusive(found.pred_boxes.tensor.double()) * scale.to(found.pred_boxes.device)
        whole = Instances((height, width), **found.get_fields())
        whole.pred_boxes = Boxes(half_open(boxes).round().float())
        return detector_postprocess(whole, height, width)

    @staticmethod
    def _postprocess(
        instances: list[Instances], batched_inputs: list[dict[str, Any]], image_sizes: Sequence[Size]
    ) -> list[dict[str, Instances]]:
        return [
            {"instances": MatterportRCNN.postprocess(found, each.get("height", size[0]), each.get("width", size[1]))}
            for found, each, size in zip(instances, batched_inputs, image_sizes, strict=True)
        ]

    def _canvas(self, sizes: Sequence[Size]) -> Size:
        """Return height and width of the canvas for pictures of these sizes."""
        if torch.jit.is_tracing():  # type: ignore[attr-defined]  # one picture, whose sides are tensors
            ((height, width),) = sizes
            return (self.square, self.square) if self.square else (_up(height), _up(width))
        longest = max(height for height, _ in sizes), max(width for _, width in sizes)
        if self.square and not self.training:
            return max(self.square, _up(max(longest))), max(self.square, _up(max(longest)))
        return _up(longest[0]), _up(longest[1])


def _size(image: Tensor) -> Size:
    height, width = image.shape[-2:]
    return height, width


def _up(length: int) -> int:
    return (length + _MULTIPLE - 1) // _MULTIPLE * _MULTIPLE


def _corner(size: Size, canvas: Size) -> tuple[int, int]:
    """Return top and left of a picture in the middle of a canvas."""
    return (canvas[0] - size[0]) // 2, (canvas[1] - size[1]) // 2


def _placed(image: Tensor, corner: tuple[int, int], canvas: Size) -> Tensor:
    """Place an image ``(C, h, w)`` on a black canvas."""
    (height, width), (top, left) = _size(image), corner
    return F.pad(image, (left, canvas[1] - width - left, top, canvas[0] - height - top))


def _tensor(values: Sequence[int], like: Tensor) -> Tensor:
    """Turn numbers, or in a trace tensors of one number, into a tensor of the type and on the device of another."""
    return torch.stack([torch.as_tensor(value) for value in values]).to(like)


def _moved(instances: Instances, by: tuple[int, int], size: Size) -> Instances:
    """Move instances down and right on an image of another size."""
    moved = Instances(size, **instances.get_fields())
    boxes = instances.pred_boxes.tensor
    moved.pred_boxes = Boxes(boxes + _tensor((by[1], by[0], by[1], by[0]), boxes))
    return moved
