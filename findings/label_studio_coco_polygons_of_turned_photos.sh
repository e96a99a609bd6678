#!/bin/bash
# Label Studio's COCO export with images scatters the polygons of every photo that a phone took upright. Browsers turn a photo by its EXIF, so
# that outlines are drawn, and kept in percent, on the upright picture, 3000 x 4000. The exporter opens the file to know its size,
# gets it as stored, 4000 x 3000, and multiplies polygons by that, but rectangles by the size that Label Studio noted. One would expect one
# rule: here a polygon along the border of a rectangle comes out flat and beside it, with an IoU of 0.12, and the image has the
# size as stored. Without the files (export "COCO" without images), both are right. Nothing is reported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'label-studio-sdk==2.1.2' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import json
import sys
from importlib.metadata import version
from pathlib import Path

from label_studio_sdk.converter.converter import Converter
from PIL import Image

VIEW = (
    '<View><Image name="photo" value="$image"/><RectangleLabels name="box" toName="photo"><Label value="balloon"/></RectangleLabels>'
    '<PolygonLabels name="outline" toName="photo"><Label value="balloon"/></PolygonLabels></View>'
)
WIDTH, HEIGHT = 300, 400  # as a browser shows it
LEFT, TOP, RIGHT, BOTTOM = 50, 200, 150, 300


def save(path, turned):
    """The same photo upright, or as phones store it: on its side, with EXIF's orientation 6."""
    exif = Image.Exif()
    if turned:
        exif[0x0112] = 6
    Image.new("RGB", (HEIGHT, WIDTH) if turned else (WIDTH, HEIGHT)).save(path, exif=exif)


def task(path):
    """A rectangle and a polygon around the same object, as Label Studio's JSON export has them."""
    corners = [(LEFT, TOP), (RIGHT, TOP), (RIGHT, BOTTOM), (LEFT, BOTTOM)]
    shapes = {
        "rectanglelabels": {
            "x": 100 * LEFT / WIDTH, "y": 100 * TOP / HEIGHT,
            "width": 100 * (RIGHT - LEFT) / WIDTH, "height": 100 * (BOTTOM - TOP) / HEIGHT, "rotation": 0,
        },
        "polygonlabels": {"points": [[100 * x / WIDTH, 100 * y / HEIGHT] for x, y in corners]},
    }
    regions = [
        {"id": kind, "from_name": {"r": "box", "p": "outline"}[kind[0]], "to_name": "photo", "type": kind,
         "original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, "value": shape | {kind: ["balloon"]}}
        for kind, shape in shapes.items()
    ]  # fmt: skip
    annotation = {"id": 1, "completed_by": 1, "was_cancelled": False, "result": regions}
    return {"id": 1, "data": {"image": str(path.resolve())}, "annotations": [annotation], "predictions": []}


def iou(one, other):
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(across, 0) * max(down, 0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


print("label-studio-sdk", version("label-studio-sdk"))
found = {}
for name, stored in {"upright": False, "turned": True, "missing": None}.items():
    path = Path(f"{name}.jpg")
    if stored is not None:
        save(path, stored)
    Path("tasks.json").write_text(json.dumps([task(path)]))
    Converter(VIEW, ".", download_resources=False).convert_to_coco("tasks.json", name, is_dir=False)
    coco = json.loads(Path(name, "result.json").read_text())
    size = [coco["images"][0][side] for side in ("width", "height")]
    rectangle, polygon = ([round(each) for each in annotation["bbox"]] for annotation in coco["annotations"])
    found[name] = round(iou(rectangle, polygon), 2)
    print(f"{name} photo: size {size}, rectangle {rectangle}, box of the polygon {polygon}: IoU {found[name]}")
sys.exit(found != {"upright": 1.0, "turned": 0.12, "missing": 1.0})
PYTHON
echo "Label Studio's COCO export multiplies polygons by the size as stored, and rectangles by the size as shown."
