"""Weights of matterport's Mask R-CNN from a seed, the same on every version of Python and NumPy, in Keras' layout."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

#: Layers that were trained in Keras for the reference; the others come from their names.
TRAINED = ("rpn_class_raw", "rpn_bbox_pred", "mrcnn_class_logits", "mrcnn_bbox_fc", "mrcnn_mask")


def seeded(layer: str, array: str, shape: Any) -> Any:
    """Numbers of one array: uniform, with the spread that keeps activations near one through the network."""
    random = np.random.RandomState(zlib.crc32((layer + "/" + array).encode()))
    values = random.random_sample(tuple(shape)) * 2 - 1
    if array == "gamma":
        values = 0.25 + 0.1 * values if layer.endswith("branch2c") else 0.9 + 0.3 * values
    elif array == "moving_variance":
        values = 1.1 + 0.4 * values
    elif array in ("beta", "moving_mean", "bias"):
        values *= 0.1
    else:
        values *= np.sqrt(6.0 / np.prod(shape[:-1]))  # He's initialisation
        if layer == "conv1":
            values /= 60  # pictures are 0 to 255 less the mean
        elif layer.startswith("fpn_"):
            values *= 0.5
        elif layer in TRAINED:
            values *= 0.3
    return values.astype(np.float32)
