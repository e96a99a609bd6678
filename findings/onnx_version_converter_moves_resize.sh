#!/bin/bash
# onnx.version_converter moves pictures and features by up to half a pixel. Resize of opset 10, and Upsample before it, sample at x / scale;
# from opset 11 on, Resize says how in `coordinate_transformation_mode`, whose default is another rule, half_pixel. The
# converter leaves the attribute out, so that a model of opset 10 (the Mask R-CNN of ONNX's own zoo is one) gives other values at opset 11 and
# later: linear upsampling by 2 moves a ramp by a quarter of a cell, nearest by 1.7 picks other cells. One would expect a tool that exists to
# keep the meaning to write "asymmetric"; for RoiAlign, whose default changed the same way, it writes it. Nothing is reported; the
# checker accepts both models. Export anew, or set the attribute by hand.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'onnx==1.23.2' 'onnxruntime==1.32.0' 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter

ramp = np.broadcast_to(np.arange(8, dtype=np.float32), (1, 1, 8, 8)).copy()  # the value of a cell is its column
box = np.array([[1, 1, 6, 6]], np.float32)


def model_of(operator, opset, constants, **attributes):
    node = helper.make_node(operator, ["x", *constants], ["y"], **attributes)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in (("x", ramp.shape), ("y", [None] * 4))]
    stored = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph([node], "one_node", ends[:1], ends[1:], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def row(model):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": ramp})[0][0, 0, 1]


def scales(factor):
    return {"scales": np.array([1, 1, factor, factor], np.float32)}


cases = {
    "Resize, linear, x2": model_of("Resize", 10, scales(2), mode="linear"),
    "Resize, nearest, x1.7": model_of("Resize", 10, scales(1.7), mode="nearest"),
    "Upsample, linear, x2": model_of("Upsample", 9, scales(2), mode="linear"),
    "RoiAlign": model_of("RoiAlign", 10, {"boxes": box, "batch": np.zeros(1, np.int64)}, output_height=4, output_width=4, sampling_ratio=2),
}
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
changed, named = {}, {}
for name, old in cases.items():
    new = version_converter.convert_version(old, 16)
    onnx.checker.check_model(new)
    before, after = row(old), row(new)
    attributes = {attribute.name: helper.get_attribute_value(attribute) for node in new.graph.node for attribute in node.attribute}
    named[name] = attributes.get("coordinate_transformation_mode", b"left out").decode()
    changed[name] = not np.allclose(before, after, atol=1e-4)
    print(f"{name:22} opset {old.opset_import[0].version:2} {np.round(before[:9], 2)}")
    print(f"{'':22} opset 16 {np.round(after[:9], 2)}, coordinate_transformation_mode {named[name]}")
sys.exit(changed != {name: name != "RoiAlign" for name in cases} or named["Resize, linear, x2"] != "left out")
PYTHON
echo "onnx.version_converter turns Resize of opset 10 into another sampling from opset 11 on."
