"""A run folder with a small random model, a few rendered photos, and detections made from the truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.modeling import build_model
from detectron2.structures import Boxes, BoxMode, Instances
from pycocotools import mask as mask_util

from balloon_splash.config import load_config
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.weights.checkpoint import SafeCheckpointer
from tests.conftest import TINY


def write_run(folder: Path, *, seed: int = 0, opts: Sequence[str] = ()) -> tuple[str, str]:
    """``config.yaml`` and the weights of a random model; returns both paths."""
    torch.manual_seed(seed)
    cfg = load_config("balloon_R18_FPN.yaml", [*TINY, *opts])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.yaml").write_text(cfg.dump())
    SafeCheckpointer(build_model(cfg), str(folder), class_names=["balloon"]).save(f"model_{seed}")
    return str(folder / "config.yaml"), str(folder / f"model_{seed}.pth")


def write_photos(folder: Path) -> Path:
    """A balloon dataset of rendered photos; returns its folder."""
    return write_synthetic_balloons(folder, num_train=1, num_val=3, size=(160, 120), progress=False)


def register_squares(name: str, *, classes: int = 1, photos: int = 3) -> list[dict[str, Any]]:
    """A dataset in memory of photos with three squares each, of 20, 40 and 100 pixels; returns its dicts."""

    def square(side: float, left: float, category: int) -> dict[str, Any]:
        x0, y0, x1, y1 = left, 30.0, left + side, 30.0 + side
        return {
            "bbox": [x0, y0, x1, y1],
            "bbox_mode": BoxMode.XYXY_ABS,
            "category_id": category % classes,
            "segmentation": [[x0, y0, x1, y0, x1, y1, x0, y1]],
            "iscrowd": 0,
        }

    entries = [
        {
            "file_name": f"/nowhere/{number}.jpg",
            "image_id": number,
            "height": 200,
            "width": 300,
            "annotations": [square(20, 10, 0), square(40, 50, 1), square(100, 120, 2)],
        }
        for number in range(photos)
    ]
    DatasetCatalog.register(name, lambda: entries)
    MetadataCatalog.get(name).set(thing_classes=[f"class {number}" for number in range(classes)])
    return entries


def unregister(name: str) -> None:
    DatasetCatalog.remove(name)
    MetadataCatalog.remove(name)


def result(image_id: int, box: tuple[int, int, int, int], score: float, category: int = 0) -> dict[str, Any]:
    """A detection, as COCO writes it, whose mask fills its box (XYXY, whole pixels)."""
    mask = np.zeros((200, 300), np.uint8, order="F")
    mask[box[1] : box[3], box[0] : box[2]] = 1
    rle = mask_util.encode(mask)
    return {
        "image_id": image_id,
        "category_id": category,
        "bbox": [box[0], box[1], box[2] - box[0], box[3] - box[1]],
        "score": score,
        "segmentation": {"size": rle["size"], "counts": rle["counts"].decode()},
    }


def blurred_truth(entry: dict[str, Any], rng: np.random.Generator) -> Instances:
    """Each object of a dataset dict found twice, moved by some pixels, with random scores, and some noise."""
    truth = np.array([each["bbox"] for each in entry["annotations"]])
    jitter: npt.NDArray[np.float64] = rng.normal(0, 5, (2, len(truth), 4))
    noise = np.array([[200.0, 150.0, 240.0, 190.0], [0.0, 0.0, 30.0, 25.0]])
    boxes = np.concatenate([*(truth + jitter), noise]).round()
    classes = np.array([*(each["category_id"] for each in entry["annotations"])] * 2 + [0, 0])
    masks = np.zeros((len(boxes), entry["height"], entry["width"]), bool)
    for mask, (x0, y0, x1, y1) in zip(masks, boxes.clip(0).astype(int), strict=True):
        mask[y0:y1, x0:x1] = True
    return Instances(
        (entry["height"], entry["width"]),
        pred_boxes=Boxes(torch.tensor(boxes.clip(0), dtype=torch.float32)),
        scores=torch.from_numpy(rng.uniform(0.1, 1, len(boxes)).astype(np.float32)),
        pred_classes=torch.from_numpy(classes),
        pred_masks=torch.from_numpy(masks),
    )
