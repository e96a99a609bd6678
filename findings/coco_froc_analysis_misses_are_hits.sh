#!/bin/bash
# coco-froc-analysis, which draws the FROC curve of a COCO file and the detections of Detectron2 (share of objects found against false
# alarms per photo), counts a detection in the wrong corner as a hit. It assigns detections to objects at the least cost, and then counts
# all pairs of the assignment, also those that it had given its "no match" cost. In each photo as many detections are hits as there are
# objects, wherever they lie. One would expect its README's rule, the centre of a detection inside the box of an object (it calls its IoU
# mode unreliable, not this one). A model that marks the corner of every photo finds all and raises no false alarm, in the curve and in the
# count of hits alike; nothing is reported. pycocotools gives the same two files an AP of 0. Photos without objects are counted right, so
# that the curve looks like one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'coco-froc-analysis==0.2.15' 'numpy==1.26.4' 'scipy==1.17.1' 'matplotlib==3.11.2' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version

from coco_froc_analysis.count.count_curve import count_point
from coco_froc_analysis.froc import generate_froc_curve
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

PHOTOS = range(1, 6)
WITH_OBJECT = range(1, 5)


def write(name, content):
    with open(name, "w") as file:
        json.dump(content, file)
    return name


def found(left, top):
    boxes = [{"image_id": photo, "category_id": 1, "bbox": [left, top, 40, 40], "score": 0.9} for photo in WITH_OBJECT]
    return boxes + [{"image_id": 5, "category_id": 1, "bbox": [100, 100, 40, 40], "score": 0.3}]


objects = [
    {"id": photo, "image_id": photo, "category_id": 1, "bbox": [20, 20, 40, 40], "area": 1600, "iscrowd": 0, "segmentation": []}
    for photo in WITH_OBJECT
]
images = [{"id": photo, "file_name": f"{photo}.png", "width": 400, "height": 400} for photo in PHOTOS]
truth = write("truth.json", {"images": images, "annotations": objects, "categories": [{"id": 1, "name": "balloon"}]})
print("coco-froc-analysis", version("coco-froc-analysis"), "pycocotools", version("pycocotools"))
seen = []
for name, corner in {"on the objects": (20, 20), "in the opposite corner": (340, 340)}.items():
    results = write("found.json", found(*corner))
    with contextlib.redirect_stderr(io.StringIO()):  # bars of progress
        sensitivity, alarms = generate_froc_curve(truth, results, n_sample_points=2, plot_title=None)
        by_iou, _ = generate_froc_curve(truth, results, use_iou=True, iou_thres=0.5, n_sample_points=2, plot_title=None)
    counts = count_point(truth, results, 0.5, False)[1]
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(truth)
        evaluation = COCOeval(coco, coco.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    seen.append((sensitivity[1], alarms[1], by_iou[1], counts["TP"], counts["FN"], float(evaluation.stats[1].round(6))))
    print(f"detections {name}: sensitivity {sensitivity[1]}, by IoU {by_iou[1]}, false alarms per photo {alarms[1]};", end=" ")
    print(f"count of hits {counts['TP']}, of misses {counts['FN']}; AP50 of pycocotools {seen[-1][-1]:g}")
right, wrong = seen
expected = ([1.0, 1.0], [0.2, 0.0], [1.0, 1.0], 4, 0)
sys.exit(not (right == (*expected, 1.0) and wrong == (*expected, 0.0)))
PYTHON
echo "Detections beside every object get the FROC curve of a perfect model: sensitivity 1.0, and no more false alarms."
