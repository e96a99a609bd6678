#!/bin/bash
# A NaN inside a network does not reach the outputs of OpenVINO: Relu, Clip, Max and ReduceMax take it for the smallest number. PyTorch,
# ONNX Runtime and ONNX's reference pass it on, so that the usual guard, "are all outputs finite?", catches a broken checkpoint, an
# input of 0/0 or an overflow there; behind OpenVINO it stays silent. Here one weight of 108 in the first layer is NaN: ONNX Runtime gives
# NaN scores, OpenVINO plausible ones, 0.81 and 0.65, since the feature counts as absent. One would expect IEEE arithmetic, as in the
# same plugin's Add and Sigmoid. Check weights and inputs, not outputs alone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'openvino==2026.4.1' 'onnx==1.23.2' 'onnxruntime==1.32.0' 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
import openvino as ov
from onnx import TensorProto, helper, numpy_helper

photo = np.full((1, 3, 8, 8), 0.5, np.float32)


def outputs(nodes, constants=(), inputs=photo):
    graph = helper.make_graph(
        nodes, "network", [helper.make_tensor_value_info("photo", TensorProto.FLOAT, inputs.shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in dict(constants).items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    compiled = ov.compile_model(ov.Core().read_model(model), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return session.run(None, {"photo": inputs})[0], compiled(inputs)[0]


random = np.random.default_rng(0)
first = random.normal(size=(4, 3, 3, 3)).astype(np.float32)
first[2, 1, 1, 1] = np.nan  # one weight of 108
second = random.normal(size=(2, 4, 1, 1)).astype(np.float32)
network = [
    helper.make_node("Conv", ["photo", "first"], ["features"], pads=[1, 1, 1, 1]),
    helper.make_node("Relu", ["features"], ["active"]),
    helper.make_node("Conv", ["active", "second"], ["logits"]),
    helper.make_node("GlobalAveragePool", ["logits"], ["pooled"]),
    helper.make_node("Sigmoid", ["pooled"], ["scores"]),
]
print("openvino", ov.__version__, "onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
by_onnxruntime, by_openvino = outputs(network, {"first": first, "second": second})
print("scores of a network with a NaN weight: ONNX Runtime", by_onnxruntime.ravel(), "OpenVINO", by_openvino.ravel())
lost = []
values = np.array([np.nan, 0.25], np.float32)
for operator, extra in (
    ("Relu", {}), ("Clip", {"low": np.float32(0), "high": np.float32(1)}), ("Max", {"zero": np.zeros(2, np.float32)}),
    ("ReduceMax", {}), ("Sigmoid", {}), ("Add", {"zero": np.zeros(2, np.float32)}),
):
    one, other = outputs([helper.make_node(operator, ["photo", *extra], ["scores"])], extra, values)
    print(f"{operator:9} of NaN and 0.25: ONNX Runtime {one}, OpenVINO {other}")
    if np.isnan(one).any() and not np.isnan(other).any():
        lost.append(operator)
sys.exit(not (np.isnan(by_onnxruntime).all() and np.isfinite(by_openvino).all() and lost == ["Relu", "Clip", "Max", "ReduceMax"]))
PYTHON
echo "OpenVINO's Relu, Clip, Max and ReduceMax drop NaN; outputs look sound."
