#!/bin/bash
# Converting "CVAT for images 1.1" to COCO with Datumaro loses every ellipse and every turned box. The importer "cvat" does not know <ellipse>
# and passes over it; the exporter "coco_instances" passes over RotatedBbox, which the importer makes of a <box>
# with a rotation, though it writes boxes that are not turned. Of five objects three arrive. One would expect outlines, as CVAT's
# own export to COCO has them, or an error, or at least a line: nothing is reported. The photo keeps its place, so what was lost trains
# as background, and counts as false alarms of a model that finds it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'datumaro==1.13.12' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" > output.txt 2> messages.txt - <<'PYTHON'
import json
import os
import sys
from importlib.metadata import version

import datumaro
from PIL import Image

WIDTH, HEIGHT = 120, 100
SHAPES = """\
<polygon label="balloon" source="manual" occluded="0" points="10.00,60.00;30.00,60.00;30.00,80.00;10.00,80.00" z_order="0"></polygon>
<mask label="balloon" source="manual" occluded="0" rle="0, 100" left="90" top="10" width="10" height="10" z_order="0"></mask>
<box label="balloon" source="manual" occluded="0" xtl="90.00" ytl="70.00" xbr="110.00" ybr="90.00" z_order="0"></box>
<box label="balloon" source="manual" occluded="0" xtl="40.00" ytl="45.00" xbr="80.00" ybr="55.00" rotation="90.00" z_order="0"></box>
<ellipse label="balloon" source="manual" occluded="0" cx="20.00" cy="20.00" rx="10.00" ry="5.00" z_order="0"></ellipse>
"""
os.makedirs("source/images")
Image.new("RGB", (WIDTH, HEIGHT)).save("source/images/a.png")
with open("source/annotations.xml", "w") as file:
    file.write(f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version>
<meta><task><labels><label><name>balloon</name><type>any</type><attributes></attributes></label></labels></task></meta>
<image id="0" name="a.png" width="{WIDTH}" height="{HEIGHT}">
{SHAPES}</image></annotations>""")
dataset = datumaro.Dataset.import_from("source", "cvat")
kinds = sorted(type(each).__name__ for item in dataset for each in item.annotations)
dataset.export("target", "coco_instances")
(path,) = (os.path.join(root, name) for root, _, names in os.walk("target") for name in names if name.endswith(".json"))
with open(path) as file:
    boxes = sorted(each["bbox"] for each in json.load(file)["annotations"])
print("datumaro", version("datumaro"))
print("CVAT's file: polygon, mask, box, turned box, ellipse")
print("imported:", ", ".join(kinds))
print("boxes of the objects in the COCO file:", boxes)
right = kinds == ["Bbox", "Mask", "Polygon", "RotatedBbox"]
sys.exit(not (right and boxes == [[10.0, 60.0, 20.0, 20.0], [90.0, 10.0, 10.0, 10.0], [90.0, 70.0, 20.0, 20.0]]))
PYTHON
cat output.txt
if grep -qiE "ellipse|rotated|skip|unsupported|ignor" messages.txt; then cat messages.txt; exit 1; fi
echo "Of five shapes in CVAT's file, Datumaro's COCO file has three; no message names the others."
