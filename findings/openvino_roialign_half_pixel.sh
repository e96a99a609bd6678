#!/bin/bash
# ROIAlign of OpenVINO has three aligned modes, and the one called "half_pixel" does not move by half a pixel: it gives what
# "asymmetric" gives. The mode that ONNX, and Detectron2's aligned pooler, mean by half_pixel is called "half_pixel_for_nn"
# here. Who builds a detector's graph by the name gets masks and boxes that lie half a cell of a feature map off, up to 16
# pixels of the picture at stride 32, and nothing complains.
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
from onnx import TensorProto, helper
from openvino import opset9 as ops

SIZE = 32
ramp = np.broadcast_to(np.arange(SIZE, dtype=np.float32), (1, 1, SIZE, SIZE)).copy()  # the value of a cell is its column
box = np.array([[4, 4, 12, 12]], np.float32)  # four bins of two cells; with half a pixel the first one averages to 4.5


def by_openvino(mode):
    features = ops.parameter([1, 1, SIZE, SIZE], np.float32)
    pooled = ops.roi_align(features, ops.constant(box), ops.constant(np.zeros(1, np.int32)), 4, 4, 2, 1.0, "avg", mode)
    model = ov.Model([pooled], [features])
    return ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})(ramp)[0][0, 0, 0]


def by_onnxruntime(mode):
    node = helper.make_node(
        "RoiAlign", ["x", "boxes", "batch"], ["y"], output_height=4, output_width=4, sampling_ratio=2,
        coordinate_transformation_mode=mode,
    )
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, SIZE, SIZE]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 4]),
        helper.make_tensor_value_info("batch", TensorProto.INT64, [1]),
    ]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4, 4])
    graph = helper.make_graph([node], "pooling", inputs, [output])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": ramp, "boxes": box, "batch": np.zeros(1, np.int64)})[0][0, 0, 0]


print("openvino", ov.__version__, "onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
found = {}
for mode in ("asymmetric", "half_pixel", "half_pixel_for_nn"):
    found[mode] = by_openvino(mode)
    print(f"OpenVINO      {mode:18}{found[mode]}")
expected = by_onnxruntime("half_pixel")
print(f"ONNX Runtime  {'half_pixel':18}{expected}")
same_name_differs = not np.allclose(found["half_pixel"], expected)
is_asymmetric = np.allclose(found["half_pixel"], found["asymmetric"])
other_name_agrees = np.allclose(found["half_pixel_for_nn"], expected)
sys.exit(not (same_name_differs and is_asymmetric and other_name_agrees))
PYTHON
echo "OpenVINO's half_pixel is its asymmetric; its half_pixel_for_nn is ONNX's half_pixel."
