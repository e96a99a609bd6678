"""Pictures without balloons reach the training, which would otherwise throw them away."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.data.detection_utils import read_image
from detectron2.modeling import build_model
from detectron2.utils.events import EventStorage
from PIL import Image

from balloon_splash.config import load_config
from balloon_splash.data.datasets.catalog import register_via_instances
from balloon_splash.data.datasets.negatives import COUNT, NAME, SIZE
from balloon_splash.data.render.canvas import ellipse
from balloon_splash.data.render.distractors import Painter
from balloon_splash.data.render.figures import random_outline, random_print
from balloon_splash.data.render.no_balloons import PAINTERS
from balloon_splash.data.render.shading import light_from
from balloon_splash.data.render.solids import add_solid
from balloon_splash.data.training.loader import build_train_loader
from balloon_splash.data.training.training_photos import training_photos
from balloon_splash.errors import ConfigError
from tests.conftest import TINY

COPY_PASTE = [
    "INPUT.MASK_FORMAT", "bitmask", "INPUT.SCALE_JITTER.CROP", "96", "INPUT.COPY_PASTE", "1.0",
    "DATALOADER.ASPECT_RATIO_GROUPING", "False",
]  # fmt: skip


def test_every_picture_opens_and_none_is_like_another() -> None:
    photos = DatasetCatalog.get(NAME)
    assert len(photos) == COUNT
    assert not any(photo["annotations"] for photo in photos)
    pictures = [read_image(photo["file_name"], format="RGB") for photo in photos[:4]]
    assert all(picture.shape == (SIZE[1], SIZE[0], 3) and picture.std() > 10 for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 4
    assert np.array_equal(pictures[0], read_image(photos[0]["file_name"], format="RGB"))


WHITE = np.ones(3, np.float32)
FROM_THE_LEFT = light_from(np.pi, 0.4, WHITE, WHITE * 0.5, WHITE * 0.5)


@pytest.mark.parametrize("painter", dict.fromkeys(PAINTERS))
def test_every_thing_can_be_seen_and_stays_where_it_is(painter: Painter) -> None:
    image = np.full((120, 160, 3), 0.5, np.float32)
    painter(np.random.default_rng(1), image, (80.0, 60.0), 12.0, FROM_THE_LEFT)
    changed = np.abs(image - 0.5).max(axis=2) > 0.05
    assert changed[48:72, 68:92].mean() > 0.2
    assert not changed[:, :10].any()
    assert np.isfinite(image).all()


@pytest.mark.parametrize("center", [(0.0, 50.0), (80.0, 119.5)])
@pytest.mark.parametrize("painter", dict.fromkeys(PAINTERS))
def test_a_thing_may_be_tiny_and_half_outside(painter: Painter, center: tuple[float, float]) -> None:
    image = np.full((120, 160, 3), 0.5, np.float32)
    painter(np.random.default_rng(1), image, center, 1.5, FROM_THE_LEFT)
    assert np.isfinite(image).all()


def test_figures_lie_within_their_radius_and_are_of_many_kinds() -> None:
    outlines = [random_outline(np.random.default_rng(seed)) for seed in range(40)]
    assert all(np.linalg.norm(outline, axis=1).max() < 1.01 for outline in outlines)
    assert len({len(outline) for outline in outlines}) >= 4  # rounds and polygons of several numbers of corners
    dents = [np.linalg.norm(outline, axis=1).min() < 0.45 for outline in outlines if len(outline) > 12]
    assert any(dents)
    assert not all(dents)


def test_prints_are_finite_colours_of_the_size_of_the_picture() -> None:
    prints = [random_print(np.random.default_rng(seed), (30, 40), (20.0, 15.0), 12.0) for seed in range(40)]
    assert all(colors.shape == (30, 40, 3) and colors.min() >= 0 and colors.max() <= 1 for colors in prints)
    assert sum(colors[3:27, 8:32].reshape(-1, 3).std(axis=0).max() > 0.02 for colors in prints) > 30


def test_a_solid_is_brighter_where_the_light_comes_from() -> None:
    image = np.zeros((100, 100, 3), np.float32)
    add_solid(image, ellipse((50, 50), (40, 30)), WHITE * 0.5, FROM_THE_LEFT, 0.0)
    assert image[50, 20, 0] > image[50, 50, 0] > image[50, 80, 0] > 0
    assert not image[5].any()


def test_a_picture_that_is_not_there_is_none() -> None:
    with pytest.raises(FileNotFoundError, match="no such picture"):
        read_image(f"no-balloons://train/{COUNT:06d}.jpg")


def test_the_training_keeps_them_beside_sets_whose_empty_photos_go() -> None:
    """The shapes set has no empty photo; of a set of ours, they would go."""
    DatasetCatalog.register("half_empty", lambda: [*DatasetCatalog.get(NAME)[:2], *_one_balloon()])
    MetadataCatalog.get("half_empty").set(thing_classes=["balloon"])
    assert len(training_photos(_trained_on("half_empty"))) == 1
    assert len(training_photos(_trained_on("half_empty", NAME))) == 1 + COUNT
    assert len(training_photos(_trained_on("half_empty", filter_empty=False))) == 3


def _trained_on(*names: str, filter_empty: bool = True, repeats: object = ()) -> CfgNode:
    sets = ["DATASETS.TRAIN", str(names), "DATASETS.TRAIN_REPEAT_FACTOR", str(repeats)]
    return load_config(opts=[*sets, "DATALOADER.FILTER_EMPTY_ANNOTATIONS", str(filter_empty)])


def test_a_set_is_repeated_as_often_as_it_is_to_be_drawn() -> None:
    DatasetCatalog.register("few", _one_balloon)
    MetadataCatalog.get("few").set(thing_classes=["balloon"])
    photos = training_photos(_trained_on(NAME, "few", repeats=[("few", 3)]))
    assert photos == [*DatasetCatalog.get(NAME), *_one_balloon(), *_one_balloon(), *_one_balloon()]


@pytest.mark.parametrize(
    "repeats", [[("other", 2)], [(NAME, 0)], [(NAME, 1.5)], [(NAME, True)], [NAME], [(NAME,)], [[[], 2]]]
)
def test_a_repeat_factor_that_means_nothing_is_told(repeats: object) -> None:
    with pytest.raises(
        ConfigError, match=r"TRAIN_REPEAT_FACTOR: .* found, expected one of no_balloons_train and a whole"
    ):
        training_photos(_trained_on(NAME, repeats=repeats))


def _one_balloon() -> list[dict[str, object]]:
    photo = DatasetCatalog.get(NAME)[5]
    box = [100.0, 100.0, 200.0, 200.0]
    corners = [100.0, 100.0, 200.0, 100.0, 200.0, 200.0, 100.0, 200.0]
    balloon = {"bbox": box, "bbox_mode": 0, "category_id": 0, "segmentation": [corners], "iscrowd": 0}
    return [photo | {"annotations": [balloon]}]


def test_photos_without_regions_that_the_user_wants_kept_are_kept_in_the_training(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "empty.png")
    size = (tmp_path / "empty.png").stat().st_size
    (tmp_path / "via.json").write_text(f'{{"a": {{"filename": "empty.png", "size": {size}, "regions": []}}}}')
    register_via_instances("negatives", tmp_path / "via.json", tmp_path, keep_empty=True)
    assert [Path(photo["file_name"]).name for photo in training_photos(_trained_on("negatives"))] == ["empty.png"]


@pytest.mark.parametrize("recipe", [[], COPY_PASTE])
def test_a_model_learns_from_a_batch_of_both(recipe: list[str]) -> None:
    DatasetCatalog.register("one_balloon", _one_balloon)
    DatasetCatalog.register("two_without", lambda: DatasetCatalog.get(NAME)[:2])
    for name in ("one_balloon", "two_without"):
        MetadataCatalog.get(name).set(thing_classes=["balloon"], keep_empty=name == "two_without")
    cfg: CfgNode = load_config(
        "balloon_R18_FPN.yaml", [*TINY, *recipe, "DATASETS.TRAIN", "('one_balloon', 'two_without')"]
    )
    cfg.SOLVER.IMS_PER_BATCH = 4
    batch = next(iter(build_train_loader(cfg)))  # of three photos, each is in it
    assert any(len(photo["instances"]) for photo in batch)
    assert not all(len(photo["instances"]) for photo in batch)
    with EventStorage():
        total = sum(build_model(cfg).train()(batch).values())
    total.backward()
    assert np.isfinite(float(total))
