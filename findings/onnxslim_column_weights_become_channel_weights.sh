#!/bin/bash
# onnxslim folds a multiplication behind a convolution into its weights, and takes any constant with as many numbers as there are
# channels for one number per channel. Weights per column (shape (W,)) or per row (shape (H, 1)) of the map, such as a window
# that fades the edges of a tile before its masks are blended, then scale channels wherever map and channels are of one size, as
# FPN's 256 channels are on the P2 map of a 1024 pixel tile. One would expect the check of the shape that onnxslim makes for an
# addition (the same constant stays there) and that onnxsim makes for both. The slim model loads, runs and gives other maps.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'onnxslim==0.1.98' 'onnxsim==0.8.1' 'onnx==1.23.2' 'onnxruntime==1.32.0' 'numpy==2.4.6' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
import onnxsim
import onnxslim
from onnx import TensorProto, helper, numpy_helper

CHANNELS = 32
random = np.random.default_rng(0)
weights = random.normal(size=(CHANNELS, 3, 1, 1)).astype(np.float32)
window = np.hanning(CHANNELS + 2)[1:-1].astype(np.float32)


def model(operator, constant, size):
    nodes = [helper.make_node("Conv", ["photo", "weights"], ["map"]), helper.make_node(operator, ["map", "constant"], ["faded"])]
    shapes = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, size, size])
        for name, channels in (("photo", 3), ("faded", CHANNELS))
    ]
    constants = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(constant, "constant")]
    graph = helper.make_graph(nodes, "tile", shapes[:1], shapes[1:], constants)
    whole = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(whole, full_check=True)
    return whole


def run(which, photo):
    session = onnxruntime.InferenceSession(which.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"photo": photo})[0]


print(*(f"{name} {version(name)}" for name in ("onnxslim", "onnxsim", "onnx", "onnxruntime")))
cases = [
    ("Mul", "per column", window, CHANNELS, True),
    ("Mul", "per row", window[:, None], CHANNELS, True),
    ("Mul", "per channel", window[:, None, None], CHANNELS, False),
    ("Mul", "per column", np.hanning(CHANNELS + 10)[1:-1].astype(np.float32), CHANNELS + 8, False),
    ("Add", "per column", window, CHANNELS, False),
]
as_before = True
for operator, kind, constant, size, damaged in cases:
    photo = random.normal(size=(1, 3, size, size)).astype(np.float32)
    full = model(operator, constant, size)
    scores = np.einsum("oc,nchw->nohw", weights[:, :, 0, 0], photo)
    truth = scores * constant if operator == "Mul" else scores + constant
    slim, simple = onnxslim.slim(full), onnxsim.simplify(full)[0]
    errors = [float(np.abs(run(each, photo) - truth).max()) for each in (full, slim, simple)]
    left = "+".join(node.op_type for node in slim.graph.node)
    print(
        f"{operator} {kind:11} {str(constant.shape):11} map {size} x {size}, {CHANNELS} channels: off by {errors[0]:.4f} before, "
        f"{errors[1]:.4f} after onnxslim ({left}), {errors[2]:.4f} after onnxsim"
    )
    as_before &= errors[0] < 1e-4 and errors[2] < 1e-4 and (errors[1] > 1) == damaged and (damaged or errors[1] < 1e-4)
sys.exit(not as_before)
PYTHON
echo "onnxslim lets weights per column and per row scale channels when there are as many channels as columns or rows."
