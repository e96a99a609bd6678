#!/bin/bash
# SVT-AV1, opened by root, turns the thread that opens it into a real-time thread: policy SCHED_FIFO with priority 99, the highest there
# is, for the rest of its life, after the encoder is closed too. So does FFmpeg's libsvtav1 in PyAV. In a container that runs as root with
# the right to set priorities, or on a server, a program that writes one AV1 or AVIF file keeps every other process from its core
# whenever it computes without a pause afterwards: training, inference, test suites next to it stand still for minutes. Nothing is
# reported. An ordinary user's thread stays as it was, and a container without CAP_SYS_NICE may refuse the change: then there is nothing
# to see, and this script says so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'av==18.1.0' 'numpy<3' 2>/dev/null
cd "$folder"
SVT_LOG=1 "$folder/venv/bin/python" - <<'PYTHON'
import os
import sys

import av
import numpy as np


def scheduling():
    policy = {os.SCHED_OTHER: "SCHED_OTHER", os.SCHED_FIFO: "SCHED_FIFO"}.get(os.sched_getscheduler(0), "another")
    return policy, os.sched_getparam(0).sched_priority


def encode(name):
    with av.open(f"{name}.mkv", "w") as output:
        stream = output.add_stream(name, rate=10)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        output.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8))))
        output.mux(stream.encode(None))
    return scheduling()


def may_set():
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(99))
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        return False
    return True


print("PyAV", av.__version__, "FFmpeg", av.ffmpeg_version_info, "user", os.geteuid())
print("before                       ", *scheduling())
if os.geteuid() != 0 or not may_set():
    print("this user may not set priorities; run it as root to see the change")
    sys.exit(0)
print("after a file by libx264      ", *(x264 := encode("libx264")))
print("after a file by libsvtav1    ", *(svt := encode("libsvtav1")))
sys.exit(not (x264 == ("SCHED_OTHER", 0) and svt == ("SCHED_FIFO", 99)))
PYTHON
echo "libsvtav1 leaves the thread of root that used it with the real-time policy SCHED_FIFO, priority 99."
