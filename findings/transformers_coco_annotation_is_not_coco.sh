#!/bin/bash
# What Transformers returns for `return_coco_annotation=True` is not what COCO's tools read, and its first mask is not an object. The option of
# post_process_instance_segmentation(), of MaskFormer and Mask2Former alike, is described as "run-length encoding (RLE) format" for COCO. COCO
# counts down the columns, beginning with the length of a run of zeros; these lists run along the rows, in pairs of start and length, counted
# from 1. pycocotools refuses them. Worse, they have no fixed partner: where any pixel belongs to no object, the first list is the background,
# while `segments_info` has the objects alone, so that zip() gives each object the mask of the one before, and drops the last
# mask. Where objects cover the picture, the pairs are right. One would expect one COCO mask per object. Without the option, the map of
# ids is right: encode `map == info["id"]` by pycocotools.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'transformers==5.24.0' 'torch==2.11.0' 'torchvision==0.26.0' 'pycocotools==2.0.11' 'pillow==13.0.0' \
    2>/dev/null
cd "$folder"
"$folder/venv/bin/python" -W ignore - 2>messages.txt <<'PYTHON' || { tail -5 messages.txt; exit 1; }
import sys
from importlib.metadata import version
from types import SimpleNamespace

import numpy as np
import torch
from pycocotools import mask as masks
from transformers import Mask2FormerImageProcessor, MaskFormerImageProcessor

SIDE, QUERIES, CLASSES = 384, 5, 2  # the side at which Mask2Former's masks are cut, so that nothing is resized
rows, columns = np.mgrid[:SIDE, :SIDE]
disc = np.hypot(rows - 100, columns - 100) <= 60
square = (abs(rows - 260) <= 50) & (abs(columns - 250) <= 70)


def outputs(*objects):
    """A model's answer: the given masks for the first queries, class 0, and nothing for the rest."""
    scores = torch.full((1, QUERIES, CLASSES + 1), -10.0)
    pixels = torch.full((1, QUERIES, SIDE, SIDE), -10.0)
    scores[0, :, CLASSES] = 10
    for query, mask in enumerate(objects):
        scores[0, query] = torch.tensor([10.0, -10.0, -10.0])
        pixels[0, query] = torch.where(torch.from_numpy(mask), 10.0, -10.0)
    return SimpleNamespace(class_queries_logits=scores, masks_queries_logits=pixels)


def along_rows(pairs):
    """The mask of pairs (start from 1, length) along the rows."""
    flat = np.zeros(SIDE * SIDE, bool)
    for start, length in zip(pairs[::2], pairs[1::2]):
        flat[start - 1 : start - 1 + length] = True
    return flat.reshape(SIDE, SIDE)


def read_by_coco(counts):
    try:
        return masks.decode(masks.frPyObjects({"size": [SIDE, SIDE], "counts": [int(each) for each in counts]}, SIDE, SIDE))
    except ValueError:
        return None


def name_of(mask):
    known = {"disc": disc, "square": square, "background": ~(disc | square), "rest": ~disc}
    return next((name for name, each in known.items() if np.array_equal(each, mask)), "something else")


print("transformers", version("transformers"), "pycocotools", version("pycocotools"))
found = []
for kind in (MaskFormerImageProcessor, Mask2FormerImageProcessor):
    for objects in ((disc, square), (disc, ~disc)):
        answer = kind().post_process_instance_segmentation(
            outputs(*objects), target_sizes=[(SIDE, SIDE)], return_coco_annotation=True
        )[0]
        lists = answer["segmentation"]
        names = [name_of(along_rows(each)) for each in lists]
        refused = sum(read_by_coco(each) is None for each in lists)
        found.append((names, len(answer["segments_info"]), refused))
        print(f"{kind.__name__}, {' and '.join(map(name_of, objects))}: {len(answer['segments_info'])} segments; masks along the "
              f"rows: {', '.join(names)}; pycocotools refuses {refused} of {len(lists)}")
expected = [(["background", "disc", "square"], 2, 3), (["disc", "rest"], 2, 2)] * 2
sys.exit(found != expected)
PYTHON
echo "Masks of return_coco_annotation are not COCO's run lengths, and the first is the background, which segments_info leaves out."
