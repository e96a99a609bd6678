#!/bin/bash
# SuperAnnotate's export of boxes to COCO writes areas that depend on where a box lies: the formula lacks its brackets, and subtracts the top
# edge from width x bottom edge. A box of 20 x 20 has an area of 590 at the top of a full HD photo, and of 19,400 at its foot. One
# would expect 400; `bbox` is right, and AP over all sizes as well. But COCO's evaluation sorts objects into small, medium and large
# by `area`: AP small becomes the AP of objects high up in the photo, and AP medium and large are given for a set that has small
# objects alone. Nothing is reported, though a team decides by these numbers whether it needs larger photos or tiles.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'superannotate==4.6.2' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
cat > export.py <<'PYTHON'
import contextlib
import io
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path

os.environ.update(SA_VERSION_CHECK="false", SA_SKIP_METRICS="true")  # no calls to the network

import superannotate
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

SIDE, TOPS = 20, (10, 200, 1000)  # pixels


def box(top):
    """One box, as SuperAnnotate's JSON has it."""
    points = {"x1": 100, "y1": top, "x2": 100 + SIDE, "y2": top + SIDE}
    return {"type": "bbox", "classId": 1, "className": "balloon", "groupId": 0, "points": points, "attributes": []}


Path("project/classes").mkdir(parents=True)
Path("project/classes/classes.json").write_text(json.dumps([{"id": 1, "name": "balloon", "color": "#ff0000"}]))
photo = {"metadata": {"name": "a.jpg", "width": 1920, "height": 1080}, "instances": [box(top) for top in TOPS]}
Path("project/a.jpg.json").write_text(json.dumps(photo))
superannotate.export_annotation("project", "out", "COCO", "balloons", task="object_detection")
exported = json.loads(Path("out/balloons.json").read_text())


def scores(document):
    """AP of perfect detections: all sizes, small, medium and large; -1 where there are no objects of a size."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"info": {}, **document}
        truth.createIndex()
        kept = ("image_id", "category_id", "bbox")
        found = truth.loadRes([{key: each[key] for key in kept} | {"score": 0.9} for each in document["annotations"]])
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [round(float(each), 2) for each in (evaluation.stats[0], *evaluation.stats[3:6])]


print("superannotate", version("superannotate"), "pycocotools", version("pycocotools"))
areas = [each["area"] for each in exported["annotations"]]
for top, each in zip(TOPS, exported["annotations"]):
    print(f"box of {SIDE} x {SIDE} at y = {top}: bbox {each['bbox']}, area {each['area']} in place of {SIDE * SIDE}")
right = {**exported, "annotations": [{**each, "area": SIDE * SIDE} for each in exported["annotations"]]}
found = scores(exported), scores(right)
for name, each in zip(("as exported", "with right areas"), found):
    print(f"perfect detections, {name}: AP {each[0]}, small {each[1]}, medium {each[2]}, large {each[3]}")
sys.exit(not (areas == [590, 4200, 19400] and found[0][2:] == [1.0, 1.0] and found[1] == [1.0, 1.0, -1.0, -1.0]))
PYTHON
"$folder/venv/bin/python" -W ignore export.py 2> log || { cat log; exit 1; }
echo "SuperAnnotate's COCO export writes an area that grows with the distance of a box from the top of the photo."
