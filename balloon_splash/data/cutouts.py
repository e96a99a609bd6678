"""Cut-outs of other things, pasted into training photos as nothing: a coin, a plate, a wheel.

Whoever's model takes lamps for its objects cuts out some lamps. After the distractors of Dwibedi et al. 2017, "Cut,
Paste and Learn: Surprisingly Easy Synthesis for Instance Detection".
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from balloon_splash.data.copy_paste import blend
from balloon_splash.data.mixing import MixedPhotos
from balloon_splash.errors import DatasetError, MediaError
from balloon_splash.media.formats import is_picture
from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.reading import read_picture

logger = logging.getLogger(__name__)

#: Longest side in pixels at which a cut-out is kept in memory.
KEPT_SIDE = 320

_MOST = 3  # cut-outs in a photo
_SIZE = (0.06, 0.8)  # longest side as a share of the photo's height
_MOST_MAGNIFIED = 2.0  # beyond that it would be told by its blur
_LIGHT = (0.5, 1.3)
_UPRIGHT = 0.5  # share of the cut-outs that stand as they were photographed, within _TILT degrees; others lie anyhow
_TILT = 20.0

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Cutout:
    """One thing without what is around it.

    Attributes:
        rgb: ``(H, W, 3)`` uint8.
        alpha: ``(H, W)`` uint8, 255 where the thing covers what is behind it.
    """

    rgb: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8]


def load_cutouts(folder: str | os.PathLike[str]) -> list[Cutout]:
    """The pictures with transparency in a folder and those below it, in the order of their paths.

    Pictures that cannot be read, that have no transparency or nothing else are left out, with a warning; hidden files
    and other formats are passed over.

    Raises:
        DatasetError: there is no such folder, or no cut-out in it.
    """
    root = Path(folder)
    paths = sorted(path for path in root.rglob("*") if is_picture(path) and not path.name.startswith("."))
    found = [cutout for path in paths if (cutout := _read(path)) is not None]
    if not found:
        raise DatasetError(f"{root}: no cut-out in it, expected pictures with transparency (PNG or WebP)")
    return found


def _read(path: Path) -> Cutout | None:
    try:
        picture = read_picture(path)
    except MediaError as error:
        logger.warning("left out: %s", error)
        return None
    alpha = np.zeros(picture.size, np.uint8) if picture.alpha is None else to_8_bit(picture.alpha)
    rows, columns = np.nonzero(alpha > 127)
    if picture.alpha is None or not len(rows) or alpha.min() > 127:
        logger.warning("left out: %s: no cut-out, expected a thing on transparent ground", path)
        return None
    box = slice(rows.min(), rows.max() + 1), slice(columns.min(), columns.max() + 1)
    return _shrink(Cutout(picture.rgb8[box], alpha[box]))


def _shrink(cutout: Cutout) -> Cutout:
    scale = KEPT_SIDE / max(cutout.alpha.shape)
    if scale >= 1:
        return Cutout(cutout.rgb.copy(), cutout.alpha.copy())  # not a view that keeps the whole picture
    color, alpha = _resized(cutout, scale)
    rgb = color / np.maximum(alpha, 1 / 255)[..., None]
    return Cutout(np.rint(rgb * 255).clip(0, 255).astype(np.uint8), np.rint(alpha * 255).astype(np.uint8))


def _resized(cutout: Cutout, scale: float) -> tuple[Float, Float]:
    """Colours times alpha ``(h, w, 3)``, and alpha ``(h, w)``, both in [0, 1]: what is transparent has no colour."""
    alpha = cutout.alpha.astype(np.float32) / 255
    color = cutout.rgb.astype(np.float32) / 255 * alpha[..., None]
    height, width = (max(round(side * scale), 1) for side in alpha.shape)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = np.asarray(cv2.resize(np.dstack([color, alpha]), (width, height), interpolation=how), np.float32)
    return resized[..., :3], resized[..., 3]


class PasteCutouts(MixedPhotos):
    """A dataset of mapped photos, some of which get things that are no objects."""

    def __init__(
        self, dataset: Dataset[dict[str, Any]], cutouts: Sequence[Cutout], probability: float, image_format: str
    ) -> None:
        """As :class:`MixedPhotos`, with at least one cut-out; ``image_format`` is ``INPUT.FORMAT``, RGB or BGR."""
        super().__init__(dataset, probability)
        self.cutouts = cutouts
        self.image_format = image_format

    def mix(self, photo: dict[str, Any]) -> dict[str, Any]:
        """Paste one to three random cut-outs."""
        chosen = np.random.randint(len(self.cutouts), size=np.random.randint(1, _MOST + 1))
        return paste_cutouts(photo, [self.cutouts[number] for number in chosen], self.image_format)


def paste_cutouts(photo: dict[str, Any], cutouts: Sequence[Cutout], image_format: str = "RGB") -> dict[str, Any]:
    """Put each cut-out somewhere over a photo, at a random size, angle and light, mirrored or not.

    Args:
        photo: ``image`` ``(3, H, W)`` uint8 and ``instances`` with ``gt_boxes``, ``gt_classes`` and ``gt_masks``.
        cutouts: they lie over one another in this order.
        image_format: order of the colours of ``image``, RGB or BGR.

    Returns:
        ``photo`` with another image, and those of its instances that can still be seen.
    """
    height, width = photo["image"].shape[1:]
    color, alpha = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    for cutout in cutouts:
        its_color, its_alpha = _thrown(cutout, height, width)
        color = color * (1 - its_alpha[..., None]) + its_color
        alpha = alpha * (1 - its_alpha) + its_alpha
    straight = (color / np.maximum(alpha, 1e-3)[..., None] * 255).clip(max=255)
    if image_format == "BGR":
        straight = straight[..., ::-1]
    front = torch.from_numpy(np.ascontiguousarray(straight.transpose(2, 0, 1)))
    cover = torch.from_numpy(alpha)
    return blend(photo, front, cover, cover > 0.5)


def _thrown(cutout: Cutout, height: int, width: int) -> tuple[Float, Float]:
    """A cut-out somewhere on a picture: colours times alpha ``(height, width, 3)``, and alpha ``(height, width)``."""
    native = max(cutout.alpha.shape)
    side = height * np.exp(np.random.uniform(*np.log(_SIZE)))
    color, alpha = _resized(cutout, min(side / native, _MOST_MAGNIFIED))
    color *= np.random.uniform(*_LIGHT)
    layers = np.dstack([color, alpha])
    if np.random.random() < 0.5:
        layers = layers[:, ::-1]
    angle = np.random.uniform(-_TILT, _TILT) if np.random.random() < _UPRIGHT else np.random.uniform(-180, 180)
    middle = layers.shape[1] / 2, layers.shape[0] / 2
    move = cv2.getRotationMatrix2D(middle, angle, 1.0)
    move[:, 2] += np.random.uniform(0, (width, height)) - middle
    thrown = np.asarray(cv2.warpAffine(np.ascontiguousarray(layers), move, (width, height)), np.float32)
    return thrown[..., :3], thrown[..., 3]
