"""Preparation of a photo for the network."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from balloon_splash.runtime.structure import Structure

STRIDE = 32
"""Stride of the coarsest map of the backbone, in pixels."""


def network_image(image: npt.NDArray[np.uint8], structure: Structure) -> npt.NDArray[np.float32]:
    """Resize a picture ``(H, W, 3)`` RGB as Detectron2 does, and normalise it: ``(3, h, w)``."""
    height, width = structure.resized(*image.shape[:2])
    resized = np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR))
    return normalised(resized, structure)


def normalised(image: npt.NDArray[np.uint8], structure: Structure) -> npt.NDArray[np.float32]:
    """``(h, w, 3)`` RGB to ``(3, h, w)`` in the model's order of channels."""
    channels = np.array((image[..., ::-1] if structure.bgr else image).transpose(2, 0, 1), np.float32, order="C")
    mean, std = (np.array(each, np.float32)[:, None, None] for each in (structure.pixel_mean, structure.pixel_std))
    channels -= mean
    channels /= std
    return channels


def padded(image: npt.NDArray[np.float32], steps: int = STRIDE) -> npt.NDArray[np.float32]:
    """Pad ``(3, h, w)`` with zeros at the right and bottom, up to multiples of ``steps``: ``(1, 3, H, W)``."""
    channels, height, width = image.shape
    result = np.zeros((1, channels, -(-height // steps) * steps, -(-width // steps) * steps), np.float32)
    result[0, :, :height, :width] = image
    return result
