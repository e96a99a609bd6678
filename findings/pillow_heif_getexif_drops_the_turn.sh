#!/bin/bash
# `image.save("photo.heic", exif=image.getexif())`, the line by which Pillow's users keep metadata, lays a phone's photo on its side: pillow-heif
# writes the format's own turn, "irot", where `exif` is bytes or left out, and none where it is the object that getexif() returns, though
# the object's EXIF is in the file. Readers of HEIC turn by "irot", and ignore EXIF's orientation, as the format asks; pillow-heif
# itself opens the file with its sides exchanged, and sets the orientation in EXIF to 1. One would expect the object to do what its
# bytes do, as in Pillow for JPEG and AVIF; nothing is reported. Masks and boxes of the upright photo no longer fit its copy. Leave `exif`
# out, or give `image.getexif().tobytes()`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pillow==13.0.0' 'pillow-heif==1.8.1' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import pillow_heif
from PIL import ExifTags, Image, ImageOps

pillow_heif.register_heif_opener()
exif = Image.Exif()
exif[ExifTags.Base.Orientation] = 6  # a quarter turn: 60 x 80 upright
Image.new("RGB", (80, 60), "red").save("phone.jpg", exif=exif)
photo = Image.open("phone.jpg")
ways = {"left out": {}, "getexif()": {"exif": photo.getexif()}, "getexif().tobytes()": {"exif": photo.getexif().tobytes()}}
found = {}
print("Pillow", version("pillow"), "pillow-heif", version("pillow-heif"))
for kind in ("JPEG", "AVIF", "HEIF"):
    for name, options in ways.items():
        file = io.BytesIO()
        photo.save(file, kind, **options)
        with Image.open(file) as image:
            found[kind, name] = ImageOps.exif_transpose(image).size, b"irot" in file.getvalue()
        size, turned = found[kind, name]
        print(f"{kind}, exif {name:19}: upright {size[0]} x {size[1]}" + f", irot {turned}" * (kind != "JPEG"))
upright, lying = (60, 80), (80, 60)
expected = {("JPEG", name): (upright, False) for name in ways} | {(kind, name): (upright, True) for kind in ("AVIF", "HEIF") for name in ways}
expected["HEIF", "getexif()"] = lying, False
expected |= {(kind, "left out"): (lying, False) for kind in ("JPEG", "AVIF")}  # Pillow keeps EXIF only where it is given
sys.exit(found != expected)
PYTHON
echo "With exif=image.getexif(), pillow-heif writes a turned photo without its turn."
