#!/bin/bash
# Add, Sub, Mul and BitShift on uint8 saturate on OpenVINO's CPU, where ONNX's and NumPy's wrap around, and ONNX Runtime's do: 200 + 100 is
# 255, not 44, and 0 - 1 is 0, not 255. One would expect an integer of 8 bits to be one. Even the same node of the same model changes:
# OpenVINO's own constant folding wraps in Add and Sub, so that 44 becomes 255 when a constant becomes an input. What is built on
# wrapping is silently wrong inside an exported model: the signed difference of two frames or masks, hashes, checksums, packed bits.
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

ONE, OTHER = np.array([200, 0, 16, 129], np.uint8), np.array([100, 1, 17, 2], np.uint8)


def model_of(operator, attributes, constant):
    """A graph of one node; its inputs are given, or constants in the file (and an unused one is given)."""
    names = ["one", "other"]
    given = [helper.make_tensor_value_info(name, TensorProto.UINT8, [4]) for name in names]
    stored = [numpy_helper.from_array(value, name) for name, value in zip(names, (ONE, OTHER))]
    nodes = [helper.make_node(operator, names, ["result"], **attributes)]
    outputs = [helper.make_tensor_value_info("result", TensorProto.UINT8, [4])]
    graph = helper.make_graph(nodes, "uint8", [] if constant else given, outputs, stored if constant else [])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10).SerializeToString()


def by_onnxruntime(model):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run(None, {"one": ONE, "other": OTHER})[0]


def by_openvino(model, constant=False):
    compiled = ov.compile_model(ov.Core().read_model(model), "CPU")
    return compiled({} if constant else {"one": ONE, "other": OTHER})[0]


print("openvino", ov.__version__, "onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
print("of", ONE, "and", OTHER)
wraps, saturates = [], []
for operator, by_numpy, attributes in (
    ("Add", np.add, {}), ("Sub", np.subtract, {}), ("Mul", np.multiply, {}), ("BitShift", np.left_shift, {"direction": "LEFT"}),
):
    given, constant = model_of(operator, attributes, False), model_of(operator, attributes, True)
    expected, first, second = by_numpy(ONE, OTHER), by_onnxruntime(given), by_openvino(given)
    folded = by_openvino(constant, constant=True)
    print(f"{operator:9} NumPy {expected}, ONNX Runtime {first}, OpenVINO {second}, of constants {folded}")
    wraps.append(np.array_equal(expected, first))
    saturates.append(not np.array_equal(expected, second))
sys.exit(not (all(wraps) and all(saturates)))
PYTHON
echo "OpenVINO's arithmetic on uint8 saturates where ONNX's wraps around."
