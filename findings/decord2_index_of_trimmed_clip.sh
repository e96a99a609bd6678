#!/bin/bash
# In a trimmed clip, one index of decord2 stands for two frames: which one depends on what was read before. Who trims a video without
# encoding it anew, on a phone or by `ffmpeg -ss -c copy`, keeps the packets from the last key frame on, and an edit list says where to begin.
# decord2 counts the packets before that, but its decoder leaves their frames out: read one after the other, `reader[20]` is the 21st
# frame that players show; reached by a jump, as in training on random frames, it is one nine frames earlier, and the last indices of the first
# way repeat the last frame. Times begin below 0, and fit the jumps only. One would expect an index to be a frame. Nothing is reported;
# masks and boxes of a tool that numbers frames as FFmpeg, OpenCV and browsers do lie on other pictures. PyAV and OpenCV agree.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'decord2==3.4.0' 'av==18.1.0' 'opencv-python-headless==5.0.0.93' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import av
import cv2
import decord
import numpy as np

WIDTH, HEIGHT, RATE, COUNT, CUT, INDEX = 320, 240, 30, 60, 21, 20  # CUT frames are cut away; key frames are 12 apart
STEP = 4  # of grey from frame to frame


def write_clip(path):
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"g": "12", "bf": "0", "crf": "1"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(COUNT):
            grey = np.full((HEIGHT, WIDTH, 3), STEP * number, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        container.mux(stream.encode())


def trim(source, target):
    """Copy the packets from the last key frame before CUT on; what comes before CUT gets times below 0."""
    with av.open(source) as given, av.open(target, "w") as made:
        stream = made.add_stream_from_template(given.streams.video[0])
        packets = [packet for packet in given.demux(video=0) if packet.dts is not None]
        begin = round(CUT / RATE / packets[0].time_base)
        first = max(packet.pts for packet in packets if packet.is_keyframe and packet.pts <= begin)
        for packet in packets:
            if packet.pts >= first:
                packet.pts, packet.dts, packet.stream = packet.pts - begin, packet.dts - begin, stream
                made.mux(packet)


def numbers(frames):
    """The number in the source of each frame, from its grey."""
    return [round(float(frame.mean()) / STEP) for frame in frames]


def by_opencv(path):
    capture = cv2.VideoCapture(path)
    while (read := capture.read())[0]:
        yield read[1]


write_clip("whole.mp4")
trim("whole.mp4", "trimmed.mp4")
with av.open("trimmed.mp4") as container:
    found = {"PyAV": numbers(frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))}
found["OpenCV"] = numbers(by_opencv("trimmed.mp4"))
reader = decord.VideoReader("trimmed.mp4")
found["decord2"] = numbers(reader[index].asnumpy() for index in range(len(reader)))
jump = numbers([decord.VideoReader("trimmed.mp4")[INDEX].asnumpy()])[0]
time = round(float(reader.get_frame_timestamp([INDEX])[0][0]), 2)
print(*(f"{name} {version(name)}" for name in ("decord2", "av", "opencv-python-headless")))
print(f"frames {CUT} to {COUNT - 1} of a clip, copied:")
for name, each in found.items():
    print(f"{name:8} {len(each)} frames, from number {each[0]} to {each[-1]}, at index {INDEX} number {each[INDEX]}")
print(f"decord2, read at once: at index {INDEX} number {jump}, with a time of {time}")
kept = list(range(CUT, COUNT))
hidden = CUT % 12
right = found["PyAV"] == found["OpenCV"] == kept and found["decord2"] == kept + [COUNT - 1] * hidden
sys.exit(not (right and jump == kept[INDEX] - hidden and time == round((INDEX - hidden) / RATE, 2)))
PYTHON
echo "decord2 counts frames that it does not return: an index means another frame after a jump."
