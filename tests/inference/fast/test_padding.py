"""Few shapes, little padding, and no image that does not fit."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from balloon_splash.inference.fast.padding import STRIDE, Ladder


@given(st.integers(32, 1200), st.integers(1, 3000))
def test_every_edge_fits_with_little_padding(short: int, edge: int) -> None:
    step = Ladder(short).step(edge)
    assert step >= edge
    assert step % STRIDE == 0
    assert step - edge < 4 * STRIDE
    assert edge < short or step - edge < 3 * STRIDE


@pytest.mark.parametrize(("short", "limit"), [(512, 1024), (800, 1333), (640, 1067)])
def test_a_folder_of_odd_sizes_needs_few_shapes(short: int, limit: int) -> None:
    ladder = Ladder(short)
    assert ladder.step(short) == -(-short // STRIDE) * STRIDE, "the edge that all photos share is not padded further"
    assert len({ladder.step(edge) for edge in range(short, limit + 1)}) <= 10


def test_padding_is_zero_at_the_right_and_at_the_bottom() -> None:
    images = torch.rand(2, 3, 96, 110) + 1
    padded = Ladder(96).pad(images)
    assert padded.shape == (2, 3, 96, 160)
    assert torch.equal(padded[..., :110], images)
    assert not padded[..., 110:].any()
    assert Ladder(96).pad(padded) is padded
