#!/bin/bash
# TIDE says how much AP each kind of error costs, so that one knows what to work on. In two of its packages, tidecv and hotcoco's
# tide_errors(), a class of which the model finds nothing costs nothing. They repair missed objects by taking them out of the truth; then
# the class has no object left, and they give such a class AP 0 (tidecv, once it has a single false alarm), as before the repair. One would
# expect the half of AP that is gone under "Miss", as where one object of the class is found, and as vernier says. Here half of all
# objects is lost, AP50 is 0.5, and the table of errors is all zeros. In tidecv, unlike in pycocotools, a class that the truth does not
# have counts as well: one false alarm with a score of 0.05 takes a perfect model from 1.0 to 0.5. Nothing is reported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'tidecv==1.0.1' 'hotcoco==1.3.0' 'vernier==0.5.4' 'pycocotools==2.0.11' 'numpy==2.4.6' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import hotcoco
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from tidecv import TIDE, datasets
from vernier.instance import CocoDataset, Segm, error_decomposition

PHOTOS = range(1, 5)
SIZE, SIDE = 200, 20


def square(left, top):
    return [[left, top, left + SIDE, top, left + SIDE, top + SIDE, left, top + SIDE]]


def truth(objects):
    images = [{"id": photo, "file_name": f"{photo}.png", "width": SIZE, "height": SIZE} for photo in PHOTOS]
    annotations = [
        {"id": key, "image_id": photo, "category_id": category, "bbox": [left, top, SIDE, SIDE], "area": SIDE * SIDE, "iscrowd": 0}
        | {"segmentation": square(left, top)}
        for key, (photo, category, left, top) in enumerate(objects, 1)
    ]
    categories = [{"id": 1, "name": "balloon"}, {"id": 2, "name": "kite"}]
    return {"images": images, "annotations": annotations, "categories": categories}


def detection(photo, category, left, top, score):
    mask = coco_mask.merge(coco_mask.frPyObjects(square(left, top), SIZE, SIZE))
    mask["counts"] = mask["counts"].decode()
    return {"image_id": photo, "category_id": category, "score": score, "bbox": [left, top, SIDE, SIDE], "segmentation": mask}


def scores(objects, detections):
    """AP50 of pycocotools; AP50, "Miss" and the sum of all errors of the three others."""
    Path("truth.json").write_text(json.dumps(truth(objects)))
    Path("found.json").write_text(json.dumps(detections))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("truth.json")
        evaluation = COCOeval(coco, coco.loadRes("found.json"), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        peer = hotcoco.COCO("truth.json")
        other = hotcoco.COCOeval(peer, peer.load_res("found.json"), "segm")
        other.evaluate()
        theirs = other.tide_errors(pos_thr=0.5, bg_thr=0.1)
    tide = TIDE()
    run = tide.evaluate(datasets.COCO("truth.json"), datasets.COCOResult("found.json"), mode=TIDE.MASK)
    errors = tide.get_all_errors()
    errors = {**errors["main"]["found"], **errors["special"]["found"]}
    third = error_decomposition(CocoDataset.from_json(Path("truth.json").read_bytes()), Path("found.json").read_bytes(), iou=Segm())
    table = {
        "tidecv": (run.ap / 100, errors["Miss"] / 100, sum(errors.values()) / 100),
        "hotcoco": (theirs["ap_base"], theirs["delta_ap"]["Miss"], sum(theirs["delta_ap"].values())),
        "vernier": (third.baseline_map, third.delta["missed"], sum(third.delta.values())),
    }
    return float(evaluation.stats[1].round(3)), {name: tuple(round(float(each), 3) for each in row) for name, row in table.items()}


balloons = [(photo, 1, 20, 20) for photo in PHOTOS]
kites = [(photo, 2, 100, 100) for photo in PHOTOS]
perfect = [detection(*each, 0.9) for each in balloons]
one_kite = detection(*kites[1], 0.9)
false_kite = detection(1, 2, 150, 150, 0.05)
cases = {
    "all balloons, one of four kites": (balloons + kites, [*perfect, one_kite, false_kite]),
    "all balloons, no kite": (balloons + kites, [*perfect, false_kite]),
    "all balloons, where no kite is": (balloons, [*perfect, false_kite]),
}
print(", ".join(f"{name} {version(name)}" for name in ("tidecv", "hotcoco", "vernier", "pycocotools")))
seen = {}
for name, (objects, detections) in cases.items():
    ap, seen[name] = scores(objects, detections)
    print(f"{name}: AP50 of pycocotools {ap}")
    for tool, (own, missed, total) in seen[name].items():
        print(f"  {tool}: AP50 {own}, cost of missed objects {missed}, of all errors {total}")
one, none, elsewhere = seen.values()
agreed = all(row[:2] == (0.629, 0.371) for row in one.values())
lost = none["tidecv"] == none["hotcoco"] == (0.5, 0.0, 0.0) and none["vernier"] == (0.5, 0.5, 0.5)
counted = elsewhere["tidecv"][0] == 0.5 and elsewhere["hotcoco"][0] == elsewhere["vernier"][0] == 1.0
sys.exit(not (agreed and lost and counted))
PYTHON
echo "A class of which nothing is found halves AP, and costs nothing, say tidecv and hotcoco; a class that is not there costs tidecv half."
