#!/bin/bash
# An animation that Pillow saves without `duration=` may be one frame to FFmpeg, and so to PyAV. Pillow writes no graphic control
# extension before a picture that needs neither delay nor transparency, as where whole photos follow one another; the GIF is valid,
# and Pillow reads all of it. FFmpeg's reader puts pictures without one together into a single packet, and its decoder gives the
# first: no error, no warning, a video of one picture. Whoever makes clips of photos or model outputs with Pillow and reads them with
# FFmpeg loses all but the first. With a duration, all arrive; flat drawings arrive, too, since Pillow makes parts transparent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'pillow==13.0.0' 'av==18.1.0' 'numpy<3' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import av
import numpy as np
import PIL
from PIL import Image

random = np.random.default_rng(0)
frames = [Image.fromarray(random.integers(0, 256, (48, 64, 3), dtype=np.uint8)) for _ in range(4)]  # as full as photos


def counts(**options):
    """Pictures in the file by Pillow and by FFmpeg, and the control extensions in it."""
    frames[0].save("clip.gif", save_all=True, append_images=frames[1:], **options)
    with Image.open("clip.gif") as image, av.open("clip.gif") as container:
        by_pillow, by_ffmpeg = image.n_frames, sum(1 for _ in container.decode(video=0))
    with open("clip.gif", "rb") as file:
        return by_pillow, by_ffmpeg, file.read().count(b"\x21\xf9\x04")


print("Pillow", PIL.__version__, "PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
without, with_delays = counts(), counts(duration=100)
print("no duration given: Pillow reads %d pictures, FFmpeg %d; %d control extensions" % without)
print("duration=100:      Pillow reads %d pictures, FFmpeg %d; %d control extensions" % with_delays)
sys.exit(not (without == (4, 1, 0) and with_delays == (4, 4, 4)))
PYTHON
echo "FFmpeg reads one picture of a GIF whose pictures Pillow wrote without a duration, and reports nothing."
