#!/bin/bash
# ONNX Runtime does not run Mask R-CNN's RoiAlign from opset 22 on. Opset 22 allows bfloat16 in dozens of operators, and changes nothing else in
# RoiAlign. ONNX Runtime takes the new versions of what stands around it, such as Conv, ConvTranspose and GridSample, up to opset 25 at least;
# its RoiAlign and MaxRoiPool end at 21: NOT_IMPLEMENTED, when the model is loaded. One would expect a runtime that runs a detector
# without ROI heads at opset 25 to run one with them; onnx's checker accepts the model, so that the export seems to have worked.
# onnx.version_converter takes such a model down to 21, with equal values. Export to an opset from 16 to 21.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy<3' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>messages.txt <<'PYTHON' || { tail -5 messages.txt; exit 1; }
import sys
from importlib.metadata import version

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, version_converter
from onnx.reference import ReferenceEvaluator

FLOAT, WHOLE = TensorProto.FLOAT, TensorProto.INT64
MAP = ("map", FLOAT, (1, 4, 8, 8))
WEIGHT = ("weight", FLOAT, (4, 4, 3, 3))
OPERATORS = {
    "Conv": ([MAP, WEIGHT], {}),
    "ConvTranspose": ([MAP, WEIGHT], {}),
    "MaxPool": ([MAP], {"kernel_shape": [2, 2]}),
    "GlobalAveragePool": ([MAP], {}),
    "InstanceNormalization": ([MAP, ("scale", FLOAT, (4,)), ("shift", FLOAT, (4,))], {}),
    "GridSample": ([MAP, ("grid", FLOAT, (1, 3, 3, 2))], {}),
    "Resize": ([MAP, ("", FLOAT, ()), ("scales", FLOAT, (4,))], {}),
    "NonMaxSuppression": ([("boxes", FLOAT, (1, 3, 4)), ("scores", FLOAT, (1, 1, 3))], {}),
    "RoiAlign": ([MAP, ("rois", FLOAT, (2, 4)), ("batch", WHOLE, (2,))], {"output_height": 3, "output_width": 3}),
    "MaxRoiPool": ([MAP, ("rois", FLOAT, (2, 5))], {"pooled_shape": [3, 3]}),
}


def model_of(operator, opset):
    inputs, attributes = OPERATORS[operator]
    shape, kind = ([None] * 2, WHOLE) if operator == "NonMaxSuppression" else ([None] * 4, FLOAT)
    graph = helper.make_graph(
        [helper.make_node(operator, [name for name, *_ in inputs], ["result"], **attributes)], "graph",
        [helper.make_tensor_value_info(*each) for each in inputs if each[0]],
        [helper.make_tensor_value_info("result", kind, shape)],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    return model


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def is_run(operator, opset):
    try:
        session_of(model_of(operator, opset))
    except Exception as error:
        if "NOT_IMPLEMENTED" not in str(error):
            raise
        return False
    return True


print("ONNX Runtime", version("onnxruntime"), "onnx", version("onnx"))
refused = {}
for opset in (21, 22, 25):
    refused[opset] = [name for name in OPERATORS if not is_run(name, opset)]
    print(f"opset {opset}: {len(OPERATORS) - len(refused[opset])} of {len(OPERATORS)} operators are run; refused: {refused[opset]}")
random = np.random.default_rng(0)
feeds = {
    "map": random.normal(size=(1, 4, 8, 8)).astype(np.float32),
    "rois": np.array([[1, 1, 6, 7], [0, 2, 5, 5]], np.float32),
    "batch": np.zeros(2, np.int64),
}
newer = model_of("RoiAlign", 22)
(expected,) = ReferenceEvaluator(newer).run(None, feeds)
(given,) = session_of(version_converter.convert_version(newer, 21)).run(None, feeds)
equal = bool(np.allclose(given, expected, atol=1e-5))
print("converted from 22 to 21, RoiAlign is run, with the values of onnx's reference for 22:", equal)
sys.exit(refused != {21: [], 22: ["RoiAlign", "MaxRoiPool"], 25: ["RoiAlign", "MaxRoiPool"]} or not equal)
PYTHON
echo "ONNX Runtime runs the operators of a Mask R-CNN at opset 22 and later, except RoiAlign."
