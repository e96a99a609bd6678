#!/bin/bash
# imantics writes YOLO's labels with the upper left corner of a box where the format has its centre: every box lies half its width and height
# too far up and to the left, and keeps an IoU of 1/7 with the right one, whatever its size. The number in front is COCO's id of the category,
# where YOLO counts classes from 0. One would expect the centre, as the format is read by everyone, and the class 0 for the first
# category; nothing is reported, since all values are between 0 and 1, and a model learns them well: it finds boxes that are off in
# the same way, and scores high on labels from the same converter. Here one COCO file is read by imantics, and by labelformat.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'imantics==0.1.12' 'labelformat==0.1.17' 2>/dev/null
cd "$folder"
cat > convert.py <<'PYTHON'
import json
import sys
from importlib.metadata import version
from pathlib import Path

import imantics
from labelformat.formats import COCOObjectDetectionInput, YOLOv8ObjectDetectionOutput

WIDTH, HEIGHT = 400, 200
BOXES = [100, 60, 40, 20], [200, 20, 160, 160]  # x, y, width, height in pixels

annotations = []
for number, (x, y, width, height) in enumerate(BOXES, 1):
    outline = [x, y, x + width, y, x + width, y + height, x, y + height]
    rest = {"iscrowd": 0, "area": width * height, "bbox": [x, y, width, height], "segmentation": [outline]}
    annotations.append({"id": number, "image_id": 1, "category_id": 1, **rest})
images = [{"id": 1, "file_name": "a.jpg", "path": "a.jpg", "width": WIDTH, "height": HEIGHT}]
coco = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "balloon"}]}
Path("coco.json").write_text(json.dumps(coco))
YOLOv8ObjectDetectionOutput(Path("yolo/data.yaml"), "train").save(COCOObjectDetectionInput(Path("coco.json")))
lines = {
    "imantics": imantics.Dataset.from_coco(coco).yolo()["a.jpg"],
    "labelformat": Path("yolo/labels/a.txt").read_text().splitlines(),
}


def pixels(line):
    """The box of one of YOLO's lines, as COCO has it."""
    x, y, width, height = (float(each) for each in line.split()[1:])
    found = (x - width / 2) * WIDTH, (y - height / 2) * HEIGHT, width * WIDTH, height * HEIGHT
    return [round(each) for each in found]


def iou(one, other):
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(across, 0) * max(down, 0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


print(*(f"{each} {version(each)}" for each in lines))
found = {}
for name, written in lines.items():
    found[name] = [round(iou(pixels(line), box), 2) for line, box in zip(written, BOXES)]
    for line, box, each in zip(written, BOXES, found[name]):
        print(f"{name:11} '{line}' is the box {pixels(line)}, where COCO has {box}: IoU {each}")
classes = [line.split()[0] for line in lines["imantics"]]
sys.exit(not (found == {"imantics": [0.14, 0.14], "labelformat": [1.0, 1.0]} and classes == ["1", "1"]))
PYTHON
"$folder/venv/bin/python" -W ignore convert.py
echo "imantics' YOLO labels have the corner of a box where its centre belongs."
