"""Cut-outs lie over a photo as they were photographed, and what they cover is no longer asked for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from PIL import Image

from balloon_splash.data import cutouts
from balloon_splash.data.cutouts import KEPT_SIDE, Cutout, PasteCutouts, load_cutouts, paste_cutouts
from balloon_splash.data.loader import build_train_loader, seed_everything
from balloon_splash.errors import ConfigError, DatasetError
from tests.data.test_copy_paste import picture, rectangles

ORANGE = (200, 100, 20)


@pytest.fixture
def ball() -> Cutout:
    """An orange disc on transparent black: a black rim would be that of the ground."""
    y, x = np.mgrid[:40, :40]
    inside = np.hypot(x - 19.5, y - 19.5) < 19
    return Cutout(np.where(inside[..., None], ORANGE, 0).astype(np.uint8), np.where(inside, 255, 0).astype(np.uint8))


@pytest.fixture(autouse=True)
def seed() -> None:
    seed_everything(7)


def save(path: Path, cutout: Cutout, mode: str = "RGBA") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.dstack([cutout.rgb, cutout.alpha])).convert(mode).save(path)


def test_a_folder_and_those_below_it(tmp_path: Path, ball: Cutout, caplog: pytest.LogCaptureFixture) -> None:
    save(tmp_path / "fruit" / "orange.png", ball)
    save(tmp_path / "balls" / "grey.webp", ball, "LA")
    save(tmp_path / "balls" / ".hidden.png", ball)
    save(tmp_path / "opaque.png", ball, "RGB")
    save(tmp_path / "whole.png", Cutout(ball.rgb, np.full_like(ball.alpha, 255)))
    save(tmp_path / "nothing.png", Cutout(ball.rgb, np.zeros_like(ball.alpha)))
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    (tmp_path / "names.txt").write_text("orange")
    with caplog.at_level(logging.WARNING):
        found = load_cutouts(tmp_path)
    assert [cutout.alpha.shape for cutout in found] == [(38, 38), (38, 38)]  # without the transparent rows around
    assert (found[1].rgb[19, 19] == ORANGE).all()
    for name in ("opaque.png", "whole.png", "nothing.png", "damaged.png"):
        assert f"left out: {tmp_path / name}" in caplog.text
    assert caplog.text.count("left out") == 4


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_without_cutouts_is_an_error(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "cutouts"
    if there:
        folder.mkdir()
    with pytest.raises(DatasetError, match=r"cutouts: no cut-out in it, expected pictures with transparency"):
        load_cutouts(folder)


def test_a_large_one_is_kept_small_and_keeps_its_colour(tmp_path: Path, ball: Cutout) -> None:
    large = Cutout(np.repeat(np.repeat(ball.rgb, 20, 0), 20, 1), np.repeat(np.repeat(ball.alpha, 20, 0), 20, 1))
    save(tmp_path / "large.png", large)
    (found,) = load_cutouts(tmp_path)
    assert found.alpha.shape == (KEPT_SIDE, KEPT_SIDE)
    assert np.abs(found.rgb[found.alpha > 20].astype(int) - ORANGE).max() <= 6


@pytest.mark.parametrize("image_format", ["RGB", "BGR"])
def test_it_has_its_colours_to_the_rim(ball: Cutout, image_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its size and angle: no darker rim, which would tell it from what belongs to the photo."""
    monkeypatch.setattr(cutouts, "_LIGHT", (1.0, 1.0))
    color = np.array(ORANGE if image_format == "RGB" else ORANGE[::-1])
    seen = 0
    for _ in range(30):
        photo = picture(0, rectangles())
        photo["image"][:] = torch.tensor(color, dtype=torch.uint8)[:, None, None]
        result = paste_cutouts(photo, [ball], image_format)["image"]
        assert int((result.int() - photo["image"].int()).abs().max()) <= 2
        dark = picture(0, rectangles())
        result = paste_cutouts(dark, [ball], image_format)["image"].numpy()
        if (covered := result.max(axis=0) > 190).any():
            seen += 1
            assert np.abs(np.median(result[:, covered], axis=1) - color).max() <= 2
    assert seen > 10


def test_what_it_covers_is_no_longer_asked_for(ball: Cutout) -> None:
    areas = set()
    for _ in range(40):
        photo = picture(0, rectangles((0, 0, 80, 60)))
        result = paste_cutouts(photo, [ball, ball])
        (mask,) = result["instances"].gt_masks.tensor
        painted = result["image"][0] > 0
        assert not (mask & (result["image"][0] > 170)).any()  # a light of 1.3 at most, and half covered at least
        assert (mask | painted).all()
        areas.add(int(mask.sum()))
        assert (photo["image"] == 0).all()
    assert len(areas) > 20  # now here and small, now there and large
    assert min(areas) < 0.7 * 60 * 80 < 0.97 * 60 * 80 < max(areas)


def test_of_an_object_that_is_covered_nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutouts, "_SIZE", (6.0, 6.0))
    monkeypatch.setattr(cutouts, "_MOST_MAGNIFIED", 1e9)
    wall = Cutout(np.full((10, 10, 3), 90, np.uint8), np.full((10, 10), 255, np.uint8))
    for _ in range(10):
        assert len(paste_cutouts(picture(0, rectangles((20, 20, 60, 40))), [wall])["instances"]) == 0


def test_the_probability_is_kept(ball: Cutout) -> None:
    photos: list[dict[str, Any]] = [picture(0, rectangles())]
    shares = []
    for probability in (0.0, 0.5, 1.0):
        mixed = PasteCutouts(photos, [ball], probability, "RGB")  # type: ignore[arg-type]  # a list will do
        assert len(mixed) == 1
        shares.append(np.mean([mixed[0] is not photos[0] for _ in range(60)]))
    assert shares[0] == 0
    assert 0.2 < shares[1] < 0.8
    assert shares[2] == 1


def test_a_training_gets_them(tiny_cfg: CfgNode, tmp_path: Path, ball: Cutout) -> None:
    save(tmp_path / "ball.png", ball)
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    tiny_cfg.INPUT.MASK_FORMAT = "bitmask"
    tiny_cfg.INPUT.SCALE_JITTER.CROP = 96
    plain = next(iter(build_train_loader(tiny_cfg)))
    tiny_cfg.INPUT.CUTOUTS.FOLDER = str(tmp_path)
    tiny_cfg.INPUT.CUTOUTS.PROBABILITY = 1.0
    mixed = next(iter(build_train_loader(tiny_cfg)))
    assert all((one["image"] != other["image"]).any() for one, other in zip(mixed, plain, strict=True))


def test_without_what_they_need_it_is_told(tiny_cfg: CfgNode) -> None:
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    tiny_cfg.INPUT.CUTOUTS.FOLDER = "things"
    with pytest.raises(ConfigError, match=r"INPUT\.CUTOUTS\.FOLDER is things; expected .*CROP"):
        build_train_loader(tiny_cfg)
