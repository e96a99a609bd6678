"""Ranges of a model's values, measured on photos: what int8 needs, stored with the model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime.engine import Engine, Program
from balloon_splash.runtime.graph import Weights, observed_part
from balloon_splash.runtime.preparing import network_image, padded
from balloon_splash.runtime.structure import Range, Structure


def measure_ranges(structure: Structure, weights: Weights, images: Iterable[npt.NDArray[np.uint8]]) -> dict[str, Range]:
    """The mean over photos of each quantity's smallest and largest value, as NNCF measures them.

    Args:
        structure: of the model.
        weights: of the model, in fp32.
        images: RGB ``(H, W, 3)``, at least one; those that the model was trained on are good, and 20 are enough.
    """
    model, names = observed_part(structure, weights)
    program = Program(Engine().core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}))
    found = [program(padded(network_image(image, structure))) for image in images]
    extremes = np.array(found, np.float64).mean(axis=0).reshape(-1, 2)
    # Zero is a step of its own: what padding and ReLU give.
    return {name: (min(low, 0.0), max(high, 1e-6)) for name, (low, high) in zip(names, extremes.tolist(), strict=True)}
