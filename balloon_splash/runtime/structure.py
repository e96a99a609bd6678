"""Structure of a packed model: all that the runtime needs beside the weights, as JSON in their file."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from balloon_splash.errors import WeightsError

VERSIONS = (1, 2, 3, 4)
"""A structure has the lowest version whose readers compute it as it is, so that older ones read all they can."""

Range = tuple[float, float]


@dataclass(frozen=True)
class Structure:
    """Structure of a Mask R-CNN on a ResNet-FPN, as Detectron2 builds it.

    Attributes:
        blocks: residual blocks of each stage, ``res2`` first.
        bottleneck: whether blocks have three convolutions instead of two.
        stride_in_1x1: whether the first convolution of a bottleneck has the stride, as in MSRA's networks.
        rpn_convolutions: names of the hidden layers of the RPN head.
        pixel_mean: subtracted from each channel.
        pixel_std: each channel is divided by it.
        bgr: whether the channels are blue, green, red.
        short_edge: length in pixels to which the short edge of photos is resized,
        longest_edge: unless the long edge would become longer than this, in pixels.
        anchors: for each level of the RPN, boxes ``[x0, y0, x1, y1]`` around the origin, in pixels.
        strides: pixels per cell of each level.
        anchor_offset: position of an anchor in its cell, in cells.
        candidates: most proposals per level that enter NMS.
        proposals: most proposals after NMS.
        sure_proposals: proposals kept even where background is likelier than object.
        rpn_nms: overlap (IoU) above which the worse of two proposals is dropped.
        box_pool: bins along each edge of a box, for the box head.
        box_layers: names of the hidden layers of the box head.
        box_weights: weights of the box head's deltas.
        box_agnostic: whether one box serves all classes.
        box_threshold: score below which objects are dropped.
        box_nms: overlap (IoU) above which the worse of two objects of a class is dropped.
        objects: most objects per picture.
        mask_pool: bins along each edge of a box, for the mask head.
        mask_prefix: prefix of the names of the mask head's layers.
        mask_layers: names of its convolutions.
        mask_agnostic: one mask for all classes.
        point_layers: names of the hidden layers of the point head; none without one.
        point_steps: times that a mask is doubled and refined.
        points: refined in each step.
        coarse_in_each: each layer of the point head sees the coarse mask, not the first alone.
        ranges: of the values that go into each quantised convolution, by a name of the graph; none for a model
            without int8.
        rpn_weights: what the RPN's deltas are multiplied by.
        matterport: computed as matterport's Mask R-CNN does it, see :mod:`balloon_splash.runtime.matterport`, and with
            the attributes that follow:
        resize_mode: "square", "pad64" or "none".
        resize_min_scale: factor by which photos are scaled up at least.
        square: side of the canvas in pixels, 0 for multiples of 64 pixels.
        grow_cut_boxes: share of a box by which the sides that cut its object move outwards, see
            :mod:`balloon_splash.runtime.cut_boxes`; 0 leaves all boxes.
        overview: short edge of a second view of each picture, for large objects; 0 for one view.
        overview_objects: least size of these, see :func:`balloon_splash.compositing.overlap.with_large`.
    """

    blocks: tuple[int, ...]
    bottleneck: bool
    stride_in_1x1: bool
    rpn_convolutions: tuple[str, ...]
    pixel_mean: tuple[float, ...]
    pixel_std: tuple[float, ...]
    bgr: bool
    short_edge: int
    longest_edge: int
    anchors: tuple[tuple[tuple[float, ...], ...], ...]
    strides: tuple[int, ...]
    anchor_offset: float
    candidates: int
    proposals: int
    sure_proposals: int
    rpn_nms: float
    box_pool: int
    box_layers: tuple[str, ...]
    box_weights: tuple[float, ...]
    box_agnostic: bool
    box_threshold: float
    box_nms: float
    objects: int
    mask_pool: int
    mask_prefix: str
    mask_layers: tuple[str, ...]
    mask_agnostic: bool
    point_layers: tuple[str, ...] = ()
    point_steps: int = 0
    points: int = 0
    coarse_in_each: bool = True
    ranges: Mapping[str, Range] = dataclasses.field(default_factory=dict)
    rpn_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    matterport: bool = False
    resize_mode: str = "shortest_edge"
    resize_min_scale: float = 0.0
    square: int = 0
    grow_cut_boxes: float = 0.0
    overview: int = 0
    overview_objects: float = 0.0

    @property
    def pooled_levels(self) -> int:
        """Number of feature maps from which boxes are pooled: those of the backbone's stages."""
        return len(self.blocks)

    @property
    def mask_side(self) -> int:
        """Cells along each edge of a mask."""
        if self.point_layers:
            return math.isqrt(self.points) * 2**self.point_steps
        return 2 * self.mask_pool

    def resized(self, height: int, width: int) -> tuple[int, int]:
        """Return height and width of a resized photo, as in Detectron2's ``ResizeShortestEdge``, but at least 1."""
        scale = self.short_edge / min(height, width)
        new_height, new_width = height * scale, width * scale
        if max(new_height, new_width) > self.longest_edge:
            scale = self.longest_edge / max(new_height, new_width)
            new_height, new_width = new_height * scale, new_width * scale
        return max(int(new_height + 0.5), 1), max(int(new_width + 0.5), 1)

    def at_scale(self, short_edge: int) -> Structure:
        """Return the same structure with another short edge; the longest edge grows with it."""
        longest = round(self.longest_edge * short_edge / self.short_edge)
        return dataclasses.replace(self, short_edge=short_edge, longest_edge=longest)

    def to_json(self) -> str:
        """JSON text that :meth:`from_json` reads."""
        return json.dumps({"version": self._version(), **dataclasses.asdict(self)}, sort_keys=True)

    def _version(self) -> int:
        if self.overview:
            return 4
        if self.grow_cut_boxes:
            return 3
        return 2 if self.matterport or set(self.rpn_weights) != {1.0} else 1

    @classmethod
    def from_json(cls, text: str, path: str) -> Structure:
        """Read a file's JSON; ``path`` is for messages.

        Raises:
            WeightsError: written by a newer version, or damaged.
        """
        try:
            values = json.loads(text)
            version = values.pop("version")
            if version not in VERSIONS:
                raise WeightsError(
                    f"{path}: its structure has version {version}, expected {VERSIONS[-1]} or less; install a newer "
                    "balloon_splash, or run it with --backend torch"
                )
            known = [field for field in dataclasses.fields(cls) if field.name in values]  # the first files lack some
            return cls(**{field.name: _checked(field, values[field.name]) for field in known})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"{path}: damaged, its structure is incomplete ({error})") from error


def _checked(field: dataclasses.Field[Any], value: Any) -> Any:
    kind = str(field.type)
    if kind.startswith("Mapping"):
        return {str(name): (float(low), float(high)) for name, (low, high) in value.items()}
    if kind.startswith("tuple"):
        if not isinstance(value, list):
            raise ValueError(f"{field.name}: {value!r} found, expected a list")
        return _tuple(value)
    expected = {"int": int, "float": (int, float), "bool": bool, "str": str}[kind]
    if not isinstance(value, expected):  # type: ignore[arg-type]
        raise ValueError(f"{field.name}: {value!r} found, expected {kind}")
    return value


def _tuple(value: Any) -> Any:
    return tuple(_tuple(each) for each in value) if isinstance(value, list) else value
