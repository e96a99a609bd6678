#!/bin/bash
# faster-coco-eval counts every object without `area` as small. `area` is left out by hand-made and converted COCO files; pycocotools
# raises KeyError then, hotcoco computes it. faster-coco-eval takes 0, without a word, so that an object of 200 x 200 pixels is scored as
# smaller than 32 x 32: AP is right, while AP small holds everything, and AP medium and large are -1. One would expect one of the others.
# Who chooses input size or anchors by "our small objects are fine" reads the large ones. Add `area` before evaluating.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'faster-coco-eval==1.8.0' 'hotcoco==1.3.0' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version

import faster_coco_eval
import hotcoco

boxes = [(10, 10, 200, 200), (250, 250, 50, 50)]  # one large, one medium
truth = {
    "images": [{"id": 1, "file_name": "a.jpg", "width": 400, "height": 400}],
    "categories": [{"id": 1, "name": "balloon"}],
    "annotations": [{"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": box} for number, box in enumerate(boxes, 1)],
}
with open("truth.json", "w") as file:
    json.dump(truth, file)
with open("results.json", "w") as file:
    json.dump([{"image_id": 1, "category_id": 1, "bbox": boxes[0], "score": 0.9}], file)  # the medium one is missed


def ap_by_size(read, evaluator):
    with contextlib.redirect_stdout(io.StringIO()):
        dataset = read("truth.json")
        evaluation = evaluator(dataset, dataset.loadRes("results.json"), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return [round(float(value), 2) for value in evaluation.stats[3:6]]


print("faster-coco-eval", version("faster-coco-eval"), "hotcoco", version("hotcoco"))
print("a large object is found, a medium one is missed; AP of small, medium and large objects:")
found = {
    "faster-coco-eval": ap_by_size(faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
    "hotcoco": ap_by_size(hotcoco.COCO, hotcoco.COCOeval),
}
for name, values in found.items():
    print(f"  {name:17}", values)
sys.exit(found["hotcoco"] != [-1.0, 0.0, 1.0] or found["faster-coco-eval"][1:] == [0.0, 1.0] or found["faster-coco-eval"][0] < 0)
PYTHON
echo "faster-coco-eval takes a missing area for 0, and every such object for a small one."
