"""Demo: a splash with the model that ships, or the whole journey, training included."""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.data.datasets.folders import VIA_FILE
from balloon_splash.data.datasets.prepare import is_complete_balloon
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.errors import DatasetError, UsageError
from balloon_splash.files import atomic_path

if TYPE_CHECKING:
    from detectron2.config import CfgNode

CONFIG = "demo_R18_FPN.yaml"
#: Confidence, lower than the 0.9 of a well-trained model: this one saw 60 pictures for a few minutes.
CONFIDENCE = 0.7

#: Rendered pictures to splash where there are no photos; width and height in pixels.
NUM_PICTURES = 8
PICTURE_SIZE = (960, 640)


@dataclass(frozen=True)
class DemoData:
    """Folder of the demo's pictures, and the prefix under which they are registered."""

    name: str
    root: Path


def find_data(given: Path | None, standard: Path, output: Path) -> DemoData:
    """Choose the pictures: the given folder, else the balloon dataset if it is there, else rendered ones.

    Args:
        given: a folder with ``train/`` and ``val/`` and a VIA file in each, or None.
        standard: the usual folder of the balloon dataset.
        output: folder for rendered pictures; those of an earlier demo are reused.

    Raises:
        DatasetError: ``given`` is not such a folder.
    """
    if given is not None:
        for split in ("train", "val"):
            if not (given / split / VIA_FILE).is_file():
                raise DatasetError(
                    f"{given}: no {split}/{VIA_FILE} found; expected a folder as prepare_balloon.py makes it"
                )
        return DemoData("balloon", given)
    if is_complete_balloon(standard):
        return DemoData("balloon", standard)
    rendered = output / "synthetic_balloon"
    if not rendered.is_dir():
        write_synthetic_balloons(rendered)
    return DemoData("synthetic_balloon", rendered)


def find_pictures(given: Path | None, standard: Path, output: Path) -> Path:
    """Choose a folder of pictures to splash: the validation photos of a dataset, as :func:`find_data`, or rendered.

    Raises:
        DatasetError: ``given`` is not the folder of a dataset.
    """
    if given is not None or is_complete_balloon(standard):
        return find_data(given, standard, output).root / "val"
    rendered = output / "pictures"
    if not rendered.is_dir():
        write_synthetic_balloons(rendered, num_train=1, num_val=NUM_PICTURES, size=PICTURE_SIZE)
    return rendered / "val"


def train_model(data: DemoData, output: Path, *, iterations: int | None = None) -> Path:
    """Train the demo's model on ``data``, or resume an interrupted run, and evaluate it.

    A finished model for the same data and number of steps is not trained again.

    Args:
        data: the pictures.
        output: parent of the run's folder.
        iterations: number of steps; None keeps the configuration's.

    Returns:
        The trained weights; ``results.json`` beside them has the AP.

    Raises:
        UsageError: the folder holds a model of other pictures, or of another number of steps.
    """
    from balloon_splash.config import load_config
    from balloon_splash.data.datasets.catalog import register_via_instances

    for split in ("train", "val"):
        register_via_instances(f"{data.name}_{split}", data.root / split / VIA_FILE, data.root / split)
    datasets = ["DATASETS.TRAIN", f"('{data.name}_train',)", "DATASETS.TEST", f"('{data.name}_val',)"]
    cfg = load_config(CONFIG, [*datasets, "OUTPUT_DIR", str(output / f"model_{data.name}")])
    if iterations is not None:
        cfg.SOLVER.MAX_ITER = iterations
    return train_once(cfg, CONFIG, str(data.root.resolve()))


def train_once(cfg: CfgNode, config: str, pictures: str) -> Path:
    """Train and evaluate what ``cfg`` says, or resume where it was interrupted, unless it is done already.

    Args:
        cfg: the configuration; it is frozen here.
        config: the file that it was made from, for the log.
        pictures: what it learns from, to be told from other runs.

    Returns:
        The trained weights; ``results.json`` with the AP lies beside them.

    Raises:
        UsageError: ``cfg.OUTPUT_DIR`` holds a model of other pictures, or one trained for another time.
    """
    from balloon_splash.config import config_path
    from balloon_splash.engine.run import results_table, start_logging, train
    from balloon_splash.weights.run_folder import has_run, sole_use

    cfg.freeze()
    folder = Path(cfg.OUTPUT_DIR)
    weights = folder / "model_final.pth"
    with sole_use(cfg.OUTPUT_DIR):
        _check_purpose(folder, {"pictures": pictures, "iterations": cfg.SOLVER.MAX_ITER})
        if (folder / "results.json").is_file():
            print(f"the model is already trained: {weights} (remove {folder} to train it again)")
            return weights
        start_logging(cfg, argparse.Namespace(config_file=str(config_path(config)), eval_only=False), verbose=False)
        results = train(cfg, resume=has_run(folder))
        print(results_table(results))
        with atomic_path(folder / "results.json", overwrite=True) as path:
            path.write_text(json.dumps(results, indent=1))
    return weights


def _check_purpose(folder: Path, purpose: dict[str, object]) -> None:
    """Note the data and steps of the model in ``folder``, or check that they are the same as before."""
    note = folder / "demo.json"
    if not note.is_file():
        with atomic_path(note) as path:
            path.write_text(json.dumps(purpose))
        return
    before = json.loads(note.read_text())
    if before != purpose:
        raise UsageError(f"{folder} holds the model of another demo, {before}; remove it, or choose another --output")
