"""Training inputs: the photo and its objects change together, and nothing is decoded twice in vain."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from detectron2.config import CfgNode
from detectron2.data import DatasetMapper
from detectron2.structures import BoxMode
from PIL import Image

from balloon_splash.config import load_config
from balloon_splash.data.training.augmentation import LowQuality, RandomHue, training_augmentations
from balloon_splash.data.training.loader import build_train_loader, seed_everything
from balloon_splash.data.training.mapper import (
    PhotoStore,
    TrainingMapper,
    build_evaluation_mapper,
    build_training_mapper,
)
from balloon_splash.data.training.reading import read_photo
from balloon_splash.errors import MediaError
from balloon_splash.media.reading import read_picture

#: A white square on black, which the annotation outlines.
SQUARE = (40, 30, 120, 110)


@pytest.fixture
def photo(tmp_path: Path) -> dict[str, Any]:
    pixels = np.zeros((150, 200, 3), np.uint8)
    x0, y0, x1, y1 = SQUARE
    pixels[y0:y1, x0:x1] = 255
    path = tmp_path / "square.png"
    Image.fromarray(pixels).save(path)
    outline = [float(value) for value in (x0, y0, x1, y0, x1, y1, x0, y1)]
    annotation = {
        "bbox": list(SQUARE),
        "bbox_mode": BoxMode.XYXY_ABS,
        "category_id": 0,
        "segmentation": [outline],
        "iscrowd": 0,
    }
    return {"file_name": str(path), "height": 150, "width": 200, "image_id": 0, "annotations": [annotation]}


def recipe(**values: Any) -> CfgNode:
    opts = [item for key, value in values.items() for item in (key.replace("__", "."), str(value))]
    return load_config("balloon_R18_FPN.yaml", ["INPUT.MASK_FORMAT", "bitmask", *opts], device="cpu", weights="")


def test_deep_photos_are_the_same_to_the_training_the_evaluation_and_the_splash(tmp_path: Path) -> None:
    """Detectron2 reads 16 bits as a white page."""
    ramp = np.linspace(300, 60000, 120 * 160).reshape(120, 160)
    cv2.imwrite(str(tmp_path / "deep.png"), ramp.astype(np.uint16))
    cv2.imwrite(str(tmp_path / "deep.tif"), ramp.astype(np.uint16))
    cv2.imwrite(str(tmp_path / "flat.png"), np.rint(ramp / 257).astype(np.uint8))
    cfg = recipe(INPUT__MIN_SIZE_TEST=120, INPUT__MIN_SIZE_TRAIN=(120,), INPUT__RANDOM_FLIP="none")
    for name in ("deep.png", "deep.tif", "flat.png"):
        photo = {"file_name": str(tmp_path / name), "height": 120, "width": 160, "image_id": 0, "annotations": []}
        for mapper in (build_training_mapper(cfg), build_evaluation_mapper(cfg)):
            image = mapper(photo)["image"].numpy()
            assert (int(image.min()), int(image.max())) == (1, 233), name
        assert np.array_equal(read_photo(str(tmp_path / name)), read_picture(tmp_path / name).rgb8)


def test_the_evaluation_sees_what_detectron2_shows_it(photo: dict[str, Any]) -> None:
    cfg = recipe()
    expected, ours = DatasetMapper(cfg, is_train=False)(photo), build_evaluation_mapper(cfg)(photo)
    assert expected.keys() == ours.keys()
    assert (ours["image"] == expected["image"]).all()


@pytest.mark.parametrize("mask_format", ["polygon", "bitmask"])
def test_without_extras_it_gives_what_detectron2_gives(photo: dict[str, Any], mask_format: str) -> None:
    cfg = recipe(INPUT__MASK_FORMAT=mask_format)
    seed_everything(1)
    expected = DatasetMapper(cfg, is_train=True)(photo)
    seed_everything(1)
    ours = TrainingMapper(cfg)(photo)
    assert (ours["image"] == expected["image"]).all()
    assert (ours["instances"].gt_boxes.tensor == expected["instances"].gt_boxes.tensor).all()
    masks, same = ours["instances"].gt_masks, expected["instances"].gt_masks
    assert len(masks) == len(same) == 1
    assert (masks.get_bounding_boxes().tensor == same.get_bounding_boxes().tensor).all()


@pytest.mark.parametrize("short_edge", [0, 75])
def test_the_objects_stay_on_their_pixels(photo: dict[str, Any], short_edge: int) -> None:
    """At any scale, crop and flip, with and without scaling the photo beforehand, the mask is where the white is."""
    mapper = TrainingMapper(
        recipe(
            INPUT__SCALE_JITTER__CROP=96, INPUT__SCALE_JITTER__RANGE=[0.8, 2.0], INPUT__PRESCALE_SHORT_EDGE=short_edge
        )
    )
    overlaps = []
    for seed in range(12):
        seed_everything(seed)
        mapped = mapper(photo)
        assert mapped["image"].shape == (3, 96, 96)
        if not len(mapped["instances"]):
            continue
        white = mapped["image"][0] > 140  # what lies outside the photo is grey, 128
        mask = mapped["instances"].gt_masks.tensor[0]
        overlaps.append(float((white & mask).sum() / (white | mask).sum()))
    assert len(overlaps) >= 8
    assert min(overlaps) > 0.85  # a pixel around the rim at the smallest scale


@pytest.mark.parametrize("flip", ["horizontal", "vertical"])
@pytest.mark.parametrize("mask_format", ["polygon", "bitmask"])
def test_a_flip_keeps_outlines_to_the_pixel(photo: dict[str, Any], mask_format: str, flip: str) -> None:
    """torchvision's KeyPoints and kornia's boxes move by one pixel."""
    mapper = TrainingMapper(
        recipe(INPUT__MASK_FORMAT=mask_format, INPUT__RANDOM_FLIP=flip, INPUT__MIN_SIZE_TRAIN=(150,))
    )
    seen = set()
    for seed in range(8):
        seed_everything(seed)
        mapped = mapper(photo)
        rows, columns = np.nonzero(mapped["image"][0].numpy() > 128)
        white = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        for boxes in (mapped["instances"].gt_boxes, mapped["instances"].gt_masks.get_bounding_boxes()):
            assert boxes.tensor[0].tolist() == white
        seen.add(tuple(white))
    assert len(seen) == 2, "both with and without a flip"


def test_the_dataset_dict_is_left_as_it_was(photo: dict[str, Any]) -> None:
    mapper = TrainingMapper(recipe(INPUT__SCALE_JITTER__CROP=64, INPUT__PRESCALE_SHORT_EDGE=75))
    before = repr(photo)
    mapper(photo)
    assert repr(photo) == before


def test_a_photo_is_decoded_once_while_there_is_room(photo: dict[str, Any]) -> None:
    store = PhotoStore("RGB", max_bytes=150 * 200 * 3)
    first, _ = store.read(photo)
    Path(photo["file_name"]).unlink()
    again, _ = store.read(photo)
    assert again is first


def test_without_room_nothing_is_kept(photo: dict[str, Any]) -> None:
    store = PhotoStore("RGB", max_bytes=150 * 200 * 3 - 1)
    store.read(photo)
    Path(photo["file_name"]).unlink()
    with pytest.raises(MediaError, match="No such file"):
        store.read(photo)


@pytest.mark.parametrize("image_format", ["RGB", "BGR"])
def test_hue_turns_colours_and_leaves_grey_alone(image_format: str) -> None:
    seed_everything(2)
    turn = RandomHue(180, image_format)
    red = np.array([255, 0, 0] if image_format == "RGB" else [0, 0, 255], np.uint8)
    patch = np.stack([np.broadcast_to(red, (8, 8, 3)), np.full((8, 8, 3), 120, np.uint8)]).reshape(16, 8, 3)
    turned = turn.get_transform(patch).apply_image(patch)
    assert (turned[8:] == 120).all()
    assert not (turned[:8] == patch[:8]).all()
    # As bright and as saturated as before: only the angle differs.
    code = cv2.COLOR_RGB2HSV if image_format == "RGB" else cv2.COLOR_BGR2HSV
    assert (cv2.cvtColor(turned, code)[:8, :, 1:] == 255).all()


def test_the_keys_choose_the_augmentations() -> None:
    names = [type(each).__name__ for each in training_augmentations(recipe())]
    assert names == ["ResizeShortestEdge", "RandomFlip"]
    jitter = {"INPUT__SCALE_JITTER__CROP": 64, "INPUT__COLOR_JITTER": 0.2, "INPUT__HUE_JITTER": 20.0}
    everything = recipe(**jitter, INPUT__GREY=0.1, INPUT__LOW_QUALITY=0.1)
    names = [type(each).__name__ for each in training_augmentations(everything)]
    assert names == [
        "ResizeScale", "FixedSizeCrop", "RandomFlip", "RandomBrightness", "RandomContrast", "RandomSaturation",
        "RandomHue", "RandomApply", "RandomApply",
    ]  # fmt: skip


def test_a_share_of_the_training_photos_loses_its_colours() -> None:
    (grey,) = training_augmentations(recipe(INPUT__GREY=0.3, INPUT__RANDOM_FLIP="none"))[1:]
    seed_everything(3)
    photo = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)
    seen = [grey.get_transform(photo).apply_image(photo) for _ in range(400)]
    turned = [each for each in seen if not np.array_equal(each, photo)]
    assert 80 < len(turned) < 160
    assert all((each == each[..., :1]).all() for each in turned)
    assert turned[0].std() > 20


def test_a_photo_of_low_quality_has_less_detail_in_the_same_places() -> None:
    seed_everything(4)
    grain = np.random.default_rng(0).integers(0, 60, (90, 121, 3), np.uint8)
    photo = grain.copy()
    photo[30:60, 40:80] += 180
    square = np.zeros((90, 121), bool)
    square[30:60, 40:80] = True
    for _ in range(20):
        degraded = LowQuality().get_transform(photo).apply_image(photo)
        assert degraded.shape == photo.shape
        assert degraded.dtype == np.uint8
        assert degraded[:20].std() < grain[:20].std()
        seen = degraded.mean(axis=2) > 120
        assert (seen & square).sum() / (seen | square).sum() > 0.9


@pytest.mark.parametrize("cache", [0, 64])
def test_keeping_photos_changes_nothing_that_is_learned(tiny_cfg: CfgNode, cache: int) -> None:
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    expected = next(iter(build_train_loader(tiny_cfg)))
    tiny_cfg.DATALOADER.CACHE_MEGABYTES = cache
    for photo, same in zip(next(iter(build_train_loader(tiny_cfg))), expected, strict=True):
        assert (photo["image"] == same["image"]).all()
        assert (photo["instances"].gt_boxes.tensor == same["instances"].gt_boxes.tensor).all()
