#!/bin/bash
# Pillow's AVIF writer parses the EXIF block that it is given and writes it anew whenever the block has an orientation, even
# orientation 1: texts in UTF-8 become question marks and the bytes move, so that maker notes point to nothing. The same
# bytes handed to its JPEG, PNG and WebP writers come out as they went in. A user who saves a camera's photo as AVIF with
# `exif=image.info["exif"]` loses the artist's name without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pillow==12.3.0' 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import io
import struct
import sys

import PIL
from PIL import Image

name = "Jörg Müller".encode() + b"\0"
entries = struct.pack("<HHIHH", 0x112, 3, 1, 1, 0) + struct.pack("<HHII", 0x13B, 2, len(name), 8 + 2 + 24 + 4)
block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + entries + bytes(4) + name

print("Pillow", PIL.__version__)
kept = {}
for kind in ("JPEG", "PNG", "WEBP", "AVIF"):
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), "red").save(buffer, kind, exif=block)
    kept[kind] = name in buffer.getvalue()
    artist = Image.open(io.BytesIO(buffer.getvalue())).getexif()[0x13B]
    print(f"{kind}: the artist's bytes {'kept' if kept[kind] else 'lost'}, read back as {artist!r}")
sys.exit(kept != {"JPEG": True, "PNG": True, "WEBP": True, "AVIF": False})
PYTHON
echo "AVIF alone has its EXIF written anew, in ASCII."
