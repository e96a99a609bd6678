"""Pooling by ``tf.image.crop_and_resize``: one bilinear sample per bin, the first and the last on the box's edges."""

from __future__ import annotations

import torch
from detectron2.layers import nonzero_tuple
from detectron2.modeling.poolers import ROIPooler, convert_boxes_to_pooler_format
from detectron2.structures import Boxes
from torch import Tensor
from torchvision.ops import roi_align

from balloon_splash.modeling.matterport.boxes import inclusive


class CropPooler(ROIPooler):
    """Pooler that crops from the level of the pyramid that fits the size of the box (``PyramidROIAlign``)."""

    def __init__(self, pooler: ROIPooler) -> None:
        """Replace ``pooler``, on a pyramid whose finest level has its scale."""
        scales = [level.spatial_scale for level in pooler.level_poolers]
        super().__init__(pooler.output_size, scales, sampling_ratio=1, pooler_type="ROIAlignV2")

    def forward(self, x: list[Tensor], box_lists: list[Boxes]) -> Tensor:
        """Pool feature maps ``(N, C, Hl, Wl)`` of a canvas in the boxes of each of the N images: ``(M, C, S, S)``."""
        stride = 2**self.min_level
        canvas = x[0].shape[-2] * stride, x[0].shape[-1] * stride
        boxes = convert_boxes_to_pooler_format(box_lists)
        levels = self.levels(boxes[:, 1:], canvas)
        pooled = x[0].new_zeros(boxes.shape[0], x[0].shape[1], *self.output_size)
        for level, maps in enumerate(x):
            (chosen,) = nonzero_tuple(levels == level)
            pooled.index_put_((chosen,), self._crop(maps, boxes[chosen], canvas))
        return pooled

    def levels(self, boxes: Tensor, canvas: tuple[int, int]) -> Tensor:
        """Return the index of the level for each of the boxes ``(M, 4)`` on a canvas of a height and width, ``(M,)``.

        Equation 1 of Lin et al. 2017, "Feature Pyramid Networks", rounded to the nearest, with 224 pixels as a share of
        the canvas.
        """
        height, width = canvas
        corners = inclusive(boxes)
        area = (corners[:, 3] - corners[:, 1]) * (corners[:, 2] - corners[:, 0]) / ((height - 1) * (width - 1))
        share = self.canonical_box_size / (height * width) ** 0.5
        level = self.canonical_level + torch.log2(area.sqrt() / share).round()
        return level.clamp(self.min_level, self.max_level).long() - self.min_level

    def _crop(self, maps: Tensor, boxes: Tensor, canvas: tuple[int, int]) -> Tensor:
        """Crop boxes ``(M, 5)``, with the index of the image in front, from one level: ``(M, C, S, S)``.

        ``S`` samples from edge to edge are the centres of ``S`` bins of a box that is one bin wider.
        """
        side = self.output_size[0]
        cells = [(maps.shape[axis] - 1) / (canvas[axis] - 1) for axis in (-1, -2)]
        scale = torch.stack([torch.as_tensor(each, dtype=boxes.dtype, device=boxes.device) for each in cells])
        corners = inclusive(boxes[:, 1:]).unflatten(1, (2, 2)) * scale
        first, step = corners[:, 0], (corners[:, 1] - corners[:, 0]) / (side - 1)
        start = first - step / 2 + 0.5
        wider = torch.cat([boxes[:, :1], start, start + step * side], dim=1)
        return roi_align(maps, wider.to(maps.dtype), self.output_size, 1.0, sampling_ratio=1, aligned=True)
