#!/bin/bash
# Hugging Face's datasets stores the file in place of the picture that it is given. Of a PIL image that was opened from a path it keeps the path
# alone, and never looks at the pixels; the file is read again with the row. All that was done to the same Image object is gone: what
# was drawn, pasted or blacked out, the size of a thumbnail, and the page of a TIFF that was chosen, in whose place the first comes.
# `map`, the usual way to edit a set, loses it, too, where the images of the set came from files. One would expect the pixels in memory,
# which images made by copy() or fromarray() keep. Nothing is reported; the columns beside it, such as masks and boxes of the
# page or of the thumbnail, are those of the edited picture.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'datasets==5.2.0' 'pillow==13.0.0' 'numpy<3' 2>/dev/null
cd "$folder"
export HF_HOME="$folder/cache" HF_DATASETS_DISABLE_PROGRESS_BARS=1 HF_HUB_OFFLINE=1
"$folder/venv/bin/python" -W ignore - 2>messages.txt <<'PYTHON' || { tail -5 messages.txt; exit 1; }
import sys
from importlib.metadata import version

import numpy as np
from datasets import Dataset, Features, Image
from PIL import Image as pil
from PIL import ImageDraw, ImageSequence

SIDE = 64
pil.new("L", (SIDE, SIDE), 255).save("white.png")
pages = [pil.new("L", (8, 8), level) for level in (10, 60, 110)]
pages[0].save("pages.tif", save_all=True, append_images=pages[1:])


def blacked_out(image):
    ImageDraw.Draw(image).rectangle((0, 0, SIDE, SIDE), fill=0)
    return image


def looks(rows):
    """Width and mean of each image."""
    return [(row["image"].width, round(float(np.asarray(row["image"]).mean()))) for row in rows]


def stored(*images):
    return looks(Dataset.from_dict({"image": list(images)}, features=Features({"image": Image()})))


def small(image):
    image.thumbnail((16, 16))
    return image


of_files = Dataset.from_dict({"image": ["white.png"]}).cast_column("image", Image())
split = Dataset.from_generator(
    lambda: ({"level": page.getpixel((0, 0)), "image": page} for page in ImageSequence.Iterator(pil.open("pages.tif")))
)
found = {
    "white, blacked out": stored(blacked_out(pil.open("white.png"))),
    "the same, in map()": looks(of_files.map(lambda row: {"image": blacked_out(row["image"])})),
    "a thumbnail of 16": stored(small(pil.open("white.png"))),
    "pages of 10, 60, 110": looks(split),
    "a copy, blacked out": stored(blacked_out(pil.open("white.png").copy())),
}
print("datasets", version("datasets"), "Pillow", version("pillow"))
for name, values in found.items():
    print(f"{name:20} -> " + ", ".join(f"{width} pixels wide, mean {mean}" for width, mean in values))
print("levels of the pages, in a column beside the image:", split["level"][:])
white = [(SIDE, 255)]
sys.exit(list(found.values()) != [white, white, white, [(8, 10)] * 3, [(SIDE, 0)]] or split["level"][:] != [10, 60, 110])
PYTHON
echo "datasets stores the path of an image, and so the picture before it was edited, and the first page in place of each."
