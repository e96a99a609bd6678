#!/bin/bash
# Pillow composes APNG frames of the blend mode OVER wrongly: a half-opaque frame over an opaque one gives a picture that is itself
# half-opaque (alpha 191), where the specification (PNG, third edition, 11.3.6.2, and its "alpha channel processing") and FFmpeg
# and OpenCV 5.0 give an opaque one. It pastes all four channels through the new frame's alpha, so that alpha is blended like a
# colour. Nothing is reported. A sticker or an overlay read by Pillow gets holes where it was solid, and a matte made of its alpha is
# wrong by a quarter.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pillow==13.0.0' 'av==18.1.0' 'numpy<3' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import struct
import sys
import zlib

import av
import numpy as np
import PIL
from PIL import Image

SIDE = 8


def chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def pixels(colour):
    return zlib.compress((b"\0" + bytes(colour) * SIDE) * SIDE)


def control(number, blend):
    return chunk(b"fcTL", struct.pack(">5I2H2B", number, SIDE, SIDE, 0, 0, 1, 10, 0, blend))


solid, half = (200, 0, 0, 255), (0, 200, 0, 128)
header = chunk(b"IHDR", struct.pack(">2I5B", SIDE, SIDE, 8, 6, 0, 0, 0)) + chunk(b"acTL", struct.pack(">2I", 2, 0))
first = control(0, 0) + chunk(b"IDAT", pixels(solid))
second = control(1, 1) + chunk(b"fdAT", struct.pack(">I", 2) + pixels(half))
with open("over.png", "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + header + first + second + chunk(b"IEND", b""))

with Image.open("over.png") as image:
    image.seek(1)
    by_pillow = tuple(int(value) for value in np.asarray(image.convert("RGBA"))[4, 4])
with av.open("over.png", format="apng") as container:
    frames = [frame.to_ndarray(format="rgba") for frame in container.decode(video=0)]
by_ffmpeg = tuple(int(value) for value in frames[1][4, 4])
print("Pillow", PIL.__version__, "PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
print("green of alpha 128 OVER opaque red, the second frame:")
print("  Pillow", by_pillow)
print("  FFmpeg", by_ffmpeg)
sys.exit(not (by_pillow[3] == 191 and by_ffmpeg == (100, 100, 0, 255)))
PYTHON
echo "Pillow makes an opaque APNG canvas translucent where a half-opaque frame is blended OVER it."
