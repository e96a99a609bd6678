#!/bin/bash
# OpenCV's dnn and onnxoptimizer turn group normalization into another one. Both take the first of two Reshapes out, since the second says
# the final shape; but a 0 in a Reshape means "as many as the input has", the first Reshape's output, and without it the 0 is read from
# another tensor. ONNX's own definition of GroupNormalization, which tools write where a runtime lacks the operator, splits
# channels into groups by one Reshape and says [0, 0, -1] in the next: without the first, each channel is normalized by itself. The
# shapes still fit, the checker accepts the model, nothing is reported. One would expect an optimizer to look for the 0, as
# ONNX Runtime and OpenVINO do, and onnxsim and onnxslim.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'onnx==1.23.2' 'onnxoptimizer==0.4.2' 'onnxruntime==1.32.0' 'opencv-python-headless==5.0.0.93' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import cv2
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

GROUPS, CHANNELS = 2, 4
PHOTOS = np.random.default_rng(0).normal(size=(3, CHANNELS, 5, 5)).astype(np.float32)
PHOTOS *= np.arange(1, CHANNELS + 1, dtype=np.float32).reshape(1, CHANNELS, 1, 1)


def model(nodes, constants, shape):
    graph = helper.make_graph(
        nodes, "graph", [helper.make_tensor_value_info("x", TensorProto.FLOAT, PHOTOS.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.array(value), name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(made, full_check=True)
    return made


def group_norm():
    """GroupNormalization, written out as the specification defines it."""
    node = helper.make_node("GroupNormalization", ["x", "scale", "bias"], ["y"], num_groups=GROUPS, epsilon=1e-5)
    shapes = (PHOTOS.shape, (CHANNELS,), (CHANNELS,))
    types = [helper.make_tensor_type_proto(TensorProto.FLOAT, shape).SerializeToString() for shape in shapes]
    schema = onnx.defs.get_schema("GroupNormalization", 21)
    body = onnx.FunctionProto.FromString(schema.get_context_dependent_function(node.SerializeToString(), types))
    nodes = [onnx.NodeProto.FromString(each.SerializeToString()) for each in body.node]
    names = dict(zip([*body.input, *body.output], ["x", "scale", "bias", "y"]))
    for each in nodes:
        for ends in (each.input, each.output):
            ends[:] = [names.get(name, name) for name in ends]
        for attribute in each.attribute:
            if attribute.ref_attr_name:
                given = next(a for a in node.attribute if a.name == attribute.ref_attr_name)
                attribute.CopyFrom(helper.make_attribute(attribute.name, helper.get_attribute_value(given)))
    constants = {"scale": np.ones(CHANNELS, np.float32), "bias": np.zeros(CHANNELS, np.float32)}
    return model(nodes, constants, PHOTOS.shape)


def two_reshapes():
    nodes = [helper.make_node("Reshape", ["x", "groups"], ["g"]), helper.make_node("Reshape", ["g", "flat"], ["y"])]
    return model(nodes, {"groups": [3, GROUPS, 2, 5, 5], "flat": [0, 0, -1]}, tuple("abc"))


def run(made):
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": PHOTOS})[0]


def by_opencv(made):
    net = cv2.dnn.readNetFromONNX(np.frombuffer(made.SerializeToString(), np.uint8))
    net.setInput(PHOTOS, "x")
    return net.forward()


def normalized(groups):
    parts = PHOTOS.reshape(3, groups, -1)
    centred = parts - parts.mean(2, keepdims=True)
    return (centred / np.sqrt(parts.var(2, keepdims=True) + 1e-5)).reshape(PHOTOS.shape)


print(*(f"{name} {version(name)}" for name in ("onnx", "onnxoptimizer", "onnxruntime", "opencv-python-headless")))
ways = {
    "ONNX Runtime": run,
    "onnxoptimizer": lambda made: run(onnxoptimizer.optimize(made)),
    "OpenCV": by_opencv,
}
found = {}
for name, way in ways.items():
    shape, values = way(two_reshapes()).shape, way(group_norm())
    meant = [text for text, groups in (("in groups", GROUPS), ("per channel", CHANNELS))
             if np.allclose(values, normalized(groups), atol=1e-3)]  # fmt: skip
    found[name] = (shape, meant)
    print(f"{name:14} Reshape to [3, 2, 2, 5, 5], then [0, 0, -1]: {shape}; group normalization: {' '.join(meant)}, "
          f"off by up to {abs(values - normalized(GROUPS)).max():.2f}")
right, wrong = ((3, 2, 50), ["in groups"]), ((3, 4, 25), ["per channel"])
sys.exit(found != {"ONNX Runtime": right, "onnxoptimizer": wrong, "OpenCV": wrong})
PYTHON
echo "onnxoptimizer and OpenCV leave out a Reshape whose output a 0 in the next one refers to."
