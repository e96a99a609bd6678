"""Winograd's convolution gives what the plain sum gives, for maps of every size that it takes."""

from __future__ import annotations

import numpy as np
import openvino
import openvino.opset13 as ops
import pytest

from balloon_splash.runtime import winograd


@pytest.mark.parametrize("size", [(4, 4), (8, 20), (16, 12)])
def test_equal_to_the_plain_sum(size: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    kernel = random.normal(size=(6, 5, 3, 3)).astype(np.float32)
    maps = random.normal(size=(1, 5, *size)).astype(np.float32)
    x = ops.parameter([1, 5, -1, -1], np.float32)
    model = openvino.Model([winograd.convolution(ops, x, kernel)], [x])
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    found = openvino.compile_model(model, "CPU", settings)([maps])[0]
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(maps[0], ((0, 0), (1, 1), (1, 1))), (3, 3), axis=(1, 2))
    expected = np.einsum("chwij,kcij->khw", windows, kernel)
    assert found.shape == (1, 6, *size)
    np.testing.assert_allclose(found[0], expected, atol=2e-5 * np.abs(expected).max())


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
