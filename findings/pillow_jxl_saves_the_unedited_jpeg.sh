#!/bin/bash
# A JPEG that is opened by Pillow, edited in place and saved as JPEG XL by pillow-jxl-plugin is saved as it was before the edit: by
# default the plugin transcodes the file at `image.filename` where `image.format` is "JPEG", and never looks at the pixels. Whatever
# keeps the same Image object is lost: paste, ImageDraw, putpixel, thumbnail, putalpha, exif_transpose(in_place=True). A face that was
# blacked out is back, a thumbnail has its full size, a cut-out its background. One would expect what every other format of Pillow
# does: the pixels in memory. The only sign is a UserWarning about "JPEG reconstruction", without a word of the edit;
# `save(..., lossless_jpeg=False)` or `image.copy()` writes the pixels.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pillow==13.0.0' 'pillow-jxl-plugin==1.3.8' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import PIL
import pillow_jxl  # noqa: F401
from PIL import Image, ImageDraw

RED, BLACK = (200, 30, 30), (0, 0, 0)
Image.new("RGB", (64, 48), RED).save("photo.jpg", quality=95)


def near(colour, other):
    return all(abs(one - two) < 8 for one, two in zip(colour, other))


def blacked_out(name, **options):
    """The pixel that was covered, in the file written."""
    with Image.open("photo.jpg") as image:
        ImageDraw.Draw(image).rectangle((0, 0, 32, 48), fill=BLACK)
        image.save(name, **options)
    with Image.open(name) as image:
        return image.convert("RGB").getpixel((5, 5))


def thumbnail(name):
    with Image.open("photo.jpg") as image:
        image.thumbnail((16, 16))
        image.save(name)
    with Image.open(name) as image:
        return image.size


def cut_out(name):
    with Image.open("photo.jpg") as image:
        image.putalpha(0)
        image.save(name)
    with Image.open(name) as image:
        return image.mode


print("Pillow", PIL.__version__, "pillow-jxl-plugin", version("pillow-jxl-plugin"))
covered = {name: blacked_out(f"covered.{name}") for name in ("png", "webp", "jxl")}
for name, pixel in covered.items():
    print(f"pixel blacked out, saved as {name:5}", pixel)
explicit = blacked_out("covered_too.jxl", lossless_jpeg=False)
print("the same with lossless_jpeg=False", explicit)
sizes, modes = (thumbnail("small.webp"), thumbnail("small.jxl")), (cut_out("cut.webp"), cut_out("cut.jxl"))
print("thumbnail of 16 x 12: webp %s, jxl %s" % sizes)
print("made transparent by putalpha: webp %s, jxl %s" % modes)
sys.exit(
    not (
        near(covered["png"], BLACK) and near(covered["webp"], BLACK) and near(covered["jxl"], RED) and near(explicit, BLACK)
        and sizes == ((16, 12), (64, 48)) and modes == ("RGBA", "RGB")
    )
)
PYTHON
echo "pillow-jxl-plugin writes the JPEG file that was opened in place of the edited picture."
