#!/bin/bash
# ROIAlign of ncnn pools the first box only. It takes a blob of many boxes, as the second stage of a Mask R-CNN has them,
# reports success, and returns the crop of the first one, without the dimension of the boxes. Nor does it read rows of five
# numbers, an image's index in front of the corners, as torchvision's roi_align has them: the index becomes a corner. Who
# moves a two-stage detector to a phone has to call the head once per box.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ncnn==1.0.20261020' 'numpy==2.4.6' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from pathlib import Path

import ncnn
import numpy as np

# Two bins a side, one cell of the map per pixel, adaptive sampling, aligned.
Path("pool.param").write_text(
    "7767517\n3 3\nInput map 0 1 map\nInput boxes 0 1 boxes\n"
    "ROIAlign pool 2 1 map boxes crops 0=2 1=2 2=1.0 3=0 4=1 5=0\n"
)
Path("pool.bin").write_bytes(b"")
network = ncnn.Net()
assert network.load_param("pool.param") == 0
network.load_model("pool.bin")
ramp = np.broadcast_to(np.arange(16, dtype=np.float32), (1, 16, 16)).copy()  # the value of a cell is its column


def pooled(boxes):
    extractor = network.create_extractor()
    extractor.input("map", ncnn.Mat(ramp).clone())
    extractor.input("boxes", ncnn.Mat(np.array(boxes, np.float32)).clone())
    status, crops = extractor.extract("crops")
    assert status == 0
    return np.array(crops)


print("ncnn", ncnn.__version__)
boxes = [[0, 0, 4, 4], [4, 4, 8, 8], [8, 8, 12, 12]]
together, alone = pooled(boxes), [pooled([box]) for box in boxes]
indexed = pooled([[0, 4, 4, 8, 8]])
print("three boxes at once:", together.shape, together[0, 0])
for box, crop in zip(boxes, alone, strict=True):
    print(f"{box} alone:", crop.shape, crop[0, 0])
print("[0, 4, 4, 8, 8], with an index in front:", indexed[0, 0])
first_only = together.shape == (1, 2, 2) and np.array_equal(together, alone[0])
others_differ = not np.array_equal(alone[1], alone[0]) and not np.array_equal(alone[2], alone[0])
index_is_a_corner = np.array_equal(indexed, pooled([[0, 4, 4, 8]]))
sys.exit(not (first_only and others_differ and index_is_a_corner))
PYTHON
echo "ncnn pools the first of three boxes, without a word about the others, and takes an image's index for a corner."
