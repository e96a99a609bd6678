"""Steps between the layers of a Mask R-CNN, as Detectron2 has them: resizing, proposals, crops, choice of objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime.boxes import Boxes, clipped, decoded
from balloon_splash.runtime.preparing import network_image
from balloon_splash.runtime.proposals import Map, proposals
from balloon_splash.runtime.structure import Structure
from balloon_splash.runtime.suppression import suppressed

_CANONICAL_SIZE, _CANONICAL_LEVEL = 224, 4  # a box of this size is taken from this level (Lin et al. 2017, equation 1)


@dataclass(frozen=True)
class Placed:
    """A picture as the network sees it.

    Attributes:
        pixels: ``(3, H, W)``, normalised.
        size: height and width of the picture itself.
        inner: height and width of the resized picture.
        corner: top and left of the resized picture in ``pixels``.
    """

    pixels: npt.NDArray[np.float32]
    size: tuple[int, int]
    inner: tuple[int, int]
    corner: tuple[int, int] = (0, 0)

    @property
    def limits(self) -> npt.NDArray[np.float32]:
        """The box ``(4,)`` of the resized picture in ``pixels``."""
        (top, left), (height, width) = self.corner, self.inner
        return np.array([left, top, left + width, top + height], np.float32)


class Rules:
    """Detectron2's rules; :class:`balloon_splash.runtime.matterport.MatterportRules` has others."""

    def __init__(self, structure: Structure) -> None:
        """Take over the limits and anchors of a model."""
        self.structure = structure

    def place(self, image: npt.NDArray[np.uint8]) -> Placed:
        """Resize and normalise a picture ``(H, W, 3)`` RGB."""
        pixels = network_image(image, self.structure)
        return Placed(pixels, (image.shape[0], image.shape[1]), (pixels.shape[1], pixels.shape[2]))

    def proposals(self, logits: Sequence[Map], deltas: Sequence[Map], placed: Placed) -> Boxes:
        """Propose boxes ``(R, 4)`` that may hold an object; see :func:`balloon_splash.runtime.proposals.proposals`."""
        return proposals(logits, deltas, placed.inner, self.structure)

    def levels(self, boxes: Boxes, canvas: tuple[int, int]) -> npt.NDArray[np.intp]:
        """Index of the feature map for each of ``(N, 4)`` boxes; ``canvas`` is the padded height and width."""
        size = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        level = np.floor(_CANONICAL_LEVEL + np.log2(size / _CANONICAL_SIZE + 1e-8)) - 2
        return np.clip(level, 0, self.structure.pooled_levels - 1).astype(np.intp)

    def crops(self, boxes: Boxes, cells: tuple[int, int], canvas: tuple[int, int], side: int) -> Boxes:
        """Boxes that ROIAlign gets, to pool ``(N, 4)`` boxes of a canvas from a map of so many cells."""
        return boxes

    def refined(self, boxes: Boxes, deltas: npt.NDArray[np.float32], placed: Placed) -> Boxes:
        """Boxes ``(R, 4)`` moved by the box head's deltas ``(R, K, 4)``, cut to the picture: ``(R, K, 4)``."""
        return clipped(decoded(boxes, deltas, self.structure.box_weights), placed.inner)

    def eligible(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scores ``(R, K + 1)``, background last, to ``(R, K)`` with zeros for all that is not an object."""
        scores = scores[:, :-1]
        return np.where(scores > self.structure.box_threshold, scores, np.float32(0))

    def suppressed(self, boxes: Boxes, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.intp]:
        """Indices of the objects of one class that stay, best first."""
        return suppressed(boxes, scores, self.structure.box_nms)

    def to_network(self, boxes: Boxes, placed: Placed) -> Boxes:
        """Move boxes of the picture to ``placed.pixels``."""
        return (boxes / _scale(placed)).astype(np.float32)

    def to_picture(self, boxes: Boxes, placed: Placed) -> Boxes:
        """Move boxes of ``placed.pixels`` to the picture, and cut them to it."""
        return clipped(boxes * _scale(placed), placed.size)


def _scale(placed: Placed) -> npt.NDArray[np.float32]:
    (height, width), (inner_height, inner_width) = placed.size, placed.inner
    return np.tile(np.array([width / inner_width, height / inner_height], np.float32), 2)
