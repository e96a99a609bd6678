#!/bin/bash
# Kili's converter to COCO (kili-formats) makes an object of its own of each part of a segmented object, though the parts share one id
# ("mid"), by which the same package joins them for GeoJSON: a balloon behind a pole counts as two balloons. A hole becomes a second
# polygon of its object, which COCO's rules fill, while "area" is that of the object with its hole: area and mask disagree, and no
# tool compares them. One would expect one annotation per id, and run lengths where an object has a hole. Nothing is reported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'kili-formats[coco,image]==1.7.1' 'pycocotools==2.0.11' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

from kili_formats.format.coco import convert_from_kili_to_coco_format
from kili_formats.format.geojson import convert_from_kili_to_geojson_format
from pycocotools import mask as coco_mask

WIDTH, HEIGHT = 240, 100


def rectangle(x, y, width, height):
    corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    return {"normalizedVertices": [{"x": left / WIDTH, "y": top / HEIGHT} for left, top in corners]}


def part(mid, *rings):
    categories = [{"name": "BALLOON", "confidence": 100}]
    return {"mid": mid, "type": "semantic", "categories": categories, "boundingPoly": list(rings), "children": {}}


annotations = [
    part("whole", rectangle(10, 10, 40, 60)),
    part("behind a pole", rectangle(70, 10, 20, 60)),
    part("behind a pole", rectangle(100, 10, 20, 60)),
    part("with a hole", rectangle(150, 10, 60, 60), rectangle(170, 30, 20, 20)),
]
response = {"JOB_0": {"annotations": annotations}}
job = {"content": {"categories": {"BALLOON": {"name": "Balloon"}}}, "mlTask": "OBJECT_DETECTION", "tools": ["semantic"]}
photo = {"externalId": "a.png", "content": "", "resolution": {"width": WIDTH, "height": HEIGHT}}
asset = {**photo, "latestLabel": {"jsonResponse": response}}
made = convert_from_kili_to_coco_format({"JOB_0": job}, [asset], "balloons", "IMAGE", None, False)["annotations"]
features = convert_from_kili_to_geojson_format(response)["features"]
masks = [coco_mask.merge(coco_mask.frPyObjects(each["segmentation"], HEIGHT, WIDTH)) for each in made]
pixels = [int(coco_mask.area(each)) for each in masks]
areas = [float(each["area"]) for each in made]
print("kili-formats", version("kili-formats"), "pycocotools", version("pycocotools"))
print(f"3 objects; features in GeoJSON: {len(features)}; annotations in COCO: {len(made)}")
for area, count in zip(areas, pixels):
    print(f"area {area:g}; its mask has {count} pixels")
sys.exit(not (len(features) == 3 and len(made) == 4 and areas[-1] == 3200 and pixels[-1] == 3600))
PYTHON
echo "Three objects become four annotations in COCO, three features in GeoJSON; the hole is filled, though the area leaves it out."
