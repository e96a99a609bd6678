"""Pasted objects cover what lies under them, in the picture and in the masks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.structures import BitMasks, Instances

from balloon_splash.data.training.copy_paste import CopyPaste, paste_objects
from balloon_splash.data.training.loader import build_train_loader, seed_everything
from balloon_splash.errors import ConfigError

SIZE = (60, 80)


def rectangles(*boxes: tuple[int, int, int, int]) -> Instances:
    masks = torch.zeros(len(boxes), *SIZE, dtype=torch.bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
        mask[y0:y1, x0:x1] = True
    found = Instances(SIZE)
    found.gt_masks = BitMasks(masks)
    found.gt_boxes = found.gt_masks.get_bounding_boxes()
    found.gt_classes = torch.arange(len(boxes))
    return found


def picture(value: int, instances: Instances) -> dict[str, Any]:
    return {"image": torch.full((3, *SIZE), value, dtype=torch.uint8), "instances": instances, "file_name": str(value)}


def test_what_is_pasted_covers_what_was_there() -> None:
    photo = picture(50, rectangles((0, 0, 20, 20), (60, 40, 70, 50)))
    result = paste_objects(photo, torch.full((3, *SIZE), 200, dtype=torch.uint8), rectangles((10, 0, 40, 30)))
    pixels = result["image"]
    assert (pixels[:, 4:26, 14:36] == 200).all()
    assert (pixels[:, 40:, :] == 50).all()
    assert (pixels[:, :20, :6] == 50).all()
    instances = result["instances"]
    assert instances.gt_boxes.tensor.tolist() == [[0, 0, 10, 20], [60, 40, 70, 50], [10, 0, 40, 30]]
    assert instances.gt_masks.tensor.sum(dim=0).max() == 1  # no pixel belongs to two objects
    assert result["file_name"] == "50"


def test_an_object_that_is_all_but_hidden_is_no_longer_asked_for() -> None:
    photo = picture(50, rectangles((10, 10, 30, 30), (40, 10, 60, 30)))
    donor = torch.full((3, *SIZE), 200, dtype=torch.uint8)
    result = paste_objects(photo, donor, rectangles((10, 10, 29, 30), (40, 10, 57, 30)))
    # 1 of 20 columns is left of the first, 3 of 20 of the second.
    assert result["instances"].gt_boxes.tensor.tolist() == [[57, 10, 60, 30], [10, 10, 29, 30], [40, 10, 57, 30]]


def test_the_photo_given_is_left_as_it_was() -> None:
    photo = picture(50, rectangles((0, 0, 20, 20)))
    paste_objects(photo, torch.full((3, *SIZE), 200, dtype=torch.uint8), rectangles((10, 0, 40, 30)))
    assert (photo["image"] == 50).all()
    assert photo["instances"].gt_boxes.tensor.tolist() == [[0, 0, 20, 20]]


def test_pictures_of_two_sizes_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="do not match"):
        paste_objects(picture(50, rectangles()), torch.zeros(3, 10, 10), rectangles((0, 0, 5, 5)))


@pytest.mark.parametrize(("probability", "expected"), [(0.0, 0), (1.0, 40)])
def test_the_probability_is_kept(probability: float, expected: int) -> None:
    pictures = [picture(value, rectangles((0, 0, 30, 30))) for value in (50, 200)]
    dataset = CopyPaste(pictures, probability)  # type: ignore[arg-type]  # a list will do
    seed_everything(0)
    # Where all donors' objects are chosen, or none, cannot be foreseen; that some are, can.
    changed = sum(len(dataset[0]["instances"]) == 1 and dataset[0]["image"].float().mean() != 50 for _ in range(40))
    assert (changed > 0) == (expected > 0)


def test_copy_paste_trains_on_more_objects(tiny_cfg: CfgNode) -> None:
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    tiny_cfg.INPUT.MASK_FORMAT = "bitmask"
    tiny_cfg.INPUT.SCALE_JITTER.CROP = 96
    tiny_cfg.SOLVER.IMS_PER_BATCH = 16
    counts = []
    for probability in (0.0, 1.0):
        tiny_cfg.INPUT.COPY_PASTE = probability
        counts.append(sum(len(photo["instances"]) for photo in next(iter(build_train_loader(tiny_cfg)))))
    assert counts[1] > counts[0]


@pytest.mark.parametrize("missing", ["MASK_FORMAT", "CROP"])
def test_copy_paste_without_what_it_needs_is_told(tiny_cfg: CfgNode, missing: str) -> None:
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    tiny_cfg.INPUT.COPY_PASTE = 0.5
    tiny_cfg.INPUT.MASK_FORMAT = "polygon" if missing == "MASK_FORMAT" else "bitmask"
    tiny_cfg.INPUT.SCALE_JITTER.CROP = 0 if missing == "CROP" else 96
    with pytest.raises(ConfigError, match=missing):
        build_train_loader(tiny_cfg)
