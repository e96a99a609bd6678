#!/bin/bash
# A COCO file that PyLabel reads and writes again is evaluated wrong. Masks as run lengths are gone: the copy has the object with its box
# and no segmentation. All are numbered from 0, and pycocotools, which notes the id of the object that a detection matches, takes 0 for
# "no match": the first object of the file is never found, and the detection that found it is a false alarm. One would expect the masks and ids
# of the source, or an error; nothing is reported. Here perfect predictions for two polygons score 1.0 on the source.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pylabel==0.1.55' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2> /dev/null <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version

from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from pylabel import importer

WIDTH, HEIGHT = 120, 100


def square(x, y, side):
    return [[x, y, x + side, y, x + side, y + side, x, y + side]]


Image.new("RGB", (WIDTH, HEIGHT)).save("a.png")
objects = [square(10, 10, 20), square(50, 50, 30), {"size": [HEIGHT, WIDTH], "counts": [9010, 40, 2950]}]
boxes = [[10, 10, 20, 20], [50, 50, 30, 30], [90, 10, 1, 40]]
annotations = [
    {"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": box[2] * box[3], "bbox": box, "segmentation": each}
    for number, (each, box) in enumerate(zip(objects, boxes), 1)
]
images = [{"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
categories = [{"id": 1, "name": "balloon", "supercategory": ""}]
with open("source.json", "w") as file:
    json.dump({"images": images, "annotations": annotations, "categories": categories}, file)
with contextlib.redirect_stdout(io.StringIO()):
    importer.ImportCoco("source.json", path_to_images=".").export.ExportToCoco(output_path="copy.json")


def average_precision(document):
    """The mask AP of the two polygons as predictions for themselves."""
    outlined = [each for each in document["annotations"] if isinstance(each.get("segmentation"), list)]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {"info": {}, **document, "annotations": outlined}
        truth.createIndex()
        kept = ("image_id", "category_id", "segmentation", "bbox")
        found = [{key: each[key] for key in kept} | {"score": 0.9} for each in outlined]
        evaluation = COCOeval(truth, truth.loadRes(found), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return round(float(evaluation.stats[0]), 3)


print("pylabel", version("pylabel"), "pycocotools", version("pycocotools"))
found = {}
for name in ("source", "copy"):
    with open(f"{name}.json") as file:
        document = json.load(file)
    ids = [each["id"] for each in document["annotations"]]
    masks = sum(bool(each.get("segmentation")) for each in document["annotations"])
    found[name] = (ids, masks, average_precision(document))
    print(f"{name:6} ids {ids}, {masks} with a segmentation, mask AP of perfect predictions for the polygons {found[name][2]}")
sys.exit(not (found["source"] == ([1, 2, 3], 3, 1.0) and found["copy"][0][0] == 0 and found["copy"][1] == 2 and found["copy"][2] < 0.6))
PYTHON
echo "PyLabel's copy of a COCO file has no run lengths, and pycocotools never finds its first object."
