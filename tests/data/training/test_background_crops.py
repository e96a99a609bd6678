"""Close-ups and pieces of the background hold no object, and nothing of one that would then count as none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode
from PIL import Image

from balloon_splash.data.training.background_crops import (
    CloseUps,
    PasteBackground,
    close_up,
    paste_pieces,
    random_piece,
)
from balloon_splash.data.training.loader import build_train_loader, seed_everything
from balloon_splash.errors import ConfigError
from tests.data.training.test_copy_paste import picture, rectangles

SIZE = (60, 80)
OBJECT = (0, 0, 30, 60)  # x0, y0, x1, y1; red, where all else is grey


@pytest.fixture
def photo() -> dict[str, Any]:
    seed_everything(3)
    given = picture(0, rectangles(OBJECT))
    given["image"] = torch.randint(0, 256, (1, *SIZE), dtype=torch.uint8).repeat(3, 1, 1)
    given["image"][:, :, :30] = torch.tensor([255, 0, 0], dtype=torch.uint8)[:, None, None]
    return given


def is_grey(image: torch.Tensor) -> torch.Tensor:
    return (image.float().amax(dim=0) - image.float().amin(dim=0)) <= 1


def test_a_close_up_shows_the_background_alone(photo: dict[str, Any]) -> None:
    before = photo["image"].clone()
    for _ in range(20):
        result = close_up(photo)
        assert result["image"].shape == (3, *SIZE)
        assert result["image"].dtype == torch.uint8
        assert is_grey(result["image"]).all()
        assert len(result["instances"]) == 0
        assert result["instances"].gt_masks.tensor.shape == (0, *SIZE)
        assert result["file_name"] == photo["file_name"]
    assert (photo["image"] == before).all()
    assert len(photo["instances"]) == 1


def test_a_close_up_is_magnified(photo: dict[str, Any]) -> None:
    """Random pixels next to each other differ; scaled up, they hardly do."""

    def steps(image: torch.Tensor) -> float:
        return float(image[0, :, 30:].float().diff(dim=1).abs().mean())

    assert steps(close_up(photo)["image"]) < 0.7 * steps(photo["image"])


@pytest.mark.parametrize("why", ["bare", "full"])
def test_without_a_background_the_photo_stays(photo: dict[str, Any], why: str) -> None:
    if why == "bare":
        photo["image"][:] = 128
    else:
        photo["instances"] = rectangles((0, 0, 80, 60))
    assert close_up(photo) is photo


def test_pieces_come_from_the_background_and_are_no_objects(photo: dict[str, Any]) -> None:
    target = picture(50, rectangles((0, 0, 8, 8)))
    target["image"][1] = 60  # a tint, to tell its pixels from the donor's
    changed = []
    for _ in range(30):
        result = paste_pieces(target, photo)
        assert len(result["instances"]) <= 1
        assert int((result["image"][0].int() - result["image"][1].int()).max()) < 10  # nothing of the red object
        changed.append(int((result["image"] != target["image"]).any(dim=0).sum()))
    assert max(changed) > 100
    assert (target["image"][0] == 50).all()


def test_what_a_piece_covers_is_no_longer_asked_for(photo: dict[str, Any]) -> None:
    target = picture(50, rectangles((0, 0, 80, 60)))
    for _ in range(20):
        result = paste_pieces(target, photo)
        if (result["image"] != 50).any():
            mask = result["instances"].gt_masks.tensor[0]
            assert (result["image"][0] != 50)[~mask].float().mean() > 0.9
            assert 0 < int(mask.sum()) < 60 * 80
            return
    pytest.fail("no piece in twenty tries")


def test_a_bare_donor_gives_nothing(photo: dict[str, Any]) -> None:
    photo["image"][:] = 200
    target = picture(50, rectangles())
    assert all(paste_pieces(target, photo) is target for _ in range(10))


def test_the_light_on_a_piece_comes_from_one_side() -> None:
    seed_everything(5)
    for _ in range(10):
        piece, shade = random_piece(200, 200)
        if piece.sum() < 200:  # mostly outside
            continue
        lit = shade[piece]
        assert 0.4 < float(lit.min()) < 0.9 < float(lit.max()) < 1.4
        assert float(lit.std()) > 0.05


@pytest.mark.parametrize("kind", ["close-ups", "pieces"])
def test_the_probability_is_kept(photo: dict[str, Any], kind: str) -> None:
    photos = [photo, photo]
    shares = []
    for probability in (0.0, 0.5, 1.0):
        mixed: Any
        if kind == "close-ups":
            mixed = CloseUps(photos, probability)  # type: ignore[arg-type]  # a list will do
        else:
            mixed = PasteBackground(photos, photos, probability)  # type: ignore[arg-type]
        shares.append(np.mean([mixed[0] is not photo for _ in range(60)]))
    assert shares[0] == 0
    assert 0.2 < shares[1] < 0.8
    assert shares[2] > shares[1]


@pytest.mark.parametrize(("key", "objects"), [("CLOSE_UPS", 0), ("PASTE_BACKGROUND", 8)])
def test_a_training_gets_them(tiny_cfg: CfgNode, tmp_path: Path, key: str, objects: int) -> None:
    """The photo's object is in a corner, at one scale and not flipped."""
    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "noise.png")
    box = [4.0, 4.0, 24.0, 24.0]
    corners = [4.0, 4.0, 24.0, 4.0, 24.0, 24.0, 4.0, 24.0]
    thing = {"bbox": box, "bbox_mode": BoxMode.XYXY_ABS, "category_id": 0, "segmentation": [corners], "iscrowd": 0}
    photo = {"file_name": str(tmp_path / "noise.png"), "height": 96, "width": 96, "image_id": 0}
    DatasetCatalog.register("noise", lambda: [photo | {"annotations": [thing]}])
    MetadataCatalog.get("noise").set(thing_classes=["balloon"])
    tiny_cfg.DATASETS.TRAIN = ("noise",)
    tiny_cfg.INPUT.MASK_FORMAT = "bitmask"
    tiny_cfg.INPUT.RANDOM_FLIP = "none"
    tiny_cfg.INPUT.SCALE_JITTER.CROP = 96
    tiny_cfg.INPUT.SCALE_JITTER.RANGE = [1.0, 1.0]
    tiny_cfg.SOLVER.IMS_PER_BATCH = 8
    plain = next(iter(build_train_loader(tiny_cfg)))
    tiny_cfg.INPUT[key] = 1.0
    mixed = next(iter(build_train_loader(tiny_cfg)))
    assert sum(len(each["instances"]) for each in plain) == 8
    assert sum(len(each["instances"]) for each in mixed) == objects
    assert any((one["image"] != other["image"]).any() for one, other in zip(mixed, plain, strict=True))


@pytest.mark.parametrize("key", ["CLOSE_UPS", "PASTE_BACKGROUND"])
def test_without_what_they_need_it_is_told(tiny_cfg: CfgNode, key: str) -> None:
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    tiny_cfg.INPUT[key] = 0.5
    with pytest.raises(ConfigError, match=rf"INPUT\.{key} is 0\.5; expected .*CROP"):
        build_train_loader(tiny_cfg)
