#!/bin/bash
# Looking once at `frame.side_data` of a decoded frame keeps the frame in memory until Python's cyclic garbage collector runs: the frame
# stores the container, and the container stores the frame. One would expect a property without side effects, and a frame that is gone
# with its last reference, as it is without that look. The collector counts objects, not their megabytes, and three small objects per
# frame wake it after some two hundred frames: at 1920x1080, with 3 MB each, that is half a gigabyte for a loop that holds one frame;
# where other code makes more objects, frames may reach the oldest generation and stay far longer. What to write:
# `SideDataContainer(frame)` (av.sidedata.sidedata), which the frame does not store, or `gc.collect()` now and then.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'av==18.1.0' 'numpy<3' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import gc
import sys

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer

FRAMES, SIZE = 150, (1080, 1920)

with av.open("in.mp4", "w") as output:
    stream = output.add_stream("libx264", rate=25, width=SIZE[1], height=SIZE[0], options={"preset": "ultrafast"})
    picture = np.full((*SIZE, 3), 90, np.uint8)
    for _ in range(FRAMES):
        output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
    output.mux(stream.encode(None))


def resident():
    """Memory of this process in MB."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096 / 1e6


def read(look):
    """Frames alive, and MB more, after decoding the file frame by frame; nothing is kept."""
    gc.collect()
    before = resident()
    with av.open("in.mp4") as container:
        container.streams.video[0].thread_type = "NONE"
        for frame in container.decode(video=0):
            look(frame)
        del frame
        alive = sum(isinstance(each, av.VideoFrame) for each in gc.get_objects())
        return alive, resident() - before


print("PyAV", av.__version__, "Python", sys.version.split()[0])
found = {}
for name, look in (
    ("pts only", lambda frame: frame.pts),
    ("len(SideDataContainer(frame))", lambda frame: len(SideDataContainer(frame))),
    ("len(frame.side_data)", lambda frame: len(frame.side_data)),
):
    found[name] = read(look)
    print(f"{name:30} {found[name][0]:4} of {FRAMES} frames alive, {found[name][1]:6.1f} MB more")
counts = [alive for alive, _ in found.values()]
sys.exit(not (max(counts[:2]) <= 2 and counts[2] > FRAMES / 2))
PYTHON
echo "PyAV keeps each frame whose side data was looked at until the garbage collector runs."
