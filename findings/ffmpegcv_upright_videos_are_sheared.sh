#!/bin/bash
# ffmpegcv, a stand-in for OpenCV's VideoCapture, asks ffprobe for the size of a video's frames as stored, and lets ffmpeg decode. But ffmpeg
# turns the frames of a video that was taken upright, as phones write it: stored lying, with a matrix that says how to turn. The rows of such
# a picture are then cut at the wrong length: every frame is sheared into stripes, and is as wide as it should be high. One would
# expect upright frames, as from OpenCV and PyAV with the turn, or lying ones; nothing is reported.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ffmpegcv==0.3.20' 'imageio-ffmpeg==0.8.1' 2>/dev/null
cd "$folder"
npm pack --silent '@ffprobe-installer/linux-x64@5.2.0' >/dev/null
tar xzf ffprobe-installer-linux-x64-5.2.0.tgz
mkdir tools
install -m 755 package/ffprobe tools/ffprobe
ln -s "$("$folder/venv/bin/python" -c 'import imageio_ffmpeg; print(imageio_ffmpeg.get_ffmpeg_exe())')" tools/ffmpeg
export PATH="$folder/tools:$PATH"
# Red, with a blue stripe on the left; the second file has the same packets, and a matrix that turns them by 90 degrees.
ffmpeg -loglevel error -f lavfi -i 'color=red:s=64x32:d=1:r=10,drawbox=x=0:y=0:w=16:h=32:c=blue:t=fill' -pix_fmt yuv420p lying.mp4
ffmpeg -loglevel error -display_rotation 90 -i lying.mp4 -c copy upright.mp4
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import ffmpegcv
import imageio_ffmpeg
import numpy as np


def ours(path):
    """Read the first frame by ffmpegcv, in RGB."""
    video = ffmpegcv.VideoCapture(path, pix_fmt="rgb24")
    frame = video.read()[1]
    video.release()
    return frame


def other(path):
    """Read it by imageio-ffmpeg, which asks ffmpeg itself for the size."""
    frames = imageio_ffmpeg.read_frames(path)
    width, height = next(frames)["size"]
    frame = np.frombuffer(next(frames), np.uint8).reshape(height, width, 3)
    frames.close()
    return frame


print("ffmpegcv", version("ffmpegcv"), "imageio-ffmpeg", version("imageio-ffmpeg"))
for path in ("lying.mp4", "upright.mp4"):
    print(path, "by ffmpegcv:", ours(path).shape, "by imageio-ffmpeg:", other(path).shape)
read, upright = ours("upright.mp4"), other("upright.mp4")
equal_lying = np.array_equal(ours("lying.mp4"), other("lying.mp4"))
same_bytes = read.shape == (32, 64, 3) and upright.shape == (64, 32, 3) and read.tobytes() == upright.tobytes()
print("the upright frame's bytes under the lying one's shape:", same_bytes)
sys.exit(not (equal_lying and same_bytes))
PYTHON
echo "The frames of a video that was taken upright come with width and height exchanged, their rows cut at the wrong length."
