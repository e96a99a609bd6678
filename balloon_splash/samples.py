"""The article's other samples, each by one command: pictures of the project's own, training, evaluation, splash."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from balloon_splash.demo import train_once

NUM_PICTURES = 4  #: of the validation set, to splash


@dataclass(frozen=True)
class Sample:
    """A sample of the article's repository.

    Attributes:
        configs: the steps of its training, each from the weights of the one before.
        weights: what the first step starts from (``--weights``); ``None`` for what its configuration says.
        datasets: the sets that it trains on and is tested on.
        prepare: makes what is needed in the output folder; returns a folder of pictures to splash.
        confidence: of the splash; low, as the model is trained for minutes.
        submission: whether the masks are written as the nucleus competition's ``submit.csv``.
    """

    configs: tuple[str, ...]
    weights: str | None
    datasets: tuple[str, str]
    prepare: Callable[[Path], Path]
    confidence: float = 0.5
    submission: bool = False


def train_sample(name: str, output: Path, *, iterations: int | None = None) -> Path:
    """Train and evaluate a sample whose pictures are prepared.

    Args:
        name: a key of :data:`SAMPLES`.
        output: where the folder of each step is made.
        iterations: of each step; ``None`` leaves the configuration's number.

    Returns:
        The weights of the last step.

    Raises:
        UsageError: ``output`` holds a model that was trained for another time.
    """
    from balloon_splash.config import load_config
    from balloon_splash.weights.resolve import use_weights

    sample = SAMPLES[name]
    weights: Path | None = None
    train, test = sample.datasets
    for step, config in enumerate(sample.configs, 1):
        options = ["DATASETS.TRAIN", f"('{train}',)", "DATASETS.TEST", f"('{test}',)"]
        cfg = load_config(config, [*options, "OUTPUT_DIR", str(output / f"model_{name}_{step}")])
        if weights is not None:
            cfg.MODEL.WEIGHTS = str(weights)
        elif sample.weights is not None:
            use_weights(cfg, sample.weights)
        if iterations is not None:
            cfg.SOLVER.MAX_ITER = iterations
        weights = train_once(cfg, config, name)
    assert weights is not None
    return weights


def _prepare_shapes(output: Path) -> Path:
    from balloon_splash.data.datasets.shapes import draw_shapes, shapes_scene

    pictures = _fresh(output / "shapes")
    for index in range(NUM_PICTURES):
        Image.fromarray(draw_shapes(shapes_scene("val", index))).save(pictures / f"{index:06d}.png")
    return pictures


def _prepare_nuclei(output: Path) -> Path:
    """As the competition's ``stage1_test``: a folder for each field."""
    from balloon_splash.data.datasets.nuclei import nucleus_field

    pictures = _fresh(output / "nucleus")
    for index in range(NUM_PICTURES):
        folder = pictures / f"field{index}" / "images"
        folder.mkdir(parents=True)
        Image.fromarray(nucleus_field("val", index).image).save(folder / f"field{index}.png")
    return pictures


def _prepare_coco(output: Path) -> Path:
    from balloon_splash.data.datasets.catalog import register_instances
    from balloon_splash.data.datasets.small_coco import THINGS, write_small_coco

    root = output / "coco"
    if not root.is_dir():
        write_small_coco(root)
    names = [category["name"] for category in THINGS]
    for split in ("train", "val"):
        file = root / "annotations" / f"instances_{split}2017.json"
        register_instances(f"coco_sample_{split}", file, root / f"{split}2017", class_names=names)
    pictures = _fresh(output / "coco_pictures")
    for path in sorted((root / "val2017").iterdir())[:NUM_PICTURES]:
        shutil.copy(path, pictures)
    return pictures


def _fresh(folder: Path) -> Path:
    """A folder with nothing in it."""
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    return folder


SAMPLES = {
    "shapes": Sample(("shapes_R18_FPN.yaml",), None, ("shapes_train", "shapes_val"), _prepare_shapes),
    "coco": Sample(
        ("coco_sample_R18_FPN.yaml",),
        None,
        ("coco_sample_train", "coco_sample_val"),
        _prepare_coco,
        confidence=0.3,  # 80 classes share the probability
    ),
    "nucleus": Sample(
        ("nucleus_heads_R50_slim.yaml", "nucleus_R50_slim.yaml"),
        "balloon",
        ("nucleus_train", "nucleus_val"),
        _prepare_nuclei,
        submission=True,
    ),
}
