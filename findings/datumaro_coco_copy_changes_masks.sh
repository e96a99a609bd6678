#!/bin/bash
# Reading a COCO file with Datumaro, the converter behind many a merge, split or filter of data sets, and writing it as COCO again changes
# the masks. Masks of ordinary objects (iscrowd 0, RLE) come back as polygons along the centres of their border pixels: holes are
# filled, a square of 10 x 10 has 81 pixels, and lines two pixels thick have no segmentation at all; with `segmentation_mode="mask"` they
# stay RLE, but every object is marked iscrowd 1, which evaluators ignore and most trainers drop. One would expect RLE in, the same RLE out,
# and iscrowd as it was; no mode of the exporter keeps both, and nothing is reported. Here each copy is scored against its source.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'datumaro==1.13.12' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import os
import sys
from importlib.metadata import version

import datumaro
import numpy as np
from PIL import Image
from pycocotools import mask as masks

HEIGHT, WIDTH = 100, 120


def rectangle(x, y, width, height):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[y : y + height, x : x + width] = 1
    return mask


objects = {
    "ring, 800 pixels": rectangle(60, 60, 30, 30) - rectangle(70, 70, 10, 10),
    "square, 100": rectangle(100, 40, 10, 10),
    "string of 2 x 30": rectangle(10, 10, 2, 30),
}
annotations = []
for number, mask in enumerate(objects.values(), 1):
    rle = masks.encode(np.asfortranarray(mask))
    box = masks.toBbox(rle).tolist()
    segmentation = {"size": [HEIGHT, WIDTH], "counts": rle["counts"].decode()}
    annotations.append(
        {"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": int(mask.sum()), "bbox": box, "segmentation": segmentation}
    )
os.makedirs("source/annotations")
os.makedirs("source/images/train")
Image.new("RGB", (WIDTH, HEIGHT)).save("source/images/train/a.png")
with open("source/annotations/instances_train.json", "w") as file:
    images = [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
    json.dump({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "balloon"}]}, file)


def pixels(segmentation):
    if not segmentation:
        return np.zeros((HEIGHT, WIDTH), np.uint8)
    rle = masks.frPyObjects(segmentation, HEIGHT, WIDTH)
    return masks.decode(masks.merge(rle) if isinstance(rle, list) else rle)


print("datumaro", version("datumaro"), "pycocotools", version("pycocotools"))
found = {}
for mode in (None, "polygons", "mask"):
    folder = f"copy_{mode}"
    datumaro.Dataset.import_from("source", "coco_instances").export(folder, "coco_instances", segmentation_mode=mode)
    with open(f"{folder}/annotations/instances_train.json") as file:
        copies = {each["id"]: each for each in json.load(file)["annotations"]}
    found[mode] = []
    for number, (name, mask) in enumerate(objects.items(), 1):
        copy = pixels(copies[number]["segmentation"])
        iou = float((copy & mask).sum() / (copy | mask).sum())
        crowd = copies[number]["iscrowd"]
        found[mode].append((round(iou, 2), crowd))
        print(f"segmentation_mode {mode!s:9} {name:18} copy of {int(copy.sum()):4} pixels, IoU {iou:.2f}, iscrowd {crowd}")
polygons = [(0.82, 0), (0.81, 0), (0.0, 0)]
sys.exit(found != {None: polygons, "polygons": polygons, "mask": [(1.0, 1)] * 3})
PYTHON
echo "Datumaro's copy of a COCO file fills holes and drops thin masks, or makes every object a crowd."
