#!/bin/bash
# OpenVINO's nodes have Python's operators, and its functions take numbers: `ops.add(node, np.float32(3))` gives float32. One would
# expect `node + np.float32(3)` to be the same. It raises: the operator turns every scalar into int64 or float64, whatever
# its NumPy type, and then refuses to mix the types. Arrays of no dimension pass with floats and fail with integers,
# arrays of one dimension pass. So shape arithmetic in int32, which Gather and ShapeOf give on request, cannot use `+`, `*` or `/`
# with constants at all, and code written with int64 fails where somebody changes a type.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'openvino==2026.4.1' 2>/dev/null
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import numpy as np
import openvino as ov
from openvino import opset13 as ops


def kind(compute):
    try:
        return compute().get_element_type().to_dtype().name
    except RuntimeError:
        return "raises"


print("openvino", ov.__version__)
print(f"{'node':8} {'+ 3':8} {'+ 3.0':8} {'+ scalar':8} {'+ array ()':10} {'+ array (1,)':12} add(scalar)")
rows = {}
for dtype in (np.int32, np.int64, np.float16, np.float32, np.float64):
    node = ops.parameter([2], dtype)
    numbers = (3, 3.0, dtype(3), np.array(3, dtype), np.array([3], dtype))
    row = [kind(lambda: node + number) for number in numbers] + [kind(lambda: ops.add(node, dtype(3)))]
    rows[dtype.__name__] = row
    print(f"{dtype.__name__:8} {row[0]:8} {row[1]:8} {row[2]:8} {row[3]:10} {row[4]:12} {row[5]}")
refused = [rows[name][2] == "raises" for name in ("int32", "float16", "float32")]
taken = [row[5] == name for name, row in rows.items()]
sys.exit(not (all(refused) and all(taken) and rows["int32"][3] == "raises" and rows["float32"][3] == "float32"))
PYTHON
echo "OpenVINO's operators refuse NumPy scalars of the node's own type, which its functions take."
