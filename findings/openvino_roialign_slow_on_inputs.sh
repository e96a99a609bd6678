#!/bin/bash
# OpenVINO's ROIAlign on a CPU is an order of magnitude slower where its map is an input of the model than where a convolution made it,
# for the same numbers: an input lies in memory channel by channel, and ROIAlign then takes the code for that layout instead of laying the
# map out cell by cell first, which would cost a few milliseconds. A two-stage detector that is split after its backbone (to choose boxes
# outside of the graph, or to prompt the second stage) pays this on every call; in one graph the same layer is fast. One would expect
# the plug-in to weigh the two, as it does for convolutions. A depthwise convolution with ones in front, which changes no number, mends it.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'openvino==2026.4.1' 'numpy==2.4.6' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import numpy as np
import openvino as ov
from openvino import opset13 as ops

CHANNELS, SIDE, BOXES, ROUNDS = 256, 256, 700, 3
rng = np.random.default_rng(0)
features = rng.normal(size=(1, CHANNELS, SIDE, SIDE)).astype(np.float32)
corners = rng.uniform(0, 200, (BOXES, 2))
boxes = np.hstack([corners, corners + rng.uniform(5, 50, (BOXES, 2))]).astype(np.float32)


def seconds(mended):
    entry, regions = ops.parameter([1, CHANNELS, -1, -1], np.float32), ops.parameter([BOXES, 4], np.float32)
    features_in = entry
    if mended:
        ones = ops.constant(np.ones((CHANNELS, 1, 1, 1, 1), np.float32))
        features_in = ops.group_convolution(entry, ones, [1, 1], [0, 0], [0, 0], [1, 1])
    first = ops.constant(np.zeros(BOXES, np.int32))
    pooled = ops.roi_align(features_in, regions, first, 7, 7, 1, 1.0, "avg", aligned_mode="half_pixel_for_nn")
    hint = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY", "PERF_COUNT": True}
    request = ov.Core().compile_model(ov.Model([pooled], [entry, regions]), "CPU", hint).create_infer_request()
    outputs, wall, alone = None, [], []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        outputs = request.infer([features, boxes])
        wall.append(time.perf_counter() - start)
        alone.append(sum(each.real_time.total_seconds() for each in request.profiling_info if each.node_type == "ROIAlign"))
    return next(iter(outputs.values())).copy(), min(wall), min(alone)


slow, slow_wall, slow_layer = seconds(mended=False)
fast, fast_wall, fast_layer = seconds(mended=True)
print(f"openvino {ov.get_version()}: {BOXES} boxes of 7x7 from a map of {CHANNELS}x{SIDE}x{SIDE}, best of {ROUNDS}")
print(f"map as the model's input:            ROIAlign {slow_layer * 1000:6.1f} ms, the whole model {slow_wall * 1000:6.1f} ms")
print(f"behind a depthwise convolution of 1: ROIAlign {fast_layer * 1000:6.1f} ms, the whole model {fast_wall * 1000:6.1f} ms")
print(f"largest difference of the results: {np.abs(slow - fast).max():.1e}")
same = np.allclose(slow, fast, atol=1e-5)
if not (same and slow_layer > 3 * fast_layer and slow_wall > fast_wall):
    sys.exit("this has changed")
print(f"the same numbers, and ROIAlign takes {slow_layer / fast_layer:.0f} times as long on the input")
PYTHON
