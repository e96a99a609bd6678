#!/bin/bash
# mean-average-precision and mapcalc take the corners of a box for whole pixels that belong to it, as PASCAL VOC did, and add 1 to each side.
# With YOLO's boxes, which are shares of the picture, that 1 is the whole picture: a box beside a small balloon, twice its width
# away, has an IoU of 0.69 with it, and the average precision says that all was found. One would expect the same figure in any unit, as an
# IoU has none, or a warning.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'mean-average-precision==2024.1.5.0' 'mapcalc==0.2.2' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import numpy as np
from mapcalc import calculate_map
from mean_average_precision import MetricBuilder

SIDE = 500
TRUTH = np.array([[300.0, 300, 325, 325]])
FOUND = np.array([[350.0, 350, 375, 375]])  # beside the only balloon


def by_builder(truth, found):
    metric = MetricBuilder.build_evaluation_metric("map_2d", async_mode=False, num_classes=1)
    metric.add(np.hstack([found, [[0, 0.9]]]), np.hstack([truth, [[0, 0, 0]]]))
    return float(metric.value(iou_thresholds=0.5)["mAP"])


def by_mapcalc(truth, found):
    true = {"boxes": truth.tolist(), "labels": [1]}
    return float(calculate_map(true, {"boxes": found.tolist(), "labels": [1], "scores": [0.9]}, 0.5))


print("mean-average-precision", version("mean-average-precision"), "mapcalc", version("mapcalc"))
print("AP at IoU 0.5 of one box beside the only balloon:")
wrong = True
for name, measure in (("mean-average-precision", by_builder), ("mapcalc", by_mapcalc)):
    pixels, shares = measure(TRUTH, FOUND), measure(TRUTH / SIDE, FOUND / SIDE)
    print(f"  {name}: {pixels:.2f} in pixels, {shares:.2f} as shares of the picture")
    wrong = wrong and pixels == 0 and shares > 0.99
sys.exit(not wrong)
PYTHON
echo "The same boxes are all missed in pixels, and all found as shares of the picture."
