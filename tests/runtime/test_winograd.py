"""Winograd's convolution gives what the plain sum gives, for maps of every number and size."""

from __future__ import annotations

import numpy as np
import openvino
import openvino.opset13 as ops
import pytest

from balloon_splash.runtime import winograd


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("shape", [(1, 5, 4, 4), (1, 5, 8, 20), (3, 5, 14, 14), (2, 5, 1, 7)])
def test_equal_to_the_plain_sum(shape: tuple[int, int, int, int], relu: bool, known: bool) -> None:
    random = np.random.default_rng(0)
    kernel = random.normal(size=(6, 5, 3, 3)).astype(np.float32)
    bias = random.normal(size=6).astype(np.float32)
    maps = random.normal(size=shape).astype(np.float32)
    x = ops.parameter(list(shape) if known else [-1, 5, -1, -1], np.float32)
    model = openvino.Model([winograd.convolution(ops, x, winograd.transformed(ops, kernel), bias, relu=relu)], [x])
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(model, "CPU", settings)([maps])[0]
    around = np.pad(maps, ((0, 0), (0, 0), (1, 1), (1, 1)))
    windows = np.lib.stride_tricks.sliding_window_view(around, (3, 3), axis=(2, 3))
    expected = np.einsum("nchwij,kcij->nkhw", windows, kernel) + bias[:, None, None]
    expected = np.maximum(expected, 0) if relu else expected
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, atol=2e-5 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("shape", "stride", "expected"),
    [
        ((256, 128, 3, 3), 1, True),
        ((256, 128, 3, 3), 2, False),
        ((256, 128, 1, 1), 1, False),
        ((64, 256, 3, 3), 1, False),
    ],
)
def test_only_where_it_is_quicker(shape: tuple[int, ...], stride: int, expected: bool) -> None:
    assert winograd.suits(np.zeros(shape, np.float32), stride) is expected
