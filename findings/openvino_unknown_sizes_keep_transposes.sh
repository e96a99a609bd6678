#!/bin/bash
# OpenVINO's convolutions on a CPU lie in memory cell by cell. A transposition to (N, H, W, C) and a reshape behind one, as pooled
# points, attention over cells and tiled convolutions have them, then only rename the axes, and OpenVINO leaves the transposition out:
# if height and width are known when the model is compiled. With sizes left open, the usual way for photos, the very same model
# with the very same picture moves all values twice, first within the layout and then out of it. One would expect open sizes to cost
# planning, not copies. Remedy: reshape() the model to the size where there is one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'openvino==2026.4.1' 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import sys
import time

import numpy as np
import openvino as ov
from openvino import opset13 as ops

CHANNELS, SIDE = 256, 256
random = np.random.default_rng(0)
picture = random.normal(size=(1, CHANNELS, SIDE, SIDE)).astype(np.float32)
kernel = (random.normal(size=(CHANNELS, CHANNELS, 1, 1)) / 16).astype(np.float32)
settings = {"INFERENCE_PRECISION_HINT": "f32", "PERF_COUNT": True}


def measured(sides):
    """Output, names of the steps that move values behind the convolution, their time, and that of all."""
    entry = ops.parameter([1, CHANNELS, *sides], np.float32)
    x = ops.relu(ops.convolution(entry, ops.constant(kernel), [1, 1], [0, 0], [0, 0], [1, 1]))
    x = ops.reshape(ops.transpose(x, np.array([0, 2, 3, 1])), np.array([-1, CHANNELS]), False)
    x = ops.matmul(x, ops.constant(kernel[:64, :, 0, 0]), False, True)
    request = ov.compile_model(ov.Model([x], [entry]), "CPU", settings).create_infer_request()
    best = np.inf
    for _ in range(5):
        begin = time.perf_counter()
        (output,) = request.infer([picture], share_inputs=True).values()
        best = min(best, time.perf_counter() - begin)
    steps = [step for step in request.get_profiling_info() if step.real_time.total_seconds() > 0]
    behind = [step for step in steps if step.node_type == "Transpose" or "Transpose" in step.node_name]
    return output, [step.node_type for step in behind], sum(step.real_time.total_seconds() for step in behind), best


print("openvino", ov.__version__)
results = {name: measured(sides) for name, sides in {"known": (SIDE, SIDE), "open": (-1, -1)}.items()}
for name, (_, steps, moved, best) in results.items():
    print(f"sizes {name}: moved by {steps or 'nothing'}, {moved * 1000:.0f} of {best * 1000:.0f} ms")
assert np.array_equal(results["known"][0], results["open"][0]), "another result"
sys.exit(bool(results["known"][1]) or not results["open"][1])
PYTHON
echo "With open sizes, OpenVINO moves values for transpositions that it leaves out with known ones."
