#!/bin/bash
# imagesize 2.0, which reads the size of a photo from its first bytes, as converters do that turn pixels into percents of a photo, gives (-1, -1)
# for each HEIC and AVIF that is turned by a quarter or a half. Phones store upright photos so, with the property "irot". It has one byte,
# of which imagesize wants five, and takes the file for broken; without "irot", all is well. Nothing is raised, also with
# exif_rotation=False, which asks for the sides as stored. One would expect what 2.0 promises, sizes that "correctly reflect" the turn,
# as JPEG and TIFF get them; turned PNG and WebP get the stored sides. In HEIC, the crop "clap" is passed over, too: 60 rows become the
# encoder's 64. Divided by these sides, outlines are negative, or a little off. Ask the decoder: Image.open() with pillow-heif.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'imagesize==2.0.1' 'pillow==13.0.0' 'pillow-heif==1.8.1' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import io
import sys
from importlib.metadata import version

import imagesize
import pillow_heif
from PIL import ExifTags, Image, ImageOps

pillow_heif.register_heif_opener()
photo = Image.new("RGB", (80, 60), "red")
found = {}
print("imagesize", version("imagesize"), "Pillow", version("pillow"), "pillow-heif", version("pillow-heif"))
for kind in ("JPEG", "TIFF", "PNG", "WEBP", "AVIF", "HEIF"):
    for name, orientation in {"as stored": 1, "a quarter turn": 6}.items():
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        file = io.BytesIO()
        photo.save(file, kind, exif=exif.tobytes())
        with Image.open(file) as image:
            upright = ImageOps.exif_transpose(image).size
        file.seek(0)
        told = imagesize.get(file)
        file.seek(0)
        stored = imagesize.get(file, exif_rotation=False)
        found[kind, name] = told, stored, upright
        print(f"{kind:4} {name:14}: shown as {upright}, imagesize {told}, exif_rotation=False {stored}")
flat, tall, none, padded = (80, 60), (60, 80), (-1, -1), (80, 64)
expected = {(kind, "as stored"): (flat, flat, flat) for kind in ("JPEG", "TIFF", "PNG", "WEBP", "AVIF")}
expected |= {(kind, "a quarter turn"): (tall, flat, tall) for kind in ("JPEG", "TIFF")}
expected |= {(kind, "a quarter turn"): (flat, flat, tall) for kind in ("PNG", "WEBP")}
expected |= {(kind, "a quarter turn"): (none, none, tall) for kind in ("AVIF", "HEIF")}
expected["HEIF", "as stored"] = padded, padded, flat
sys.exit(found != expected)
PYTHON
echo "imagesize has no size for turned HEIC and AVIF, and the padded one for HEIC."
