"""Predictions that are right in every pixel have an AP of 100, whichever format the truth was read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import Boxes, Instances

from balloon_splash.data.datasets.catalog import register_instances
from balloon_splash.engine.trainer import BalloonTrainer
from tests.data.annotations.tool_files import (
    CLASSES,
    CUP,
    KITE,
    WRITERS,
    class_attribute,
    filled,
    write_png_masks,
)
from tests.data.conftest import HEIGHT, WIDTH

OF_PIXELS = (
    "coco masks",
    "voc",
    "png-masks",
    "superannotate pixels",
)  # whose boxes lie around pixels, not around corners


def faultless(class_names: list[str], *, of_pixels: bool) -> Instances:
    """Return the objects that a model without mistakes finds, drawn without our readers."""
    found = Instances((HEIGHT, WIDTH))
    found.pred_masks = torch.as_tensor(np.stack([filled(KITE), filled(CUP)]))
    found.pred_boxes = Boxes(torch.tensor([[10.0, 10, 30, 29 if of_pixels else 30], [40, 20, 50, 30]]))
    found.pred_classes = torch.tensor(
        [class_names.index(name) if name in class_names else 0 for name in ("kite", "cup")]
    )
    found.scores = torch.tensor([0.9, 0.8])
    return found


@pytest.mark.parametrize("name", [*WRITERS, "png-masks"])
def test_perfect_predictions_have_an_ap_of_100(photos: Path, tmp_path: Path, tiny_cfg: CfgNode, name: str) -> None:
    {**WRITERS, "png-masks": write_png_masks}[name](photos)
    # In the order opposite to the file's, as a training set may have it: numbers alone would swap kite and cup.
    classes = ["object"] if name == "png-masks" else list(reversed(CLASSES))
    register_instances(
        "perfect", photos, class_names=classes, class_attribute=class_attribute(photos), keep_empty=True, strict=True
    )
    assert MetadataCatalog.get("perfect").thing_classes == classes
    tiny_cfg.OUTPUT_DIR, tiny_cfg.TEST.NUM_PICTURES = str(tmp_path / "run"), 0
    evaluator = BalloonTrainer.build_evaluator(tiny_cfg, "perfect")
    evaluator.reset()
    found = faultless(classes, of_pixels=name in OF_PIXELS)
    for photo in DatasetCatalog.get("perfect"):
        evaluator.process([photo], [{"instances": found[: len(photo["annotations"])]}])
    results = evaluator.evaluate()
    assert {task: values["AP"] for task, values in results.items()} == {
        task: pytest.approx(100) for task in ("bbox", "segm", "boundary")
    }
