#!/bin/bash
# mediapy, which shows and reads videos in notebooks, finds out how many frames a video has by ffmpeg's option -vsync. FFmpeg 9 has dropped
# that option (-fps_mode took its place in 5.1), so that read_video raises for every video, a valid one too, and blames its header.
# imageio-ffmpeg 0.8.1, by which many get an ffmpeg from pip, ships a 9. Writing still works: what was written cannot be read again.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'mediapy==1.2.7' 'imageio-ffmpeg==0.8.1' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import subprocess
import sys
from importlib.metadata import version

import imageio_ffmpeg
import mediapy
import numpy as np

ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
banner = subprocess.run([ffmpeg, "-version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
print("mediapy", version("mediapy"), "and", " ".join(banner.split()[:3]))
mediapy.set_ffmpeg(ffmpeg)
mediapy.write_video("ten.mp4", np.zeros((10, 64, 64, 3), np.uint8), fps=10)
print("written; frames by imageio-ffmpeg:", imageio_ffmpeg.count_frames_and_secs("ten.mp4")[0])
try:
    print("read:", mediapy.read_video("ten.mp4").shape)
except RuntimeError as error:
    lines = [line for line in str(error).splitlines() if line.strip()]
    print("read_video raises:", lines[0][:40], "...", lines[-2])
    sys.exit("vsync" not in str(error))
sys.exit(1)
PYTHON
echo "mediapy cannot read videos by FFmpeg 9: it asks for an option that is gone."
