#!/bin/bash
# LabelMe's shapes have no group unless a person gives one. ISAT (Segment Anything for labelling) converts LabelMe's files with group 0
# for all of them, and its export to COCO joins the objects of one class and group: three balloons of a photo become one annotation.
# Its export of instances to VOC draws group 0 as background, so that the mask is empty. One would expect three objects in both. The
# count of photos and the masks of a semantic export look right, and nothing is reported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --no-deps 'isat-sam==1.5.2' 2>/dev/null
"$folder/venv/bin/pip" install -q 'pycocotools==2.0.11' 'opencv-python-headless==4.12.0.88' 'scikit-image==0.25.2' 'imgviz==1.7.6' \
    'PyYAML==6.0.3' 'tqdm==4.67.1' 'pillow==12.0.0' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>/dev/null <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
from ISAT.formats.coco import COCO
from ISAT.formats.labelme import LABELME
from ISAT.formats.voc import VOC
from PIL import Image

for name in ("labelme", "isat", "voc"):
    Path(name).mkdir()
WIDTH, HEIGHT = 120, 40
shapes = [
    {"label": "balloon", "points": [[x, 10], [x + 20, 10], [x + 20, 30], [x, 30]], "group_id": None,
     "shape_type": "polygon", "flags": {}}
    for x in (10, 50, 90)
]
document = {"version": "6.1.2", "flags": {}, "shapes": shapes, "imagePath": "a.jpg", "imageData": None}
document |= {"imageHeight": HEIGHT, "imageWidth": WIDTH}
Path("labelme/a.json").write_text(json.dumps(document))

with contextlib.redirect_stdout(io.StringIO()):
    converter = LABELME()
    converter.read_from_LABELME("labelme")
    converter.save_to_ISAT("isat")
    coco = COCO()
    coco.read_from_ISAT("isat")
    coco.save_to_coco("coco.json", coco.cates)
    voc = VOC()
    voc.is_instance = True
    voc.read_from_ISAT("isat")
    voc.save_to_voc("voc")
annotations = json.loads(Path("coco.json").read_text())["annotations"]
numbers = np.unique(np.asarray(Image.open("voc/a.png"))).tolist()
parts = [len(each["segmentation"]) for each in annotations]
print("isat-sam", version("isat-sam"))
print(f"LabelMe: {len(shapes)} shapes; COCO: {len(annotations)} annotation of {parts} parts; VOC: numbers {numbers}")
sys.exit(not (len(annotations) == 1 and parts == [3] and numbers == [0]))
PYTHON
echo "Three balloons without a group become one annotation in COCO, and none in VOC's mask of instances."
