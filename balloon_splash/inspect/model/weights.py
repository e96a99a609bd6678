"""Layers that have died or exploded, judged by the weights alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from torch import nn

from balloon_splash.inspect.model.traced import array
from balloon_splash.inspect.page.style import BLUE, RED, new_figure, shorten

#: Below this standard deviation all weights of a layer are practically equal: it passes nothing on.
TINY_STD = 1e-5
#: Above this standard deviation a layer amplifies its input more than sane training would make it.
HUGE_STD = 10.0
#: A filter whose largest weight is below this is dead.
TINY_WEIGHT = 1e-6

_BINS = 60


@dataclass(frozen=True)
class LayerWeights:
    """Statistics of the weights of one layer.

    Attributes:
        name: name of the parameter.
        shape: its shape.
        mean, std, largest: statistics of all finite weights; ``largest`` is the largest magnitude.
        dead_filters: the share of output channels without a weight above :data:`TINY_WEIGHT`.
        fault: the fault found; empty if there is none.
    """

    name: str
    shape: tuple[int, ...]
    mean: float
    std: float
    largest: float
    dead_filters: float
    fault: str


RULE = (
    "A layer is flagged if it holds NaN or infinity, if all of it is zero, if the standard deviation of its weights "
    f"is below {TINY_STD:g} (nothing passes) or above {HUGE_STD:g} (it has exploded), or if half of its filters have "
    f"no weight above {TINY_WEIGHT:g}. Only weights of convolutions and fully connected layers are looked at: biases "
    "and the scales of normalisation may well be equal."
)


def layer_weights(model: nn.Module) -> list[LayerWeights]:
    """Examine the weights of every convolution and fully connected layer, in the order of the model."""
    return [
        _measure(f"{name}.weight", array(module.weight), filter_axis=int(isinstance(module, nn.ConvTranspose2d)))
        for name, module in model.named_modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear))
    ]


def _measure(name: str, weights: npt.NDArray[np.float32], *, filter_axis: int) -> LayerWeights:
    finite = weights[np.isfinite(weights)].astype(np.float64)
    mean, std, largest = (float(f(finite)) if finite.size else 0.0 for f in (np.mean, np.std, _largest))
    filters = np.abs(weights.swapaxes(0, filter_axis)).reshape(weights.shape[filter_axis], -1)
    dead = float((filters.max(axis=1) < TINY_WEIGHT).mean())
    fault = ""
    if finite.size < weights.size:
        fault = f"{weights.size - finite.size} NaN or infinite"
    elif largest == 0:
        fault = "all zero"
    elif std < TINY_STD:
        fault = "tiny spread"
    elif std > HUGE_STD:
        fault = "huge spread"
    elif dead >= 0.5:
        fault = f"{dead:.0%} of the filters dead"
    return LayerWeights(name, weights.shape, mean, std, largest, dead, fault)


def _largest(values: npt.NDArray[np.float64]) -> float:
    return float(np.abs(values).max())


def histograms_figure(model: nn.Module, layers: Sequence[LayerWeights]) -> Figure:
    """Draw a histogram of the finite weights of each layer, flagged ones in another colour."""
    columns = 4
    figure, axes = new_figure(-(-len(layers) // columns), columns, height=1.5)
    parameters = dict(model.named_parameters())
    for ax in axes[len(layers) :]:
        ax.set_axis_off()
    for ax, layer in zip(axes, layers, strict=False):
        weights = array(parameters[layer.name]).ravel()
        ax.hist(weights[np.isfinite(weights)], bins=_BINS, color=RED if layer.fault else BLUE)
        ax.set_title(shorten(layer.name.removesuffix(".weight"), 34), fontsize=7, loc="left")
        ax.set_yticks([])
        ax.tick_params(labelsize=6)
    return figure
