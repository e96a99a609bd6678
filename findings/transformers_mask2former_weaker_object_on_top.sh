#!/bin/bash
# post_process_instance_segmentation of Transformers' Mask2Former paints its objects into one map, the surest first, so that
# where two overlap the pixels go to the one of the lower score, whatever the order of the queries. A balloon that covers another one
# loses its edge to a doubtful object behind it. Pixels of no object are -1, and the ids of objects begin at 0.
# return_binary_maps=True keeps whole masks.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'transformers==5.24.0' 'torch==2.11.0' 'torchvision==0.26.0' 'pillow==13.0.0' 'scipy<2' \
  2>/dev/null
HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PYTHON'
import sys
from types import SimpleNamespace

import torch
import transformers
from transformers import Mask2FormerImageProcessor

SIDE = 96
SURE, DOUBTFUL = (0.99, slice(10, 50)), (0.7, slice(40, 80))  # score, and the square's rows and columns


def processed(objects, **options):
    classes = torch.zeros(1, len(objects), 2)  # one class, and "no object" with a logit of 0
    masks = torch.full((1, len(objects), SIDE, SIDE), -10.0)
    for query, (score, part) in enumerate(objects):
        classes[0, query, 0] = torch.logit(torch.tensor(score))
        masks[0, query, part, part] = 10.0
    outputs = SimpleNamespace(class_queries_logits=classes, masks_queries_logits=masks)
    (result,) = Mask2FormerImageProcessor().post_process_instance_segmentation(
        outputs, threshold=0.5, target_sizes=[(SIDE, SIDE)], **options
    )
    return result["segmentation"], [round(each["score"], 2) for each in result["segments_info"]]


print("transformers", transformers.__version__, "torch", torch.__version__)
as_said = True
for name, objects in {"sure first": [SURE, DOUBTFUL], "doubtful first": [DOUBTFUL, SURE]}.items():
    segmentation, scores = processed(objects)
    ids, counts = (values.tolist() for values in segmentation.long().unique(return_counts=True))
    owner = scores[int(segmentation[45, 45])]
    print(f"{name}: pixels {dict(zip(ids, counts, strict=True))}, scores {scores}; the overlap goes to {owner}")
    as_said &= ids == [-1, 0, 1] and counts[1] < 1550 < counts[2] and owner == min(scores)
whole, _ = processed([SURE, DOUBTFUL], return_binary_maps=True)
areas = [int(each.sum()) for each in whole]
print("return_binary_maps: pixels", areas)
sys.exit(not (as_said and min(areas) > 1590))
PYTHON
echo "In Transformers' map of objects, the less sure of two that overlap keeps the pixels they share."
