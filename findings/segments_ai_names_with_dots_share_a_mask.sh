#!/bin/bash
# The dataset class of segments-ai, the client of Segments.ai, stores downloads under the sample's name up to its last dot, which it takes for
# the start of a file suffix. Samples named after a time or a frame number ("clip.0001", "clip.0002") share one file: all get the photo
# and the masks of the one that was read first. "a.jpg" and "a.png" keep their photos, and share the masks. One would expect the
# name, or the uuid that each sample has, to tell them apart; the export to COCO has the right number of images and objects, and
# the wrong masks, without a word. Here a local server hands out the files of a release with four samples. (Pillow 13 no longer stores
# such bitmaps, so that its users meet an error first; photos with polygons or boxes are mixed up there as well.)
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'segments-ai==1.33.0' 'pycocotools==2.0.11' 'scikit-image==0.26.0' 'pillow==12.2.0' 2>/dev/null
cd "$folder"
mkdir served
cat > export.py <<'PYTHON'
import contextlib
import functools
import http.server
import io
import json
import sys
import threading
from importlib.metadata import version
from pathlib import Path

import numpy as np
from PIL import Image
from pycocotools import mask as masks
from segments import SegmentsDataset
from segments.utils import export_dataset

WIDTH, HEIGHT = 120, 100


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *unused):
        pass


def sample(number, name, suffix, address):
    """One photo in a colour of its own, with one object in a place of its own, as a release of Segments.ai has it."""
    bitmap = np.zeros((HEIGHT, WIDTH), np.uint32)
    bitmap[10 : 10 + 10 * number, 10:30] = 1
    pixels = bitmap[..., None].view(np.uint8).copy()
    pixels[..., 3] = 255
    Image.fromarray(pixels).save(f"served/mask{number}.png")
    Image.new("RGB", (WIDTH, HEIGHT), (0, 40 * number, 0)).save(f"served/photo{number}{suffix}")
    label = {
        "label_status": "LABELED",
        "attributes": {
            "annotations": [{"id": 1, "category_id": 1}], "format_version": "0.1",
            "segmentation_bitmap": {"url": f"{address}/mask{number}.png"},
        },
    }
    image = {"image": {"url": f"{address}/photo{number}{suffix}"}}
    return {"name": name, "uuid": f"{number}", "metadata": {}, "attributes": image, "labels": {"ground-truth": label}}


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory="served"))
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_port}"
named = [("clip.0001", ".png"), ("clip.0002", ".png"), ("other.jpg", ".jpg"), ("other.png", ".png")]
samples = [sample(number, *each, address) for number, each in enumerate(named, 1)]
dataset = {
    "name": "balloons", "owner": "me", "task_type": "segmentation-bitmap", "labelsets": [{"name": "ground-truth"}],
    "task_attributes": {"categories": [{"id": 1, "name": "balloon"}]}, "samples": samples,
}
Path("release.json").write_text(json.dumps({"name": "v1", "dataset": dataset}))
with contextlib.redirect_stdout(io.StringIO()):
    # One after the other; with the default, 16 threads read them all, and the last to store wins.
    read = SegmentsDataset("release.json", preload=False)
    file, _ = export_dataset(read, export_format="coco-instance")
    colours = [round(each["image"].convert("RGB").getpixel((60, 90))[1] / 40) for each in read]
server.shutdown()
coco = json.loads(Path(file).read_text())
areas = [int(masks.area(each["segmentation"])) for each in coco["annotations"]]
print("segments-ai", version("segments-ai"), "pillow", version("pillow"))
for number, (name, _) in enumerate(named, 1):
    print(f"{name}: photo of sample {colours[number - 1]}, mask of {areas[number - 1]} pixels, where its own has {200 * number}")
sys.exit((colours, areas) != ([1, 1, 3, 4], [200, 200, 600, 600]))
PYTHON
"$folder/venv/bin/python" -W ignore export.py 2> log || { cat log; exit 1; }
echo "Samples of Segments.ai whose names differ only behind the last dot get one photo and one mask."
