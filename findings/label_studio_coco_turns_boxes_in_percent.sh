#!/bin/bash
# Label Studio's export to COCO puts turned rectangles in the wrong place on every photo that is not square. Label Studio keeps a rectangle
# in percent of the photo's sides, and its exporter turns it in percent, too, before it multiplies: a percent of 16:9 is wider than it is
# high, so that the turned box becomes too wide and too flat, and moves. One would expect the box around the four corners, which
# the same package's "YOLO OBB" has right; a square photo shows nothing, nor does a rectangle that was not turned. Here the box of
# an object of 400 x 100 at 45 degrees keeps an IoU of 0.76 with the right one at 4:3, and 0.59 at 16:9; nothing is reported.
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
    '<View><Image name="photo" value="$image"/><RectangleLabels name="shape" toName="photo">'
    '<Label value="balloon"/></RectangleLabels></View>'
)
SIZES = ((1200, 1200), (1600, 1200), (1920, 1080))
SIDES, TURN = (400, 100), 45  # pixels of the object, which is turned about its first corner, and degrees


def task(number, width, height):
    """One photo with a rectangle, as Label Studio's JSON export has it."""
    Image.new("RGB", (width, height)).save(f"{number}.jpg")
    value = {
        "x": 50, "y": 30, "width": 100 * SIDES[0] / width, "height": 100 * SIDES[1] / height,
        "rotation": TURN, "rectanglelabels": ["balloon"],
    }
    region = {
        "id": "a", "from_name": "shape", "to_name": "photo", "type": "rectanglelabels", "value": value,
        "original_width": width, "original_height": height, "image_rotation": 0,
    }
    return {
        "id": number, "data": {"image": str(Path(f"{number}.jpg").resolve())}, "predictions": [],
        "annotations": [{"id": number, "completed_by": 1, "was_cancelled": False, "result": [region]}],
    }


def iou(one, other):
    across = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    down = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    both = max(across, 0) * max(down, 0)
    return both / (one[2] * one[3] + other[2] * other[3] - both)


Path("tasks.json").write_text(json.dumps([task(number, *size) for number, size in enumerate(SIZES)]))
converter = Converter(VIEW, ".", download_resources=False)
converter.convert_to_coco("tasks.json", "coco", is_dir=False)
converter.convert_to_yolo("tasks.json", "obb", is_dir=False, is_obb=True)
boxes = [each["bbox"] for each in json.loads(Path("coco/result.json").read_text())["annotations"]]

print("label-studio-sdk", version("label-studio-sdk"))
found = []
for number, ((width, height), box) in enumerate(zip(SIZES, boxes)):
    corners = [float(each) for each in Path(f"obb/labels/{number}.txt").read_text().split()[1:]]
    across = [each * width for each in corners[::2]]
    down = [each * height for each in corners[1::2]]
    around = [min(across), min(down), max(across) - min(across), max(down) - min(down)]
    found.append(round(iou(box, around), 2))
    print(f"{width} x {height}: box of COCO {[round(each) for each in box]}, around the corners of YOLO OBB "
          f"{[round(each) for each in around]}: IoU {found[-1]}")
sys.exit(found != [1.0, 0.76, 0.59])
PYTHON
echo "Label Studio's COCO export turns rectangles in percent, and so misplaces their boxes on photos that are not square."
