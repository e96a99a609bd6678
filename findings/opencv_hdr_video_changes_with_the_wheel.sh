#!/bin/bash
# The frames of one HDR clip, the kind that phones record (HLG or PQ, BT.2020, 10 bits), depend on the wheel of OpenCV that reads them.
# 4.12, with FFmpeg 5, reads every video by BT.601, whatever its tags say. 4.14 and 5.0, with FFmpeg 8, convert it to SDR on their own:
# they turn the curve and the primaries to BT.709's, and clip what is brighter, so that PQ's 180 and 220 both become white. PyAV gives the
# values in the file. One would expect an upgrade to leave pixels alone, and no reader to map tones unasked. Nothing is reported, no
# property of VideoCapture switches it. Who trained on frames read by one and runs on another sees other pictures, and highlights of skies
# and lamps are gone before any tone mapping could use them. SDR clips agree, where tagged: 4.14 and 5.0 follow BT.709, 4.12 does not.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'av==18.1.0' 'numpy<3' 2>/dev/null
for version in 4.12.0.88 4.14.0.94 5.0.0.93; do
    "$folder/venv/bin/pip" install -q --no-deps --target "$folder/$version" "opencv-python-headless==$version" 2>/dev/null
done
cd "$folder"
cat > make.py <<'PYTHON'
import av
import numpy as np

SIDE = 64
PATCHES = [(200, 40, 40), (40, 180, 60), (128, 128, 128), (180, 180, 180), (220, 220, 220)]
RED_2020, BLUE_2020 = 0.2627, 0.0593
BT2020, BT709, PQ, HLG, LIMITED = 9, 1, 16, 18, 1


def planes():
    """The patches as limited-range BT.2020, 10 bits."""
    rgb = np.repeat(np.array(PATCHES, float)[None] / 255, SIDE, axis=1).repeat(SIDE, axis=0)
    red, green, blue = np.moveaxis(rgb, 2, 0)
    luma = RED_2020 * red + (1 - RED_2020 - BLUE_2020) * green + BLUE_2020 * blue
    chroma = [(blue - luma) / (2 * (1 - BLUE_2020)), (red - luma) / (2 * (1 - RED_2020))]
    values = [64 + 876 * luma] + [512 + 896 * each[::2, ::2] for each in chroma]
    return [np.round(each).astype(np.uint16) for each in values]


for name, curve in (("pq", PQ), ("hlg", HLG)):
    with av.open(f"{name}.mp4", "w") as output:
        stream = output.add_stream("libx265", rate=25)
        stream.width, stream.height, stream.pix_fmt = SIDE * len(PATCHES), SIDE, "yuv420p10le"
        stream.options = {"crf": "2", "x265-params": "log-level=none"}
        context = stream.codec_context
        context.colorspace, context.color_primaries, context.color_trc, context.color_range = BT2020, BT2020, curve, LIMITED
        for _ in range(2):
            frame = av.VideoFrame(stream.width, SIDE, "yuv420p10le")
            for plane, values in zip(frame.planes, planes()):
                rows = np.zeros((values.shape[0], plane.line_size // 2), np.uint16)
                rows[:, : values.shape[1]] = values
                plane.update(rows.tobytes())
            frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = BT2020, BT2020, curve, LIMITED
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
PYTHON
cat > read.py <<'PYTHON'
import json
import sys

import numpy as np

pixels = {}
for name in ("pq", "hlg"):
    if sys.argv[1] == "av":
        import av

        reader = f"PyAV {av.__version__}, FFmpeg {av.ffmpeg_version_info}"
        with av.open(f"{name}.mp4") as container:
            rgb = next(container.decode(video=0)).to_ndarray(format="rgb24")
    else:
        import cv2

        reader = f"OpenCV {cv2.__version__}"
        rgb = cv2.VideoCapture(f"{name}.mp4").read()[1][..., ::-1]
    pixels[name] = np.array(rgb)[32, 32::64].tolist()
    print(f"{reader:24} {name:4}", *map(tuple, pixels[name]))
json.dump(pixels, open(f"{sys.argv[1]}.json", "w"))
PYTHON
echo "                  written: (200, 40, 40) (40, 180, 60) (128, 128, 128) (180, 180, 180) (220, 220, 220)"
"$folder/venv/bin/python" make.py
"$folder/venv/bin/python" read.py av
for version in 4.12.0.88 4.14.0.94 5.0.0.93; do
    PYTHONPATH="$folder/$version" "$folder/venv/bin/python" read.py "$version"
done
"$folder/venv/bin/python" - <<'PYTHON'
import json
import sys

import numpy as np

by = {name: json.load(open(f"{name}.json")) for name in ("av", "4.12.0.88", "4.14.0.94", "5.0.0.93")}


def difference(one, other):
    return max(int(np.abs(np.array(by[one][kind]) - np.array(by[other][kind])).max()) for kind in ("pq", "hlg"))


written = [[200, 40, 40], [40, 180, 60], [128] * 3, [180] * 3, [220] * 3]
as_written = all(np.abs(np.array(by["av"][kind]) - written).max() <= 4 for kind in ("pq", "hlg"))
clipped = all(by[version]["pq"][3:] == [[255] * 3] * 2 for version in ("4.14.0.94", "5.0.0.93"))
print("largest difference: PyAV and 4.12", difference("av", "4.12.0.88"), "| 4.12 and 4.14", difference("4.12.0.88", "4.14.0.94"),
      "| 4.14 and 5.0", difference("4.14.0.94", "5.0.0.93"))
sys.exit(
    not (
        as_written and clipped and by["4.12.0.88"]["pq"] == by["4.12.0.88"]["hlg"]
        and difference("4.12.0.88", "4.14.0.94") > 40 and difference("4.14.0.94", "5.0.0.93") <= 2
    )
)
PYTHON
echo "OpenCV's wheels read one HDR clip in different colours; since FFmpeg 8 they convert it to SDR, and clip it, by themselves."
