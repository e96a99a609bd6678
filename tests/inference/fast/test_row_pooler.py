"""Pooling by rows gives what Detectron2's pooler gives, wherever the boxes lie."""

from __future__ import annotations

import pytest
import torch
from detectron2.modeling.poolers import ROIPooler
from detectron2.structures import Boxes
from torch import Tensor, nn
from torchvision.ops import roi_align

from balloon_splash.inference.fast.row_pooler import RowPooler, replace_poolers, roi_align_rows

SCALES = [1 / 4, 1 / 8, 1 / 16]


def random_boxes(count: int, seed: int, *, largest: float) -> Tensor:
    """Some stick out of a picture of 160 x 128; sides from a hundredth of a pixel on."""
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * torch.tensor([200.0, 170.0]) - 20
    sides = 0.01 + torch.rand(count, 2, generator=generator) ** 3 * largest
    return torch.cat([corner, corner + sides], dim=1)


def maps(channels: int = 8, images: int = 2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(7)
    sizes = [(32, 40), (16, 20), (8, 10)]
    return [torch.randn(images, channels, *size, generator=generator) for size in sizes]


@pytest.mark.parametrize("side", [1, 7, 14])
@pytest.mark.parametrize("channels_last", [True, False])
def test_the_same_as_torchvisions_roi_align(side: int, channels_last: bool) -> None:
    (fine, *_) = maps()
    boxes = torch.cat([torch.arange(60)[:, None] % 2, random_boxes(60, side, largest=300)], dim=1)
    expected = roi_align(fine, boxes, side, SCALES[0], 0, True)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    found = roi_align_rows(fine.to(memory_format=layout), boxes, SCALES[0], side)
    torch.testing.assert_close(found.transpose(1, 2).reshape_as(expected), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "box",
    [
        pytest.param([-90.0, -90.0, -60.0, -60.0], id="left of the picture"),
        pytest.param([300.0, 10.0, 340.0, 90.0], id="right of it"),
        pytest.param([0.0, 0.0, 160.0, 128.0], id="all of it"),
        pytest.param([159.9, 127.9, 160.0, 128.0], id="its last corner"),
        pytest.param([30.0, 30.0, 30.0, 60.0], id="without width"),
    ],
)
def test_boxes_at_the_edges(box: list[float]) -> None:
    (fine, *_) = maps()
    boxes = torch.tensor([[1.0, *box]])
    expected = roi_align(fine, boxes, 7, SCALES[0], 0, True)
    found = roi_align_rows(fine, boxes, SCALES[0], 7)
    torch.testing.assert_close(found.transpose(1, 2).reshape_as(expected), expected, rtol=1e-4, atol=1e-5)


def test_each_box_is_pooled_from_its_own_level_and_image() -> None:
    pooler = ROIPooler(7, SCALES, 0, "ROIAlignV2", canonical_box_size=60, canonical_level=3)
    boxes = [Boxes(random_boxes(40, 1, largest=150)), Boxes(random_boxes(30, 2, largest=150))]
    expected = pooler(maps(), boxes)
    found = RowPooler(pooler)(maps(), boxes)
    assert found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_no_box_at_all() -> None:
    pooler = ROIPooler(7, SCALES, 0, "ROIAlignV2")
    assert RowPooler(pooler)(maps(images=1), [Boxes(torch.zeros(0, 4))]).shape == (0, 8, 7, 7)


def test_bfloat16_is_close() -> None:
    pooler = RowPooler(ROIPooler(7, SCALES[:1], 0, "ROIAlignV2"))
    boxes = [Boxes(random_boxes(40, 3, largest=100)), Boxes(random_boxes(4, 4, largest=100))]
    expected = pooler(maps()[:1], boxes)
    found = pooler([each.bfloat16() for each in maps()[:1]], boxes)
    assert found.dtype == torch.bfloat16
    assert (found.float() - expected).abs().max() < 0.02 * expected.abs().max()


def test_only_what_is_computed_alike_is_replaced() -> None:
    default = nn.ModuleDict({"box": ROIPooler(7, SCALES, 0, "ROIAlignV2"), "other": nn.Linear(1, 1)})
    assert replace_poolers(default)
    assert isinstance(default["box"], RowPooler)
    for other in (
        ROIPooler(7, SCALES, 0, "ROIAlign"),
        ROIPooler(7, SCALES, 2, "ROIAlignV2"),
        ROIPooler(7, SCALES, 0, "ROIPool"),
    ):
        heads = nn.ModuleDict({"box": other})
        assert not replace_poolers(heads)
        assert heads["box"] is other
