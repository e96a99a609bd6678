#!/bin/bash
# labelme2coco takes each shape of LabelMe for an object, and does not look at group_id, by which LabelMe's shapes say that
# they are parts of one: a balloon behind a lamp post becomes two balloons, and a model learns to find halves. LabelMe's own
# example for COCO joins them. A rectangle gets no outline, so that a mask head learns nothing from it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'labelme2coco==0.2.6' 'sahi==0.12.8' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import json
import sys
from importlib.metadata import version
from pathlib import Path

from labelme2coco import get_coco_from_labelme_folder


def shape(kind, points, group):
    return {"label": "balloon", "points": points, "group_id": group, "shape_type": kind, "flags": {}}


parts = [
    shape("polygon", [[30, 5], [50, 5], [50, 12], [30, 12]], 1),
    shape("polygon", [[30, 20], [50, 20], [50, 32], [30, 32]], 1),
    shape("rectangle", [[5, 5], [25, 15]], None),
]
photo = {"version": "5.5.0", "flags": {}, "imagePath": "a.jpg", "imageData": None, "imageHeight": 40, "imageWidth": 60}
folder = Path("labels")
folder.mkdir()
(folder / "a.json").write_text(json.dumps({**photo, "shapes": parts}))
objects = get_coco_from_labelme_folder(str(folder)).json["annotations"]
print("labelme2coco", version("labelme2coco"))
print("one object of two polygons, and one rectangle, become", len(objects), "objects:")
for each in objects:
    print({key: each[key] for key in ("bbox", "segmentation", "area", "iscrowd")})
split = [len(each["segmentation"]) for each in objects] == [1, 1, 0]
sys.exit(not split)
PYTHON
echo "Two polygons of one group become two objects; a rectangle has no outline."
