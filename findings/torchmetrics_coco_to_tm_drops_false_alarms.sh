#!/bin/bash
# torchmetrics' MeanAveragePrecision.coco_to_tm() leaves out every image without an object, together with what was detected there. It makes
# its lists from the annotations of the truth, and never looks at `images`. Photos that show nothing are in a data set to count false
# alarms; after coco_to_tm() there are none, and AP is too high: here a model that is right once and sees a balloon in each of
# three empty photos, with a higher score, gets 1.0 in place of 0.25. One would expect the AP of pycocotools, which is the backend of the very same
# class; nothing is reported. Lists made by hand, with empty targets, are scored right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torchmetrics==1.9.0' 'torch==2.11.0' 'torchvision==0.26.0' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from torchmetrics.detection import MeanAveragePrecision

BOX = [10, 10, 50, 50]  # as COCO has it: x, y, width, height
truth = {
    "info": {}, "categories": [{"id": 1, "name": "balloon"}],
    "images": [{"id": number, "file_name": f"{number}.jpg", "width": 200, "height": 200} for number in range(1, 5)],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": BOX, "area": 2500, "iscrowd": 0}],
}
found = [
    {"image_id": number, "category_id": 1, "bbox": BOX, "score": 0.8 if number == 1 else 0.9} for number in range(1, 5)
]
Path("truth.json").write_text(json.dumps(truth))
Path("found.json").write_text(json.dumps(found))


def by_torchmetrics(predictions, targets):
    metric = MeanAveragePrecision(box_format="xywh")
    metric.update(predictions, targets)
    return round(float(metric.compute()["map"]), 3)


def by_hand():
    """One entry for each image, the empty ones with no box."""
    label, none = torch.tensor([1]), torch.zeros(0, dtype=torch.int64)
    targets = [{"boxes": torch.tensor([BOX]), "labels": label}, *[{"boxes": torch.zeros(0, 4), "labels": none}] * 3]
    predictions = [
        {"boxes": torch.tensor([each["bbox"]]), "labels": label, "scores": torch.tensor([each["score"]])} for each in found
    ]
    return predictions, targets


with contextlib.redirect_stdout(io.StringIO()):
    dataset = COCO("truth.json")
    evaluation = COCOeval(dataset, dataset.loadRes("found.json"), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    converted = MeanAveragePrecision().coco_to_tm("found.json", "truth.json", iou_type="bbox")
ap = {
    "pycocotools": round(float(evaluation.stats[0]), 3),
    "torchmetrics, by hand": by_torchmetrics(*by_hand()),
    "torchmetrics, coco_to_tm": by_torchmetrics(*converted),
}
print(*(f"{name} {version(name)}" for name in ("torchmetrics", "torch", "pycocotools")))
print(f"of 4 images, coco_to_tm keeps {len(converted[1])}; AP: {ap}")
right = {"pycocotools": 0.25, "torchmetrics, by hand": 0.25, "torchmetrics, coco_to_tm": 1.0}
sys.exit(ap != right or len(converted[1]) != 1)
PYTHON
echo "coco_to_tm() drops images without objects, and with them the false alarms."
