#!/bin/bash
# webdataset's decode("pil") is not Pillow's Image.open(): each picture of a shard becomes RGB, label maps too. In a PNG of 16 bits, as instance masks
# have for more than 255 objects, every id above 255 becomes 255 (Pillow clips), so that all these objects are one; in a PNG with a palette, as VOC's
# masks are, numbers of classes become the palette's colours. decode("l8") makes greys of these colours, where two classes may be equal.
# One would expect the image as it was stored: with the first 255 objects right, a small shard shows nothing, and nothing is
# reported. Open the bytes of masks: `decode("pil", only=["jpg"])`, then Image.open(BytesIO(sample["mask.png"])).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'webdataset==1.0.2' 'pillow==13.0.0' 'numpy<3' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import numpy as np
import webdataset
from PIL import Image

ids = np.array([[0, 1, 255], [256, 300, 4000]], np.uint16)
classes = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
palette = Image.fromarray(classes)
palette.putpalette([0, 0, 0, 110, 0, 0, 0, 56, 0])  # black, a red and a green, equally bright
stored = {"ids.png": Image.fromarray(ids), "classes.png": palette}


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


with webdataset.TarWriter("shard.tar") as shard:
    shard.write({"__key__": "photo", **{name: png(image) for name, image in stored.items()}})


def read(how, **options):
    return next(iter(webdataset.WebDataset("shard.tar", shardshuffle=False).decode(how, **options)))


by_pil, by_l8, raw = read("pil"), read("l8"), read("pil", only=["jpg"])
clipped = np.asarray(by_pil["ids.png"])
coloured = np.asarray(by_pil["classes.png"])
greys = np.asarray(by_l8["classes.png"])
itself = [np.asarray(Image.open(io.BytesIO(raw[name]))) for name in stored]
print("webdataset", version("webdataset"), "Pillow", version("pillow"))
print(f"ids {ids.ravel().tolist()} -> {by_pil['ids.png'].mode}, first channel {clipped[..., 0].ravel().tolist()}")
print(f"classes {classes.ravel().tolist()} -> {by_pil['classes.png'].mode}, {coloured.reshape(-1, 3).tolist()}")
print(f"the same, by l8: {greys.ravel().tolist()}")
print("opened from the bytes, as stored:", [np.array_equal(*pair) for pair in zip(itself, (ids, classes))])
sys.exit(not (
    clipped[..., 0].ravel().tolist() == [0, 1, 255, 255, 255, 255]
    and coloured.reshape(-1, 3).tolist()[:3] == [[0, 0, 0], [110, 0, 0], [0, 56, 0]]
    and greys[0, 1] == greys[0, 2] > 0
    and all(np.array_equal(*pair) for pair in zip(itself, (ids, classes)))
))  # fmt: skip
PYTHON
echo "decode(\"pil\") gives instance ids above 255 the value 255, and classes the colours of their palette."
