#!/bin/bash
# dataflow-cv, a converter between YOLO, LabelMe and COCO, writes rectangles for every object of a COCO file that has a mask. YOLO's and LabelMe's
# writers take the box where there is one, and the outline where there is none; COCO has a `bbox` for each object, and its own conversion from
# LabelMe adds one. So polygons arrive from LabelMe in YOLO's labels directly, and are gone by way of COCO: a class and four numbers, which train
# detection, not segmentation. One would expect the outlines, or an error; the status is "Success", with a count of objects. Its filter
# by classes, COCO in and COCO out, keeps masks, but joins the polygons of an object to a single one, which covers part of the gap between
# them, and writes the area of the box as `area`, by which COCO's evaluation sorts objects into small, medium and large.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'dataflow-cv==3.0.0' 'pycocotools==2.0.11' 'opencv-python==4.14.0.94' 'numpy<3' 'pillow==13.0.0' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as masks

HEIGHT, WIDTH = 100, 160
y, x = np.mgrid[:HEIGHT, :WIDTH]


def square(left, top, width, height):
    return [[left, top], [left + width, top], [left + width, top + height], [left, top + height]]


def convert(*arguments):
    command = [str(Path(sys.executable).parent / "dataflow-cv"), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def of_file(name):
    return json.loads(Path(name).read_text())


def run_lengths(mask):
    encoded = masks.encode(np.asfortranarray(np.uint8(mask)))
    return {"size": encoded["size"], "counts": encoded["counts"].decode()}


def filled(segmentation):
    if isinstance(segmentation, list):
        segmentation = masks.merge(masks.frPyObjects(segmentation, HEIGHT, WIDTH))
    return masks.decode(segmentation) > 0


Path("photos").mkdir()
Image.new("RGB", (WIDTH, HEIGHT)).save("photos/a.png")
Path("classes.txt").write_text("balloon\n")
triangle = [[20, 90], [60, 90], [40, 15]]
shape = {"label": "balloon", "points": triangle, "group_id": None, "shape_type": "polygon", "flags": {}}
labelme = {"version": "5.5.0", "flags": {}, "shapes": [shape], "imagePath": "a.png", "imageData": None}
Path("photos/a.json").write_text(json.dumps({**labelme, "imageHeight": HEIGHT, "imageWidth": WIDTH}))
print("dataflow-cv", version("dataflow-cv"))
convert("convert", "labelme2yolo", "photos", "classes.txt", "direct")
convert("convert", "labelme2coco", "photos", "classes.txt", "coco.json")
(between,) = of_file("coco.json")["annotations"]
said = convert("convert", "coco2yolo", "coco.json", "by_coco")
convert("convert", "coco2labelme", "coco.json", "back")
lines = {name: next(Path(name).rglob("a.txt")).read_text().split() for name in ("direct", "by_coco")}
back = next(Path("back").rglob("*.json"))
kind = of_file(back)["shapes"][0]["shape_type"]
print(f"a triangle of LabelMe; as YOLO's label, {len(lines['direct']) - 1} numbers; in COCO, polygon {between['segmentation']}, box {between['bbox']}")
print(f"that COCO file as YOLO's label, {len(lines['by_coco']) - 1} numbers: {' '.join(lines['by_coco'])}; as LabelMe's shape, a {kind}")
print("what it says:", *(line.strip() for line in said.splitlines() if "Status" in line or "Objects" in line or "WARN" in line), sep="\n  ")
right = len(lines["direct"]) == 7 and len(lines["by_coco"]) == 5 and kind == "rectangle" and "Success" in said

two = np.zeros((HEIGHT, WIDTH), bool)
two[20:80, 10:30] = two[20:80, 50:70] = True
parts = [sum(square(left, 20, 20, 60), []) for left in (10, 50)]
distance = (x - 120) ** 2 + (y - 50) ** 2
ring = (distance < 30**2) & (distance > 15**2)
given = {"two parts": (two, parts), "ring": (ring, run_lengths(ring))}
annotations = []
for number, (mask, segmentation) in enumerate(given.values(), 1):
    rows, columns = np.nonzero(mask)
    box = [int(each) for each in (columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1)]
    annotations.append({"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": box, "area": int(mask.sum()), "segmentation": segmentation})
photo = {"id": 1, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}
source = {"images": [photo], "categories": [{"id": 1, "name": "balloon"}], "annotations": annotations}
Path("source.json").write_text(json.dumps(source))
convert("analyse", "filter", "source.json", "classes.txt", "classes.txt", "filtered")
copies = of_file("filtered/source.json")["annotations"]
found = {}
for (name, (mask, _)), copy in zip(given.items(), copies):
    drawn = filled(copy["segmentation"])
    overlap = round(float((drawn & mask).sum() / (drawn | mask).sum()), 2)
    found[name] = overlap, int(mask.sum()), int(copy["area"])
    print(f"filtered COCO file, {name}: IoU of the mask {overlap}, area {found[name][1]} in the source, {found[name][2]} in the copy")
right &= found["two parts"][0] < 0.8 and all(area > 1.2 * true for _, true, area in found.values())
sys.exit(not right)
PYTHON
echo "dataflow-cv writes boxes in place of a COCO file's masks, and joins the parts of an object."
