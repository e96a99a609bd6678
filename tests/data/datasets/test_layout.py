"""``--dataset DIR`` finds the splits in the layouts that tools export, whatever the format."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from PIL import Image

from balloon_splash.config import load_config, use_class_count
from balloon_splash.data.datasets.builtin import named_datasets, register_balloon
from balloon_splash.data.datasets.examine import examine_datasets

RING = [10, 10, 40, 10, 40, 40, 10, 40]
SPLITS = {"train": ["cup", "kite"], "val": ["kite"]}


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (100, 80)).save(path)


def coco(path: Path, names: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {
        "images": [{"id": 0, "file_name": "a.jpg", "width": 100, "height": 80}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [
            {"id": number, "image_id": 0, "category_id": number, "segmentation": [RING]} for number in range(len(names))
        ],
    }
    path.write_text(json.dumps(document))


def write_coco(root: Path) -> None:
    for split, names in SPLITS.items():
        coco(root / "annotations" / f"instances_{split}2017.json", names)
        photo(root / f"{split}2017" / "a.jpg")


def write_roboflow(root: Path) -> None:
    for split, folder in (("train", "train"), ("val", "valid")):
        coco(root / folder / "_annotations.coco.json", SPLITS[split])
        photo(root / folder / "a.jpg")


def write_yolo(root: Path) -> None:
    for split in SPLITS:
        photo(root / "images" / split / "a.jpg")
        (root / "labels" / split).mkdir(parents=True)
        lines = [f"{number} 0.1 0.1 0.4 0.1 0.4 0.5" for number in range(2 if split == "train" else 1)]
        (root / "labels" / split / "a.txt").write_text("\n".join(lines))
    (root / "data.yaml").write_text("train: images/train\nval: images/val\nnames: [cup, kite]\n")


def write_labelme(root: Path) -> None:
    for split, names in SPLITS.items():
        photo(root / split / "a.jpg")
        shapes = [{"label": name, "points": [[1, 1], [30, 1], [9, 20]], "shape_type": "polygon"} for name in names]
        document = {"imagePath": "a.jpg", "shapes": shapes, "imageWidth": 100, "imageHeight": 80}
        (root / split / "a.json").write_text(json.dumps(document))


def write_voc(root: Path) -> None:
    """Write one folder for both splits, as VOC has it, with a list for each."""
    colors = {"cup": (128, 0, 0), "kite": (0, 128, 0)}
    for kind in ("Object", "Class"):
        (root / f"Segmentation{kind}").mkdir()
    (root / "labelmap.txt").write_text("cup:128,0,0::\nkite:0,128,0::\n")
    (root / "ImageSets" / "Segmentation").mkdir(parents=True)
    for split, names in SPLITS.items():
        photo(root / "JPEGImages" / f"{split}.jpg")
        masks = {kind: Image.new("RGB", (100, 80)) for kind in ("Object", "Class")}
        for number, name in enumerate(names):
            box = (10 + 40 * number, 10, 40 + 40 * number, 40)
            masks["Object"].paste(list(colors.values())[number], box)
            masks["Class"].paste(colors[name], box)
        for kind, mask in masks.items():
            mask.save(root / f"Segmentation{kind}" / f"{split}.png")
        (root / "ImageSets" / "Segmentation" / f"{split}.txt").write_text(f"{split}\n")


@pytest.mark.parametrize("write", [write_coco, write_roboflow, write_yolo, write_labelme, write_voc])
def test_both_splits_count_the_classes_alike(
    tmp_path: Path, write: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    """The second split has one of the two classes, or numbers them otherwise."""
    write(tmp_path)
    assert named_datasets(str(tmp_path)) == ["balloon_train", "balloon_val"]
    assert "classes: cup, kite" in capsys.readouterr().err
    for name, count in (("balloon_train", 2), ("balloon_val", 1)):
        (found,) = DatasetCatalog.get(name)
        assert len(found["annotations"]) == count
        assert MetadataCatalog.get(name).thing_classes == ["cup", "kite"]
    cfg = load_config("balloon_R18_FPN.yaml", device="cpu")
    use_class_count(cfg, len(register_balloon(tmp_path)), [])
    examine_datasets(cfg)
    assert len(DatasetCatalog.get("balloon_train")[0]["annotations"]) == 2
