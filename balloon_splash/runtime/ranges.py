"""Ranges of a model's values for int8, measured on photos and stored with the model."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime.engine import Engine, Program
from balloon_splash.runtime.graph import Weights, observed_part
from balloon_splash.runtime.preparing import network_image, padded
from balloon_splash.runtime.structure import Range, Structure


def measure_ranges(structure: Structure, weights: Weights, images: Iterable[npt.NDArray[np.uint8]]) -> dict[str, Range]:
    """Measure the mean over photos of each quantity's smallest and largest value, as NNCF does.

    Args:
        structure: structure of the model.
        weights: weights of the model, in fp32.
        images: RGB ``(H, W, 3)``, at least one; 20 of the training photos are enough.
    """
    model, names = observed_part(structure, weights)
    program = Program(Engine().core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"}))
    found = [program(padded(network_image(image, structure))) for image in images]
    extremes = np.array(found, np.float64).mean(axis=0).reshape(-1, 2)
    # Zero, the result of padding and ReLU, is exactly on a step.
    return {name: (min(low, 0.0), max(high, 1e-6)) for name, (low, high) in zip(names, extremes.tolist(), strict=True)}
