"""Models to measure, ours and what a user would run instead, on the same weights."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode
from detectron2.engine import DefaultPredictor

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.config import load_config
from balloon_splash.data.render import render_scene
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.inputs import Source
from balloon_splash.splasher.finder import ModelFinder
from balloon_splash.splasher.outcomes import Job
from balloon_splash.splasher.photo_batch import splash_photos
from balloon_splash.splasher.photo_results import Files, PhotoResults
from benchmarks.compositing import article_effect

Image = npt.NDArray[np.uint8]


def photos(folder: Path, given: Sequence[str], count: int) -> list[Path]:
    """Return JPEG files: those given, the balloon photos for validation if there, or rendered ones in ``folder``."""
    dataset = Path(os.environ.get("DETECTRON2_DATASETS", "datasets")) / "balloon" / "val"
    found = [Path(name) for name in given] or sorted(dataset.glob("*.jpg"))
    if not found:
        for seed in range(count):
            scene = cv2.cvtColor(render_scene(seed, (2048, 1365)).image, cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(folder / f"{seed:02d}.jpg"), scene, [cv2.IMWRITE_JPEG_QUALITY, 92])
        found = sorted(folder.glob("*.jpg"))
    return found[:count]


def grown_to_r101(weights: Path, config: str, folder: Path) -> tuple[Path, str]:
    """Make a ResNet-50 model with 17 more blocks that add nothing: R101's arithmetic with R50's detections.

    Args:
        weights: weights of a trained ResNet-50-FPN.
        config: its configuration.
        folder: for the new weights.

    Returns:
        weights and configuration, the latter with R101's default size of photos, 800 to 1333.
    """
    from balloon_splash.weights.grow import RESNET_BLOCKS, grow_resnet

    checkpoint = torch.load(weights, weights_only=True, map_location="cpu")
    checkpoint["model"] = grow_resnet(checkpoint["model"], {"res4": RESNET_BLOCKS[101]["res4"]})
    cfg = load_config(config)
    cfg.MODEL.RESNETS.DEPTH = 101
    cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST = 800, 1333
    torch.save({"model": checkpoint["model"], "class_names": checkpoint["class_names"]}, folder / "r101.pth")
    (folder / "config.yaml").write_text(cfg.dump())
    return folder / "r101.pth", str(folder / "config.yaml")


def shipped(folder: Path) -> tuple[Path, str]:
    """Return the model that ships, its weights in ``folder`` in a file that Detectron2 reads, and its configuration."""
    from balloon_splash.weights.packed import read_safetensors
    from balloon_splash.weights.resolve import choose_model

    config, cfg = choose_model()
    data = read_safetensors(cfg.MODEL.WEIGHTS)
    torch.save({"model": data["model"], "class_names": data["class_names"]}, folder / "shipped.pth")
    return folder / "shipped.pth", config


def stock_config(weights: Path | str, config: str, opts: Sequence[str] = ()) -> CfgNode:
    """Return the same model with Detectron2's own classes."""
    cfg = load_config(config, opts, device="cpu", weights=str(weights))
    cfg.MODEL.META_ARCHITECTURE = "GeneralizedRCNN"
    cfg.MODEL.PROPOSAL_GENERATOR.NAME = "RPN"
    cfg.MODEL.ROI_HEADS.NAME = "StandardROIHeads"
    return cfg


def reference_splash(weights: Path, config: str, *, confidence: float) -> Callable[[Path, Path], None]:
    """Splash a photo from file to file with stock Detectron2 and the article's effect.

    All objects above the configuration's threshold get a mask, as ``DefaultPredictor`` does; those that are confident
    enough are stacked, and the effect picks with ``np.where``.
    """
    predictor = DefaultPredictor(stock_config(weights, config))

    def splash(source: Path, target: Path) -> None:
        image = cv2.imread(str(source))
        found = predictor(image)["instances"]
        found = found[found.scores >= confidence]
        masks = found.pred_masks.numpy().transpose(1, 2, 0)
        after = article_effect(np.ascontiguousarray(image[:, :, ::-1]), masks)
        cv2.imwrite(str(target), after[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])

    return splash


def segmenter(
    weights: Path, config: str, backend: str, precision: str, *, confidence: float, **options: Any
) -> Segmenter:
    """Load our side."""
    return Segmenter.from_config(
        config, str(weights), device="cpu", confidence=confidence, backend=backend, precision=precision, **options
    )


def splash_folder(finder: Segmenter, paths: Sequence[Path], batch_size: int = 4) -> None:
    """Splash several photos as ``balloon-splash splash`` does; each result is written beside its source."""
    jobs = [Job(Source(path.name, Path(path.name), path), path.with_name(f"out_{path.name}")) for path in paths]
    write = PhotoResults(Files(overwrite=True))
    summary = splash_photos(jobs, ModelFinder(finder), Look(), Selection(), write, batch_size=batch_size)
    if failed := [outcome for outcome in summary.outcomes if outcome.error]:
        raise RuntimeError(f"{len(failed)} of {len(paths)} photos failed: {failed[0].error}")
