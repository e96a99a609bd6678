"""Background as a lesson of its own: close-ups of it, and round pieces of it pasted where they do not belong.

Few photos show few things besides the objects, and all of them at one distance. A model that has only seen arms, hats
and shirts when small takes a smooth shoulder that fills the picture for a balloon; one that has only seen balloons cut
out and pasted takes the cut for a sign of them. So other things are also pasted, like the distractors of Dwibedi et al.
2017, "Cut, Paste and Learn: Surprisingly Easy Synthesis for Instance Detection". Neither costs an annotation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from detectron2.structures import Instances
from torch import Tensor
from torch.nn.functional import max_pool2d
from torch.utils.data import Dataset
from torchvision.transforms.v2.functional import resize

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.training.copy_paste import MixedPhotos, cover

#: A piece whose grey values spread less than this (of 255) is bare sky or the padding around a photo: no lesson.
MIN_SPREAD = 12.0

_TRIES = 20  # at a place without objects
_MARGIN = 4  # pixels around an object that still show it: outlines are drawn by hand, and edges are blurred
_WINDOW = (0.25, 0.6)  # side of a close-up as a share of the picture: magnifies 4 to 1.7 times
_MOST_PIECES = 4
_RADIUS = (0.04, 0.22)  # of a piece, as a share of the picture's height
_DENT = 0.15  # how far a piece's outline leaves an ellipse, as a share of its radius


class CloseUps(MixedPhotos):
    """Dataset of mapped photos, some of which are replaced by a close-up of their background."""

    def mix(self, photo: dict[str, Any]) -> dict[str, Any]:
        """See :func:`close_up`; a photo that shows more objects than are annotated stays as it is."""
        return photo if photo.get(INCOMPLETE) else close_up(photo)


class PasteBackground(MixedPhotos):
    """Dataset of mapped photos, some of which get round pieces of the background of another one."""

    def __init__(self, dataset: Dataset[dict[str, Any]], donors: Dataset[dict[str, Any]], probability: float) -> None:
        """Mix as :class:`MixedPhotos`; ``donors`` has photos of the same size with **all** objects annotated."""
        super().__init__(dataset, probability)
        self.donors = donors

    def mix(self, photo: dict[str, Any]) -> dict[str, Any]:
        """See :func:`paste_pieces`; a donor that shows more objects than are annotated gives nothing."""
        donor = self.donors[np.random.randint(len(self.donors))]  # type: ignore[arg-type]  # no len
        return photo if donor.get(INCOMPLETE) else paste_pieces(photo, donor)


def close_up(photo: dict[str, Any]) -> dict[str, Any]:
    """Scale a random square of a photo's background up to the size of the photo.

    Args:
        photo: ``image`` ``(3, S, S)`` uint8 and ``instances`` with ``gt_masks``.

    Returns:
        ``photo`` with another image and no instances; ``photo`` itself where no such square was found.
    """
    image, taken = photo["image"], _taken(photo["instances"])
    size = image.shape[1:]
    for _ in range(_TRIES):
        side = int(min(size) * np.random.uniform(*_WINDOW))
        top, left = np.random.randint(size[0] - side + 1), np.random.randint(size[1] - side + 1)
        window = slice(top, top + side), slice(left, left + side)
        if not taken[window].any() and _spread(piece := image[:, window[0], window[1]]) >= MIN_SPREAD:
            return photo | {"image": resize(piece, list(size)), "instances": photo["instances"][:0]}
    return photo


def paste_pieces(photo: dict[str, Any], donor: dict[str, Any]) -> dict[str, Any]:
    """Put round pieces of a donor's background over a photo, without annotations.

    Half of them are shaded as if they were spheres, so that neither outline nor shading makes a balloon.

    Args:
        photo: ``image`` ``(3, H, W)`` uint8 and ``instances`` with ``gt_boxes``, ``gt_classes`` and ``gt_masks``.
        donor: the same of another photo of this size.

    Returns:
        ``photo`` with another image and the visible parts of its instances.
    """
    taken = _taken(donor["instances"])
    image = donor["image"].float()
    pieces = torch.zeros_like(taken)
    for _ in range(np.random.randint(1, _MOST_PIECES + 1)):
        piece, shade = random_piece(*taken.shape)
        if (piece & (taken | pieces)).any() or _spread(donor["image"][:, piece]) < MIN_SPREAD:
            continue
        if np.random.random() < 0.5:
            image = torch.where(piece, (image * shade).clamp(max=255), image)
        pieces |= piece
    return cover(photo, image, pieces) if pieces.any() else photo


def random_piece(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Make a dented ellipse somewhere: its mask ``(height, width)`` bool, and the light on it as if it were round.

    The light is a factor around 1, ``(height, width)`` float: Lambert's, on a dome over the outline.
    """
    radius = np.random.uniform(*_RADIUS) * height
    flat, turn, lit = np.random.uniform((0.6, 0.0, 0.0), (1.0, np.pi, 2 * np.pi))
    x, y = torch.meshgrid(
        torch.arange(width) - np.random.uniform(0, width), torch.arange(height) - np.random.uniform(0, height),
        indexing="xy",
    )  # fmt: skip
    along, across = x * np.cos(turn) + y * np.sin(turn), (y * np.cos(turn) - x * np.sin(turn)) / flat
    angle = torch.atan2(across, along)
    rim = 1 + sum(
        np.random.uniform(0, _DENT) / waves * torch.cos(waves * angle + np.random.uniform(0, 2 * np.pi))
        for waves in (2, 3, 4)
    )
    reach = torch.hypot(along, across) / (radius * rim)  # 0 in the middle, 1 at the rim
    height_of_dome = (1 - reach.clamp(max=1) ** 2).sqrt()
    towards_light = reach * torch.cos(angle - lit) * 0.7 + height_of_dome * 0.7
    return reach <= 1, 0.45 + 0.9 * towards_light.clamp(0, 1)


def _taken(instances: Instances) -> Tensor:
    """Return the mask of the objects and their surroundings, ``(H, W)`` bool."""
    masks: Tensor = instances.gt_masks.tensor
    if not len(masks):
        return torch.zeros(instances.image_size, dtype=torch.bool)
    area = masks.any(dim=0)[None].float()
    return max_pool2d(area, 2 * _MARGIN + 1, stride=1, padding=_MARGIN)[0] > 0


def _spread(pixels: Tensor) -> float:
    """Return the standard deviation of the grey values of ``(3, ...)`` pixels."""
    return float(pixels.float().mean(dim=0).std()) if pixels[0].numel() > 1 else 0.0
