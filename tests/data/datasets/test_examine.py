"""Faults that would end a training late, or make its numbers wrong, are reported in one line before it starts."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.datasets import register_coco_instances
from detectron2.structures import BitMasks, Boxes, BoxMode, Instances
from PIL import ExifTags, Image

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.annotations.masks import encode_mask
from balloon_splash.data.datasets.catalog import register_instances
from balloon_splash.data.datasets.examine import check_same_classes, examine_datasets
from balloon_splash.data.training.background_crops import CloseUps, PasteBackground
from balloon_splash.data.training.mapper import build_training_mapper
from balloon_splash.data.training.training_photos import training_photos
from balloon_splash.errors import ConfigError, DatasetError, WeightsError
from balloon_splash.weights.checkpoint import Fit, SafeCheckpointer

SOUND: dict[str, Any] = {
    "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 900, "bbox": [10, 10, 30, 30],
    "segmentation": [[10, 10, 40, 10, 40, 40, 10, 40]],
}  # fmt: skip
SIZE = {"width": 128, "height": 96}


@pytest.fixture
def register(tmp_path: Path, tiny_cfg: CfgNode) -> Callable[..., CfgNode]:
    """Function that registers a COCO file by Detectron2's own function, as people do, and trains on it."""
    Image.new("RGB", (128, 96)).save(tmp_path / "a.png")

    def write(*annotations: dict[str, Any], size: dict[str, int] = SIZE) -> CfgNode:
        document = {"images": [{"id": 1, "file_name": "a.png", **size}], "annotations": list(annotations),
                    "categories": [{"id": 1, "name": "k"}]}  # fmt: skip
        (tmp_path / "a.json").write_text(json.dumps(document))
        register_coco_instances("theirs", {}, str(tmp_path / "a.json"), str(tmp_path))
        tiny_cfg.merge_from_list(["DATASETS.TRAIN", ("theirs",), "DATASETS.TEST", ()])
        return tiny_cfg

    return write


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ([{"segmentation": []}], "has no segmentation, which MODEL.MASK_ON needs"),
        ([{"category_id": 7}], "cannot be read from .*a.json: KeyError: .*category_id=7"),
        ([{}, {}], "AssertionError: Annotation ids in .* are not unique"),
        ([{"segmentation": [10, 10, 40, 10, 40, 40]}], "cannot be read from .*TypeError"),
        ([{"bbox": None}], "TypeError|no bbox"),
    ],
)
def test_a_file_that_detectron2_cannot_take_is_one_line(
    register: Callable[..., CfgNode], changes: list[dict[str, Any]], message: str
) -> None:
    cfg = register(*(SOUND | change for change in changes))
    with pytest.raises(DatasetError, match=message) as caught:
        examine_datasets(cfg)
    assert "register_instances" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_bbox_is_named_with_its_photo(register: Callable[..., CfgNode]) -> None:
    cfg = register({key: value for key, value in SOUND.items() if key != "bbox"})
    with pytest.raises(DatasetError, match=r"an annotation of .*a\.png has no bbox of four numbers"):
        examine_datasets(cfg)


def test_sizes_that_exif_has_swapped_are_named(register: Callable[..., CfgNode], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    cfg = register(SOUND)
    Image.new("RGB", (128, 96)).save(tmp_path / "a.png", exif=exif)
    with pytest.raises(DatasetError, match=r"a\.png has 96 x 128 pixels \(upright\); expected 128 x 96"):
        examine_datasets(cfg)


def test_crowds_in_a_training_set_are_said(register: Callable[..., CfgNode], caplog: pytest.LogCaptureFixture) -> None:
    mask = encode_mask(np.eye(96, 128, dtype=bool))
    brush = {"size": mask["size"], "counts": mask["counts"].decode()}
    cfg = register(SOUND | {"iscrowd": 1, "segmentation": brush})
    with caplog.at_level(logging.WARNING):
        examine_datasets(cfg)
    assert "theirs: 1 region marked as crowds (iscrowd 1), which are learned as background" in caplog.text


def test_classes_are_compared_by_name_not_by_number() -> None:
    for name, classes in (("one", ["kite", "cup"]), ("same", ["kite", "cup"]), ("turned", ["cup", "kite"])):
        MetadataCatalog.get(name).set(thing_classes=classes)
    check_same_classes(["one", "same"])
    with pytest.raises(ConfigError, match="classes of turned are cup, kite; expected those of one, kite, cup"):
        check_same_classes(["one", "same", "turned"])


@pytest.mark.parametrize(
    ("found", "expected", "fit", "refused"),
    [
        (["kite", "cup"], ["kite", "cup"], Fit.EXACT, False),
        (["kite", "cup"], ["cup", "kite"], Fit.EXACT, True),
        (["kite", "cup"], ["kite", "pen"], Fit.EXACT, True),
        (["kite"], ["balloon"], Fit.EXACT, False),  # the one class, whatever it is called
        (["kite", "cup"], ["cup", "kite"], Fit.PRETRAINED, True),
        (["kite", "cup"], ["fox", "dog"], Fit.PRETRAINED, False),  # another meaning is learned
    ],
)
def test_a_checkpoint_of_other_classes_is_refused(
    tmp_path: Path, found: list[str], expected: list[str], fit: Fit, refused: bool
) -> None:
    """On resume, evaluation and fine-tuning alike: the numbers would mean other things."""
    SafeCheckpointer(torch.nn.Linear(1, 1), str(tmp_path), class_names=found).save("weights")
    checkpointer = SafeCheckpointer(torch.nn.Linear(1, 1), fit=fit, class_names=expected)
    if not refused:
        checkpointer.load(str(tmp_path / "weights.pth"))
        return
    with pytest.raises(WeightsError, match=f"classes are {', '.join(found)}; expected .* {', '.join(expected)}"):
        checkpointer.load(str(tmp_path / "weights.pth"))


# --- what was lost is remembered --------------------------------------------------------------------------------------


def photo_dict(path: Path, **changes: Any) -> dict[str, Any]:
    annotation = {"bbox": [10, 10, 40, 40], "bbox_mode": BoxMode.XYXY_ABS, "category_id": 0, "iscrowd": 0,
                  "segmentation": [[10, 10, 40, 10, 40, 40, 10, 40]]}  # fmt: skip
    return {"file_name": str(path), "image_id": 0, **SIZE, "annotations": [annotation | changes]}


@pytest.mark.parametrize("keep_empty", [False, True])
def test_a_photo_that_shows_crowds_alone_is_no_negative(tmp_path: Path, tiny_cfg: CfgNode, keep_empty: bool) -> None:
    photos = [photo_dict(tmp_path / "a.png"), photo_dict(tmp_path / "b.png", iscrowd=1)]
    DatasetCatalog.register("crowded", lambda: copy.deepcopy(photos))
    MetadataCatalog.get("crowded").set(thing_classes=["k"], keep_empty=keep_empty)
    tiny_cfg.DATASETS.TRAIN = ("crowded",)
    tiny_cfg.DATALOADER.FILTER_EMPTY_ANNOTATIONS = False
    assert [Path(photo["file_name"]).name for photo in training_photos(tiny_cfg)] == ["a.png"]


def test_a_photo_with_a_crowd_or_a_lost_region_gives_no_close_up(tmp_path: Path, tiny_cfg: CfgNode) -> None:
    photo = photo_dict(tmp_path / "a.png")
    photo["annotations"] += photo_dict(tmp_path / "a.png", iscrowd=1)["annotations"]
    DatasetCatalog.register("crowded", lambda: [photo])
    MetadataCatalog.get("crowded").set(thing_classes=["k"])
    tiny_cfg.DATASETS.TRAIN = ("crowded",)
    assert training_photos(tiny_cfg)[0][INCOMPLETE]
    instances = Instances((96, 128), gt_boxes=Boxes(torch.zeros(0, 4)), gt_classes=torch.zeros(0, dtype=torch.int64))
    instances.gt_masks = BitMasks(torch.zeros(0, 96, 128, dtype=torch.bool))
    mapped = {"image": torch.randint(0, 255, (3, 96, 128), dtype=torch.uint8), "instances": instances}
    for incomplete in (True, False):
        noted: Any = [mapped | ({INCOMPLETE: True} if incomplete else {})]
        for mixed in (CloseUps(noted, 1.0), PasteBackground(noted, noted, 1.0)):
            assert all(torch.equal(mixed[0]["image"], mapped["image"]) for _ in range(5)) == incomplete


def test_masks_train_as_polygons_where_the_configuration_asks_for_those(tmp_path: Path, tiny_cfg: CfgNode) -> None:
    Image.new("RGB", (128, 96)).save(tmp_path / "a.png")
    mask = np.zeros((96, 128), bool)
    mask[10:50, 10:60] = True
    mask[20:30, 20:30] = False
    counts = encode_mask(mask)["counts"].decode()
    annotation = SOUND | {"segmentation": {"size": [96, 128], "counts": counts}}
    document = {"images": [{"id": 1, "file_name": "a.png", **SIZE}], "annotations": [annotation],
                "categories": [{"id": 1, "name": "k"}]}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(document))
    register_instances("masks", tmp_path / "a.json")
    tiny_cfg.merge_from_list(["DATASETS.TRAIN", ("masks",), "INPUT.MIN_SIZE_TRAIN", (96,), "INPUT.RANDOM_FLIP", "none"])
    for mask_format in ("polygon", "bitmask"):
        tiny_cfg.INPUT.MASK_FORMAT = mask_format
        instances = build_training_mapper(tiny_cfg)(training_photos(tiny_cfg)[0])["instances"]
        if mask_format == "polygon":
            masks = BitMasks.from_polygon_masks(instances.gt_masks, 96, 128).tensor
        else:
            masks = instances.gt_masks.tensor
        assert torch.equal(masks[0], torch.as_tensor(mask)), mask_format
