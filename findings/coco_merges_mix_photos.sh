#!/bin/bash
# Two tools that merge COCO files put the objects of one photo on another. coco-assistant numbers the photos of the second set on from
# the LAST photo of the first, not from the largest id: where ids are not sorted, as exporters that hash or shuffle write them, two
# photos get one id, and each gets the objects of both. pycocowriter (adapted from pyodi) takes photos of one name in two
# sets, 0001.jpg in each, for one photo, even where their sizes differ. Both report success. One would expect ids beyond the largest,
# and photos of two sets kept apart or refused.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'coco-assistant==0.3.5' 'pycocowriter==0.5.6' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from coco_assistant import COCO_Assistant
from PIL import Image
from pycocotools.coco import COCO
from pycocowriter.cocomerge import coco_merge


def dataset(photos):
    """One object per photo; ``photos`` is a list of (id, file name, width)."""
    images = [{"id": key, "file_name": name, "width": width, "height": 60} for key, name, width in photos]
    square = [10, 10, 30, 10, 30, 30, 10, 30]
    annotations = [
        {"id": key, "image_id": key, "category_id": 1, "segmentation": [square], "bbox": [10, 10, 20, 20], "area": 400, "iscrowd": 0}
        for key, _, _ in photos
    ]
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "balloon"}]}


sets = {"a": dataset([(3, "a3.png", 80), (1, "a1.png", 80)]), "b": dataset([(1, "b1.png", 80), (2, "b2.png", 80)])}
for name, content in sets.items():
    Path("images", name).mkdir(parents=True)
    Path("annotations").mkdir(exist_ok=True)
    Path("annotations", f"{name}.json").write_text(json.dumps(content))
    for image in content["images"]:
        Image.new("RGB", (80, 60)).save(Path("images", name, image["file_name"]))
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    COCO_Assistant("images", "annotations").merge()
    merged = COCO("results/merged/annotations/merged.json")
names = {}
for image in merged.dataset["images"]:
    names.setdefault(image["id"], []).append(image["file_name"])
shared = {key: sorted(found) for key, found in names.items() if len(found) > 1}
objects = {key: len(merged.getAnnIds(imgIds=[key])) for key in shared}
print("coco-assistant", version("coco-assistant"))
for key, found in shared.items():
    print(f"  photos with the id {key}: {', '.join(found)}; objects of each: {objects[key]}, of one before")

joined = coco_merge(dataset([(1, "0001.jpg", 80)]), dataset([(1, "0001.jpg", 200)]))
widths = [image["width"] for image in joined["images"]]
on_it = [each["image_id"] for each in joined["annotations"]]
print("pycocowriter", version("pycocowriter"))
print(f"  photos 0001.jpg of widths 80 and 200 become {len(widths)} of width {widths[0]} with {len(on_it)} objects")
sys.exit(not (shared == {3: ["a3.png", "b2.png"]} and objects == {3: 2} and widths == [80] and on_it == [1, 1]))
PYTHON
echo "Both tools put the objects of one photo on another one."
