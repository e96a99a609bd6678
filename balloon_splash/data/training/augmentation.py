"""Augmentation of training photos, as configured."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode
from detectron2.data import transforms as T
from detectron2.data.detection_utils import build_augmentation
from torchvision.transforms.v2.functional import jpeg

_MOST_SHRINKING = 3.0  # a photo of 448 pixels keeps the detail of 150
_WORST_JPEG, _BEST_JPEG = 30, 95  # quality
_HUES = 180  # OpenCV's hue of a uint8 image goes round in 180 steps of two degrees


class RandomHue(T.Augmentation):
    """Random turn of all colours of a photo by the same angle: balloons have every colour, so colour must not count."""

    def __init__(self, max_degrees: float, image_format: str) -> None:
        """Turn by up to ``max_degrees`` either way; ``image_format`` is ``INPUT.FORMAT``, RGB or BGR."""
        super().__init__()
        self.max_degrees = max_degrees
        self.image_format = image_format

    def get_transform(self, image: npt.NDArray[np.uint8]) -> T.Transform:
        """Draw an angle for this photo."""
        turn = np.random.uniform(-self.max_degrees, self.max_degrees)
        rgb = self.image_format == "RGB"
        to_hsv, from_hsv = (cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB) if rgb else (cv2.COLOR_BGR2HSV, cv2.COLOR_HSV2BGR)

        def turn_hue(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
            hsv = cv2.cvtColor(pixels, to_hsv)
            hsv[:, :, 0] = (hsv[:, :, 0].astype(np.int16) + round(turn / 360 * _HUES)) % _HUES
            return cv2.cvtColor(hsv, from_hsv).astype(np.uint8, copy=False)

        return T.ColorTransform(turn_hue)


class LowQuality(T.Augmentation):
    """Loss of detail, as in photos that were scaled down, sent on, enlarged and sharpened: softness, blocks, halos.

    Sharp photos and rendered pictures alone teach that balloons have crisp edges and clean cloth.
    """

    def get_transform(self, image: npt.NDArray[np.uint8]) -> T.Transform:
        """Draw how much is lost for this photo."""
        shrink, sharpening = np.random.uniform(1, _MOST_SHRINKING), max(np.random.uniform(-1, 1), 0)
        quality = int(np.random.randint(_WORST_JPEG, _BEST_JPEG))

        def degrade(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
            height, width = pixels.shape[:2]
            size = max(round(width / shrink), 1), max(round(height / shrink), 1)
            small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
            saved = jpeg(torch.from_numpy(small).permute(2, 0, 1), quality).permute(1, 2, 0).contiguous().numpy()
            enlarged = cv2.resize(saved, (width, height), interpolation=cv2.INTER_CUBIC)
            soft = cv2.GaussianBlur(enlarged, (0, 0), shrink)
            return cv2.addWeighted(enlarged, 1 + sharpening, soft, -sharpening, 0).astype(np.uint8, copy=False)

        return T.ColorTransform(degrade)


def training_augmentations(cfg: CfgNode) -> list[T.Augmentation | T.Transform]:
    """Return the augmentations for training in the order of their application.

    Detectron2's own (short edge, flip) unless ``INPUT.SCALE_JITTER.CROP`` replaces the resizing by large-scale
    jitter (Ghiasi et al. 2021, "Simple Copy-Paste"): a photo at any scale of a wide range, cut or padded to a square.
    """
    jitter = cfg.INPUT.SCALE_JITTER
    augmentations = list(build_augmentation(cfg, is_train=True))
    if jitter.CROP:
        side = jitter.CROP
        resize: list[T.Augmentation] = [
            T.ResizeScale(*jitter.RANGE, target_height=side, target_width=side),
            T.FixedSizeCrop((side, side)),
        ]
        augmentations = resize + [each for each in augmentations if not isinstance(each, T.ResizeShortestEdge)]
    strength = cfg.INPUT.COLOR_JITTER
    if strength:
        extent = (1 - strength, 1 + strength)
        augmentations += [T.RandomBrightness(*extent), T.RandomContrast(*extent), T.RandomSaturation(*extent)]
    if cfg.INPUT.HUE_JITTER:
        augmentations.append(RandomHue(cfg.INPUT.HUE_JITTER, cfg.INPUT.FORMAT))
    if cfg.INPUT.GREY:
        augmentations.append(T.RandomApply(T.RandomSaturation(0, 0), cfg.INPUT.GREY))
    if cfg.INPUT.LOW_QUALITY:
        augmentations.append(T.RandomApply(LowQuality(), cfg.INPUT.LOW_QUALITY))
    return augmentations
