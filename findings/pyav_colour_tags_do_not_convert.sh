#!/bin/bash
# A video that is tagged with its colours, as HD should be, gets wrong ones from PyAV. Its encoders turn RGB frames (from_ndarray) into YUV by
# BT.601 and limited range, whatever `stream.codec_context.colorspace` and `color_range` say; these go into the file all the
# same, and every reader undoes BT.709, or full range: a red of (200, 40, 40) becomes (212, 54, 36), a green loses 22 levels. One would
# expect the conversion to follow the tags of the stream; and since PyAV reads its own file right as long as there are none, the
# fault comes in with the mending. Only frame.reformat(format=, dst_colorspace=, dst_color_range=) before encode() converts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'av==18.1.0' 'numpy<3' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON' 2>/dev/null
import sys

import av
import numpy as np

COLOURS = [(200, 40, 40), (40, 180, 60), (40, 60, 200), (230, 220, 60)]
BT709, BT601, LIMITED, FULL = 1, 6, 1, 2
picture = np.array(COLOURS, np.uint8)[None].repeat(160, axis=1).repeat(360, axis=0)


def shown(codec="libx264", tags=None, **conversion):
    """The colours that a reader which follows the tags gets, and how far off they are."""
    with av.open("video.mkv", "w") as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt, stream.options = 640, 360, "yuv420p", {"crf": "4"}
        if tags:
            context = stream.codec_context
            context.colorspace = context.color_primaries = context.color_trc = tags[0]
            context.color_range = tags[1]
        for _ in range(2):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            output.mux(stream.encode(frame.reformat(format="yuv420p", **conversion) if conversion else frame))
        output.mux(stream.encode(None))
    with av.open("video.mkv") as container:
        frame = next(container.decode(video=0))
        colours = frame.to_ndarray(format="rgb24")[100, 80::160].tolist()
        read = (frame.colorspace, frame.color_range)
    return read, [tuple(colour) for colour in colours], int(np.abs(np.array(colours) - COLOURS).max())


print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info)
found = {
    "no tags": shown(),
    "tagged BT.601": shown(tags=(BT601, LIMITED)),
    "tagged BT.709": shown(tags=(BT709, LIMITED)),
    "tagged BT.709, full range": shown(tags=(BT709, FULL)),
    "tagged BT.709, VP9": shown("libvpx-vp9", tags=(BT709, LIMITED)),
    "tagged BT.709, reformat(dst_colorspace)": shown(tags=(BT709, LIMITED), dst_colorspace="ITU709"),
    "tagged full, reformat(..., dst_color_range)": shown(tags=(BT709, FULL), dst_colorspace="ITU709", dst_color_range=FULL),
}
print(f"{'written':66}", *COLOURS)
for name, (read, colours, error) in found.items():
    print(f"{name:44} colorspace, range {read}", *colours, f"off by {error}")
errors = [error for _, _, error in found.values()]
sys.exit(not (max(errors[:2] + errors[5:]) <= 3 and min(errors[2:5]) > 15))
PYTHON
echo "PyAV writes the tags that it is given, and converts RGB frames by BT.601 regardless."
