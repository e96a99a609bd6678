#!/bin/bash
# Detectron2 trains on TIFF photos that lie on their side. Its read_image() turns a photo by EXIF's orientation, which it asks for before the pixels
# are read. Pillow turns TIFF by itself, unlike JPEG, PNG and WebP: the size is upright from open() on, the orientation stays until the pixels
# are read. So the photo is turned twice, by half a turn in place of a quarter. One would expect what JPEG, PNG and WebP with the same EXIF
# give; nothing is reported unless the annotations have a size that no longer fits, since sides are exchanged; turned by 180 degrees the
# size fits, and masks lie upside down. The same is true of any code that looks at getexif() and then calls transpose() or rotate(), and of
# code that exchanges `image.size` by it. Take ImageOps.exif_transpose(), which reads the pixels first.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.11.0' 'torchvision==0.26.0' 'pillow==13.0.0' 'numpy<3' 'fvcore==0.1.5.post20221221' \
    'iopath==0.1.10' 'omegaconf==2.3.1' 'cloudpickle' 'matplotlib' 'pycocotools' 'tensorboard' 2>/dev/null
# Detectron2's Python code as a wheel, marked for one Python.
"$folder/venv/bin/pip" install -q --no-deps --only-binary=:all: --python-version 3.10 --target "$folder/detectron2" 'sal-detectron2==0.7.2' \
    2>/dev/null
export PYTHONPATH="$folder/detectron2"
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>messages.txt <<'PYTHON' || { tail -5 messages.txt; exit 1; }
import sys
from importlib.metadata import version

import numpy as np
from detectron2.data.detection_utils import read_image
from PIL import ExifTags, Image, ImageOps

stored = np.zeros((60, 80, 3), np.uint8)
stored[:20, :20] = 255  # the upper left corner, as stored


def corner(pixels):
    """Where the white corner is, and the size."""
    row, column = (int(each.mean()) for each in np.nonzero(pixels[..., 0] > 128))
    return ("upper" if row < len(pixels) / 2 else "lower") + (" left" if column < pixels.shape[1] / 2 else " right"), pixels.shape[1::-1]


found = {}
print("Detectron2 as sal-detectron2", version("sal-detectron2"), "Pillow", version("pillow"))
for turn, orientation in {"a quarter": 6, "a half": 3}.items():
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        name = f"{orientation}.{kind.lower()}"
        Image.fromarray(stored).save(name, kind, exif=exif)
        with Image.open(name) as image:
            size, still = image.size, image.getexif()[ExifTags.Base.Orientation]
            upright = corner(np.asarray(ImageOps.exif_transpose(image)))
        given = corner(read_image(name, "RGB"))
        found[turn, kind] = given == upright
        print(f"{turn} turn, {kind:4}: opened as {size} with orientation {still}, shown with white {upright}, read_image {given}")
sys.exit(found != {(turn, kind): kind != "TIFF" for turn in ("a quarter", "a half") for kind in ("JPEG", "PNG", "WEBP", "TIFF")})
PYTHON
echo "Detectron2's read_image turns TIFF photos twice."
