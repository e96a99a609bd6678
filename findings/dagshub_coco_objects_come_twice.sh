#!/bin/bash
# DagsHub's converter reads the box and the mask of a COCO object as two annotations, which nothing joins again. Its copy of a COCO file has every
# object twice, once with a box and no mask, and once with a mask and no box; a Label Studio task made of it has a rectangle on top
# of each object, and a polygon for each part of it, all unrelated. YOLO's labels get pixels, where the format has fractions of the photo.
# Photos without objects are gone from the copy, and with them the false alarms there. One would expect as many objects and photos
# as in the source, boxes and masks together, and numbers up to 1 for YOLO; nothing is reported, but the annotations "of the wrong
# type" that YOLO leaves out. Here two objects, one of two parts, and a photo without any are read from COCO.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'dagshub-annotation-converter==0.3.0' 2>/dev/null
cd "$folder"
cat > convert.py <<'PYTHON'
import json
import sys
from importlib.metadata import version
from pathlib import Path

from dagshub_annotation_converter.converters.coco import export_to_coco_file, load_coco_from_file
from dagshub_annotation_converter.converters.yolo import export_to_fs
from dagshub_annotation_converter.formats.label_studio.task import LabelStudioTask
from dagshub_annotation_converter.formats.yolo import YoloContext


def square(x, y, side):
    return [x, y, x + side, y, x + side, y + side, x, y + side]


outlines = [square(10, 10, 20), square(50, 10, 20)], [square(60, 60, 30)]
boxes = [10, 10, 60, 20], [60, 60, 30, 30]
annotations = [
    {"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "area": 900, "bbox": box, "segmentation": outline}
    for number, (box, outline) in enumerate(zip(boxes, outlines), 1)
]
images = [{"id": number, "file_name": f"images/{name}.jpg", "width": 120, "height": 100} for number, name in ((1, "a"), (2, "empty"))]
Path("source.json").write_text(json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "balloon"}]}))

by_photo, context = load_coco_from_file("source.json")
read = [each for photo in by_photo.values() for each in photo]
export_to_coco_file(read, "copy.json", context)
copy = json.loads(Path("copy.json").read_text())
task = json.loads(LabelStudioTask.from_ir_annotations(read).model_dump_json())
yolo = YoloContext(annotation_type="segmentation", path=Path("data"))
yolo.categories.add("balloon")
export_to_fs(yolo, read, export_dir="yolo")
lines = Path("yolo/data/labels/a.txt").read_text().splitlines()

print("dagshub-annotation-converter", version("dagshub-annotation-converter"))
kinds = [sorted({"bbox", "segmentation"} & set(each)) for each in copy["annotations"]]
print(f"COCO, source: {len(images)} photos, {len(annotations)} objects with box and mask")
print(f"COCO, copy: {len(copy['images'])} photo, {len(kinds)} objects, with {kinds}")
shapes = [each["type"] for each in task["annotations"][0]["result"]]
print("Label Studio:", shapes)
print("YOLO:", *lines, sep="\n  ")
found = len(copy["images"]), kinds, sorted(shapes), [line.split()[1] for line in lines]
expected = 1, [["bbox"]] * 2 + [["segmentation"]] * 2, ["polygonlabels"] * 3 + ["rectanglelabels"] * 2, ["10.0", "50.0", "60.0"]
sys.exit(found != expected)
PYTHON
"$folder/venv/bin/python" -W ignore convert.py
echo "DagsHub's converter makes two objects of each in COCO: a box without a mask, and a mask without a box."
