"""A broken layer is found, a healthy one is left in peace."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from balloon_splash.inspect.model.weights import histograms_figure, layer_weights


@pytest.fixture
def model() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 4))


def faults(model: nn.Module) -> dict[str, str]:
    return {layer.name: layer.fault for layer in layer_weights(model)}


def test_fresh_layers_are_fine_and_normalisation_is_not_judged(model: nn.Sequential) -> None:
    assert faults(model) == {"0.weight": "", "4.weight": ""}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda weight: weight[0, 0].fill_(math.nan), "9 NaN or infinite"),
        (lambda weight: weight.zero_(), "all zero"),
        (lambda weight: weight.mul_(1e-5), "tiny spread"),
        (lambda weight: weight.mul_(1000), "huge spread"),
        (lambda weight: weight[:4].zero_(), "50% of the filters dead"),
        (lambda weight: weight[:3].zero_(), ""),
    ],
)
def test_faults_are_named(model: nn.Sequential, change: Callable[[Tensor], object], fault: str) -> None:
    with torch.no_grad():
        change(model.get_parameter("0.weight"))
    assert faults(model) == {"0.weight": fault, "4.weight": ""}


def test_numbers_are_those_of_torch(model: nn.Sequential) -> None:
    layer = layer_weights(model)[0]
    weight = model.get_parameter("0.weight")
    assert layer.shape == (8, 3, 3, 3)
    assert layer.mean == pytest.approx(weight.mean().item(), abs=1e-6)
    assert layer.std == pytest.approx(weight.std(correction=0).item(), rel=1e-4)
    assert layer.largest == pytest.approx(weight.abs().max().item())


def test_transposed_convolutions_count_their_output_channels() -> None:
    model = nn.Sequential(nn.ConvTranspose2d(6, 4, 2))
    with torch.no_grad():
        model.get_parameter("0.weight")[:, :3] = 0
    assert layer_weights(model)[0].dead_filters == pytest.approx(0.75)


def test_each_layer_has_a_histogram_even_with_nan(model: nn.Sequential) -> None:
    with torch.no_grad():
        model.get_parameter("0.weight")[0] = math.nan
    figure = histograms_figure(model, layer_weights(model))
    titles = [ax.get_title(loc="left") for ax in figure.axes if ax.axison]
    assert titles == ["0", "4"]
