"""Counts, sizes, boxes and mask targets: the numbers of the data report are COCO's and Detectron2's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask as coco_mask
import pytest
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, DatasetMapper
from detectron2.structures import BoxMode
from PIL import Image

from balloon_splash.config import load_config
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.errors import DatasetError, MediaError
from balloon_splash.inspect.dataset.augmentation import draw_training_inputs, mask_targets
from balloon_splash.inspect.dataset.samples import box_differences, mask_boxes
from balloon_splash.inspect.dataset.source import InspectedDataset, boxes_of, draw_sample, read_dataset, read_photo
from balloon_splash.inspect.dataset.statistics import (
    class_rows,
    mask_area,
    object_sizes,
    size_groups,
    size_rows,
    test_scale,
)

test_scale.__test__ = False  # type: ignore[attr-defined]  # not a test, whatever its name


def square(x: float, y: float, side: float, category: int = 0, **more: object) -> dict[str, Any]:
    outline = [x, y, x + side, y, x + side, y + side, x, y + side]
    box = [x, y, x + side, y + side]
    return {"bbox": box, "bbox_mode": BoxMode.XYXY_ABS, "category_id": category, "segmentation": [outline], **more}


def photo(*annotations: dict[str, Any], width: int = 400, height: int = 300) -> dict[str, Any]:
    return {"file_name": "p.jpg", "image_id": 0, "width": width, "height": height, "annotations": list(annotations)}


def dataset(*photos: dict[str, Any]) -> InspectedDataset:
    return InspectedDataset("toy", list(photos), ("kite", "ball"), ())


def test_objects_are_counted_by_class_without_crowds(tiny_cfg: CfgNode) -> None:
    toy = dataset(
        photo(square(0, 0, 10), square(50, 0, 10), square(80, 0, 10, category=1)),
        photo(square(0, 0, 10), square(0, 0, 99, iscrowd=1)),
        photo(),
    )
    rows = class_rows([toy], [object_sizes(toy, tiny_cfg)])
    assert rows == [["toy", "kite", 2, 3], ["toy", "ball", 1, 1], ["toy", "(no object)", 1, 0]]


def test_sizes_are_cocos_in_the_photo_and_at_the_models_input(tiny_cfg: CfgNode) -> None:
    toy = dataset(photo(square(0, 0, 31), square(50, 0, 32), square(90, 0, 95), square(0, 100, 96)))
    # The shorter edge of 300 becomes 96: the sides become 9.9, 10.2, 30.4 and 30.7.
    assert size_rows([object_sizes(toy, tiny_cfg)]) == [
        ["toy", "the photo", 1, 2, 1],
        ["toy", "the model's input", 4, 0, 0],
    ]
    assert size_groups(np.array([32.0**2 - 1, 32.0**2, 96.0**2 - 1, 96.0**2])).tolist() == [0, 1, 1, 2]


def test_the_models_size_is_the_mappers(tiny_cfg: CfgNode) -> None:
    entry = DatasetCatalog.get("shapes_val")[0]
    mapped = DatasetMapper(tiny_cfg, is_train=False)(entry)
    assert mapped["image"].shape[1] == round(entry["height"] * test_scale(entry, tiny_cfg))


def test_ratios_are_height_over_width(tiny_cfg: CfgNode) -> None:
    tall = square(0, 0, 10)
    tall["bbox"] = [0, 0, 10, 40]
    assert object_sizes(dataset(photo(tall)), tiny_cfg).ratios.tolist() == [4.0]


@pytest.mark.parametrize("run_lengths", [False, True])
def test_area_and_box_of_a_mask_in_both_formats(run_lengths: bool) -> None:
    annotation = square(10, 20, 30)
    if run_lengths:
        annotation["segmentation"] = coco_mask.merge(coco_mask.frPyObjects(annotation["segmentation"], 300, 400))
    assert mask_area(annotation["segmentation"]) == 900
    assert mask_boxes(photo(annotation)).tolist() == [[10, 20, 40, 50]]


def test_a_box_that_does_not_fit_its_mask_is_seen() -> None:
    wrong = square(10, 10, 20)
    wrong["bbox"] = [10, 10, 37, 30]
    assert box_differences([photo(square(0, 0, 5)), photo(wrong), photo()]).tolist() == [0, 7]


def test_boxes_in_cocos_mode_are_converted() -> None:
    annotation = {**square(10, 20, 30), "bbox": [10, 20, 30, 30], "bbox_mode": BoxMode.XYWH_ABS}
    assert boxes_of(photo(annotation)).tolist() == [[10, 20, 40, 50]]


def test_training_inputs_are_seeded_and_their_masks_follow(tiny_cfg: CfgNode) -> None:
    entry = DatasetCatalog.get("shapes_train")[0]
    first, again = (draw_training_inputs(tiny_cfg, entry, 6) for _ in range(2))
    widths = [mapped["instances"].gt_boxes.tensor[0].tolist() for mapped in first]
    assert widths == [mapped["instances"].gt_boxes.tensor[0].tolist() for mapped in again]
    assert len({box[0] for box in widths}) == 2  # flipped or not
    for mapped in first:
        boxes = mapped["instances"].gt_masks.get_bounding_boxes().tensor
        np.testing.assert_allclose(boxes, mapped["instances"].gt_boxes.tensor, atol=1e-3)


def test_mask_targets_keep_squares_and_lose_fringes(tiny_cfg: CfgNode) -> None:
    entry = DatasetCatalog.get("shapes_train")[0]
    (mapped,) = draw_training_inputs(tiny_cfg, entry, 1)
    targets, fine = mask_targets(mapped, 28)
    _, coarse = mask_targets(mapped, 4)
    assert targets.shape == (len(mapped["instances"]), 28, 28)
    assert (fine > 0.85).all()
    assert coarse.mean() < fine.mean()


def test_run_lengths_are_drawn_with_a_polygon_configuration_too(tiny_cfg: CfgNode, tmp_path: Path) -> None:
    Image.new("RGB", (400, 300)).save(tmp_path / "p.jpg")
    annotation = square(10, 20, 30)
    annotation["segmentation"] = coco_mask.merge(coco_mask.frPyObjects(annotation["segmentation"], 300, 400))
    entry = {**photo(annotation), "file_name": str(tmp_path / "p.jpg")}
    (drawn,) = draw_training_inputs(tiny_cfg, entry, 1)
    assert len(drawn["instances"].gt_masks) == 1


def test_an_unknown_dataset_is_told_with_the_known_ones() -> None:
    with pytest.raises(DatasetError, match=r"'ballon_train' is not registered.*balloon_train"):
        read_dataset("ballon_train")


def test_a_photo_of_another_size_than_told_cannot_be_read() -> None:
    entry = {**DatasetCatalog.get("shapes_val")[0], "width": 200}
    with pytest.raises(MediaError, match="128 x 128 pixels found, 200 x 128 expected"):
        read_photo(entry)


def test_a_sample_is_the_same_each_time_and_in_order() -> None:
    assert draw_sample([3, 1, 2], 5) == [3, 1, 2]
    chosen = draw_sample(range(1000), 10)
    assert chosen == sorted(set(chosen)) == draw_sample(range(1000), 10)
    assert draw_sample(range(1000), 10, seed=1) != chosen


def test_the_balloons_have_the_sizes_that_coco_counts(shared_dir: Path) -> None:
    register_balloon(shared_dir / "data" / "balloon")
    sizes = [object_sizes(read_dataset(f"balloon_{split}"), load_config()) for split in ("train", "val")]
    in_the_photo = [row[2:] for row in size_rows(sizes) if row[1] == "the photo"]
    assert in_the_photo == [[10, 82, 163], [3, 17, 30]]
