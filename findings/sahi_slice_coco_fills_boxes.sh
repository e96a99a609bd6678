#!/bin/bash
# sahi's slice_coco(), which cuts photos and their annotations into tiles for training, turns masks that are run lengths into filled
# rectangles, and crowds into ordinary objects. It warns that "segmentation annotation for id 1 is skipped", and one would expect just that: no
# mask, or no object. What it writes is the object with its box as a polygon, iscrowd 0: a disc keeps an IoU of 0.77 with its mask, a ring
# of 0.28, and COCO's crowds, which are always run lengths, become one large rectangle each that a model learns as an object, where
# trainers and evaluators would have left them out. Nothing in the file tells these masks from good ones, and the warning does
# not name crowds. The tiles themselves, and polygons in them, are cut right. Convert run lengths to polygons first, and take crowds out.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'sahi==0.12.8' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as masks
from sahi.slicing import slice_coco

SIDE, TILE = 400, 200
rows, columns = np.mgrid[:SIDE, :SIDE]
far = np.hypot(rows - 100, columns - 100), np.hypot(rows - 100, columns - 300), np.hypot(rows - 300, columns - 100)
shapes = {"disc": far[0] <= 60, "ring": (far[1] <= 60) & (far[1] > 48), "crowd": (far[2] <= 80) & ((rows + columns) % 40 < 20)}


def rle(mask):
    found = masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": found["size"], "counts": found["counts"].decode()}


annotations = [
    {"id": number, "image_id": 1, "category_id": 1, "bbox": masks.toBbox(rle(mask)).tolist(), "area": int(mask.sum()),
     "iscrowd": int(name == "crowd"), "segmentation": rle(mask)}
    for number, (name, mask) in enumerate(shapes.items(), 1)
]  # fmt: skip
Image.new("RGB", (SIDE, SIDE)).save("a.png")
Path("coco.json").write_text(json.dumps({
    "images": [{"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE}],
    "categories": [{"id": 1, "name": "balloon"}], "annotations": annotations,
}))  # fmt: skip
with contextlib.redirect_stdout(io.StringIO()):
    sliced, _ = slice_coco(
        "coco.json", ".", output_coco_annotation_file_name="tiles", output_dir="tiles", slice_height=TILE,
        slice_width=TILE, overlap_height_ratio=0, overlap_width_ratio=0,
    )

print("sahi", version("sahi"), "pycocotools", version("pycocotools"))
corners = {1: (0, 0), 2: (0, TILE), 3: (TILE, 0)}  # row and column of each tile with an object
found = []
for annotation, (name, mask) in zip(sliced["annotations"], shapes.items()):
    row, column = corners[annotation["image_id"]]
    true = mask[row : row + TILE, column : column + TILE]
    given = masks.decode(masks.merge(masks.frPyObjects(annotation["segmentation"], TILE, TILE))).astype(bool)
    x, y, width, height = map(round, annotation["bbox"])
    iou = round(float((given & true).sum() / (given | true).sum()), 2)
    filled = bool(given[y : y + height, x : x + width].all() and given.sum() == width * height)
    found.append((name, annotation["iscrowd"], iou, filled))
    print(f"{name:5} iscrowd {int(name == 'crowd')} -> {annotation['iscrowd']}, IoU with its own mask {iou}, "
          f"a filled rectangle: {filled}")
sys.exit(found != [("disc", 0, 0.77, True), ("ring", 0, 0.28, True), ("crowd", 0, 0.39, True)])
PYTHON
echo "slice_coco() writes boxes as masks in place of run lengths, and crowds as objects."
