#!/bin/bash
# A phone's photo that Pillow saves as JPEG XL by pillow-jxl-plugin stands upright for that plugin, and lies on its side for every other reader.
# JPEG XL keeps the orientation in its codestream, and its decoders turn by that alone; the plugin copies EXIF, even unasked, and leaves the
# codestream at "upright as stored". One would expect what pillow-heif does for HEIC: to set the format's own turn. Two
# decoders on libjxl, the library of browsers and editors, show it. Turn the pixels before saving (ImageOps.exif_transpose).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pillow==13.0.0' 'pillow-jxl-plugin==1.3.8' 'pillow-heif==1.8.1' 'imagecodecs==2026.3.6' \
    'pylibjxl==0.5.0' 'numpy<3' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import imagecodecs
import numpy as np
import pillow_heif
import pillow_jxl  # noqa: F401
import pylibjxl
from PIL import Image, ImageOps

TURNED = 6  # show it turned by a quarter to the right
pillow_heif.register_heif_opener()
photo = Image.new("RGB", (64, 48), (30, 30, 30))
photo.paste((230, 40, 40), (0, 0, 64, 12))  # the red edge is at the top as stored, at the right as seen
photo.getexif()[0x0112] = TURNED
for suffix in ("jxl", "heic", "avif"):
    photo.save(f"photo.{suffix}", exif=photo.getexif().tobytes())


def seen(pixels):
    """The size, and the side where the red edge is."""
    red = np.asarray(pixels)[..., 0] > 128
    sides = {"top": red[0], "bottom": red[-1], "left": red[:, 0], "right": red[:, -1]}
    return red.shape[::-1], max(sides, key=lambda side: sides[side].mean())


def by_pillow(name):
    with Image.open(name) as image:
        return seen(ImageOps.exif_transpose(image).convert("RGB"))


print(*(f"{name} {version(name)}" for name in ("pillow", "pillow-jxl-plugin", "pillow-heif", "imagecodecs", "pylibjxl")))
with open("photo.jxl", "rb") as file:
    data = file.read()
found = {
    "JPEG XL by the plugin, exif_transpose": by_pillow("photo.jxl"),
    "JPEG XL by imagecodecs (libjxl)": seen(imagecodecs.jpegxl_decode(data)),
    "JPEG XL by pylibjxl (libjxl)": seen(pylibjxl.decode(data)),
    "HEIC by Pillow": by_pillow("photo.heic"),
    "HEIC by libheif, which ignores EXIF": seen(pillow_heif.open_heif("photo.heic")),
    "AVIF by Pillow": by_pillow("photo.avif"),
}
for name, (size, side) in found.items():
    print(f"{name:40} {size[0]} x {size[1]}, red edge at the {side}")
upright, lying = ((48, 64), "right"), ((64, 48), "top")
on_side = {name for name, picture in found.items() if picture == lying}
rest = {name for name, picture in found.items() if picture == upright}
print("on its side:", sorted(on_side))
sys.exit(not (on_side == {"JPEG XL by imagecodecs (libjxl)", "JPEG XL by pylibjxl (libjxl)"} and len(on_side | rest) == len(found)))
PYTHON
echo "pillow-jxl-plugin leaves a turned photo's orientation to EXIF, which readers of JPEG XL ignore."
