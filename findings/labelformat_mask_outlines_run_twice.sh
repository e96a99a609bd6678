#!/bin/bash
# labelformat's way from mask images to polygons, the input format `maskpair`, walks around every object twice, and writes both rounds as one
# polygon. Whoever fills it by the rule of even and odd, as OpenCV, pycocotools and Pillow do, crosses each edge twice, and is outside again:
# a model is trained on empty masks, or on bare outlines. One would expect a polygon that fills the object, up to half a pixel at
# its border; the conversion reports nothing, and neither its boxes nor the outline drawn on the photo give it away. Here masks of
# three objects become YOLO's labels and a COCO file, by the command line.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'labelformat==0.1.17' 'pycocotools==2.0.11' 'opencv-python-headless==4.14.0.94' 2>/dev/null
cd "$folder"
mkdir images masks
cat > compare.py <<'PYTHON'
import json
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw
from pycocotools import mask as masks

HEIGHT, WIDTH = 100, 120
y, x = np.mgrid[:HEIGHT, :WIDTH]
objects = {
    "disc": (x - 60) ** 2 + (y - 50) ** 2 < 900,
    "rectangle": (x >= 20) & (x < 70) & (y >= 10) & (y < 50),
    "L": (x >= 20) & (x < 70) & (y >= 10) & (y < 80) & ((x < 40) | (y >= 60)),
}
for name, mask in objects.items():
    Image.fromarray(np.uint8(mask) * 255).save(f"masks/{name}.png")
    Image.new("RGB", (WIDTH, HEIGHT)).save(f"images/{name}.png")
given = ["--task", "instance-segmentation", "--input-format", "maskpair", "--image-glob", "images/*.png", "--mask-glob", "masks/*.png"]
given += ["--base-path", ".", "--category-names", "balloon"]
for written in (["yolov8", "--output-file", "yolo/data.yaml"], ["coco", "--output-file", "coco.json"]):
    command = [str(Path(sys.executable).parent / "labelformat"), "convert", *given, "--output-format", *written]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
coco = json.loads(Path("coco.json").read_text())
names = {each["id"]: Path(each["file_name"]).stem for each in coco["images"]}


def filled(polygon):
    """The same polygon, (N, 2), filled by three programs."""
    by_opencv = cv2.fillPoly(np.zeros((HEIGHT, WIDTH), np.uint8), [np.int32(np.round(polygon))], 1)
    by_pillow = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(by_pillow).polygon([tuple(each) for each in polygon], fill=1)
    by_pycocotools = masks.decode(masks.frPyObjects([polygon.ravel().tolist()], HEIGHT, WIDTH))[:, :, 0]
    return {"OpenCV": by_opencv, "Pillow": np.array(by_pillow), "pycocotools": by_pycocotools}


def iou(mask, other):
    return round(float((mask & other).sum() / (mask | other).sum()), 2)


print(*(f"{each} {version(each)}" for each in ("labelformat", "pycocotools", "opencv-python-headless", "pillow")))
right = True
for annotation in coco["annotations"]:
    name = names[annotation["image_id"]]
    mask = np.uint8(objects[name])
    line = Path(f"yolo/labels/{name}.txt").read_text().split()[1:]
    for kind, numbers in ("YOLO", np.float64(line) * ([WIDTH, HEIGHT] * (len(line) // 2))), ("COCO", annotation["segmentation"][0]):
        polygon = np.reshape(numbers, (-1, 2)).astype(float)
        once = polygon[: len(polygon) // 2]
        both, single = ({by: iou(each, mask) for by, each in filled(part).items()} for part in (polygon, once))
        print(f"{name:9} {kind}: {len(polygon)} corners, IoU with the mask {both}; the first half of them {single}")
        right &= max(both.values()) < 0.2 and both["pycocotools"] == 0 and min(single.values()) > 0.85
sys.exit(not right)
PYTHON
"$folder/venv/bin/python" -W ignore compare.py
echo "labelformat's polygons of mask images run around each object twice, so that they fill nothing."
