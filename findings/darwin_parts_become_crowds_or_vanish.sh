#!/bin/bash
# V7's darwin-py exports an object of several paths (behind a pole, or with a hole) to COCO as iscrowd 1 with area 0, though the mask
# in the same entry has its pixels. Detectron2 leaves crowds out of the training, and evaluators ignore what is found
# there: a model that misses two objects of three scores a mask AP of 1. The YOLO export of the same annotations leaves both
# objects out; the log calls it an unexpected error, and the export ends as if all had gone well.
# One would expect iscrowd 0, as COCO allows run lengths for single objects, and a refusal where a format cannot hold an object.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'darwin-py==3.6.3' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

from darwin.exporter.formats import coco, yolo_segmented
from darwin.utils import parse_darwin_json
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

WIDTH, HEIGHT = 240, 100


def rectangle(x, y, width, height):
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return [{"x": left, "y": top} for left, top in corners]


objects = {
    "whole": [rectangle(10, 10, 40, 60)],
    "behind a pole": [rectangle(70, 10, 20, 60), rectangle(100, 10, 20, 60)],
    "with a hole": [rectangle(150, 10, 60, 60), rectangle(170, 30, 20, 20)],
}
slot = {"type": "image", "slot_name": "0", "width": WIDTH, "height": HEIGHT, "source_files": [{"file_name": "a.png", "url": ""}]}
annotations = [
    {"id": str(number), "name": "balloon", "slot_names": ["0"], "polygon": {"paths": paths}, "properties": []}
    for number, paths in enumerate(objects.values())
]
document = {"version": "2.0", "item": {"name": "a.png", "path": "/", "slots": [slot]}, "annotations": annotations}
Path("a.json").write_text(json.dumps(document))
parsed = parse_darwin_json(Path("a.json"), None)
for name in ("coco", "yolo"):
    Path(name).mkdir()
coco.export([parsed], Path("coco"))
with contextlib.redirect_stderr(io.StringIO()):
    yolo_segmented.export([parsed], Path("yolo"))
exported = json.loads(Path("coco/output.json").read_text())
lines = Path("yolo/a.txt").read_text().split("\n")
crowds, areas = ([each[key] for each in exported["annotations"]] for key in ("iscrowd", "area"))
outlines = [each["segmentation"] for each in exported["annotations"]]
masks = [
    coco_mask.merge(coco_mask.frPyObjects(each, HEIGHT, WIDTH)) if isinstance(each, list) else coco_mask.frPyObjects(each, HEIGHT, WIDTH)
    for each in outlines
]
pixels = [int(coco_mask.area(each)) for each in masks]
with contextlib.redirect_stdout(io.StringIO()):
    truth = COCO()
    truth.dataset = {"info": {}, **exported}
    truth.createIndex()
    # A model that finds nothing but the whole one.
    first = exported["annotations"][0]
    found = {key: first[key] for key in ("image_id", "category_id", "segmentation", "bbox")}
    evaluation = COCOeval(truth, truth.loadRes([{**found, "score": 0.9}]), "segm")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
average = round(float(evaluation.stats[0]), 3)
print("darwin-py", version("darwin-py"), "pycocotools", version("pycocotools"))
for name, crowd, area, count in zip(objects, crowds, areas, pixels):
    print(f"{name:13} iscrowd {crowd}, area {area:g}; its mask has {count} pixels")
print(f"mask AP of a model that finds one object of three: {average:.3f}")
labelled = sum(bool(line) for line in lines)
print(f"YOLO lines of the three objects: {labelled}")
same = crowds == [0, 1, 1] and areas == [2400, 0, 0] and pixels[1] > 2400 and pixels[2] > 3000
sys.exit(not (same and average == 1.0 and labelled == 1))
PYTHON
echo "Of three objects, two are crowds of area 0 in the COCO file, and two are missing in the YOLO file."
