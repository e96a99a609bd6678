#!/bin/bash
# A COCO file that hotcoco exports to CVAT's XML or to Open Images has other objects than before. In the XML, masks as run lengths become boxes, though
# CVAT has <mask>; an object of two polygons becomes two objects, without CVAT's group; a crowd becomes an ordinary box, to be learnt as one
# object. In Open Images' CSV the crowd has IsGroupOf 0, the very flag for it. One would expect the crowd left out with a count, as hotcoco's own
# to_yolo() does, or marked, as its to_voc() does ("difficult"). The counts that are returned say that nothing was skipped. What a colleague corrects in
# CVAT and sends back by from_cvat() is evaluated against four objects in place of two.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'hotcoco==1.3.0' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import csv
import json
import sys
from importlib.metadata import version
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from hotcoco import COCO
from pycocotools import mask as masks

HEIGHT, WIDTH = 100, 200
rows, columns = np.mgrid[:HEIGHT, :WIDTH]
distance = np.hypot(rows - 50, columns - 50)


def run_lengths(mask):
    found = masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": found["size"], "counts": found["counts"].decode()}


def rectangle(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


kinds = {
    "ring": (run_lengths((distance <= 30) & (distance > 15)), 0),
    "behind a pole": ([rectangle(100, 10, 115, 80), rectangle(125, 10, 140, 80)], 0),
    "crowd": (run_lengths((columns > 160) & (rows > 20) & ((rows + columns) % 20 < 10)), 1),
}
annotations = []
for number, (segmentation, crowd) in enumerate(kinds.values(), 1):
    whole = segmentation if crowd or isinstance(segmentation, dict) else masks.merge(masks.frPyObjects(segmentation, HEIGHT, WIDTH))
    annotations.append({
        "id": number, "image_id": 1, "category_id": 1, "iscrowd": crowd, "segmentation": segmentation,
        "bbox": masks.toBbox(whole).tolist(), "area": int(masks.area(whole)),
    })  # fmt: skip
Path("coco.json").write_text(json.dumps({
    "images": [{"id": 1, "file_name": "a.jpg", "width": WIDTH, "height": HEIGHT}],
    "categories": [{"id": 1, "name": "balloon"}], "annotations": annotations,
}))  # fmt: skip
source = COCO("coco.json")
counts = {"to_cvat": source.to_cvat("cvat.xml"), "to_oid": source.to_oid("oid.csv")}
shapes = [each.tag for each in ElementTree.parse("cvat.xml").find("image")]
groups = [each.get("group_id") for each in ElementTree.parse("cvat.xml").find("image")]
with open("oid.csv") as file:
    group_of = [row["IsGroupOf"] for row in csv.DictReader(file)]
back = COCO.from_cvat("cvat.xml").dataset["annotations"]
ordinary = [sum(not each["iscrowd"] for each in every) for every in (annotations, back)]
print("hotcoco", version("hotcoco"), "pycocotools", version("pycocotools"))
print("objects:", ", ".join(kinds))
for name, each in counts.items():
    print(f"{name}() returns {each}")
print(f"CVAT's shapes: {shapes}, groups: {groups}; Open Images' IsGroupOf: {group_of}")
print(f"ordinary objects before and after CVAT: {ordinary}")
expected = ["box", "polygon", "polygon", "box"], [None] * 4, ["0"] * 3, [2, 4]
sys.exit((shapes, groups, group_of, ordinary) != expected or any(counts["to_cvat"][key] for key in counts["to_cvat"] if "skipped" in key))
PYTHON
echo "hotcoco's CVAT export makes boxes of masks, two objects of one in two parts, and ordinary objects of crowds."
