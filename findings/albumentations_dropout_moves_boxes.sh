#!/bin/bash
# Albumentations' CoarseDropout and Erasing, which paint holes into a photo so that a model learns from covered objects, move the boxes of objects
# that no hole has touched: up, to the left, or smaller, by one pixel. Boxes are kept as shares of the photo, in float32; back in pixels, 40
# may be 39.999999, and is cut to 39. So it depends on the photo's sides: of 640 x 480 and of 1280 x 720 nine boxes in ten move, of
# 512 x 512, which a test would take, none. Morphological does it even with a kernel of one pixel, that changes nothing. One would expect
# boxes that no hole touches to stay, as masks do; nothing is reported. The other way round, MaskDropout blackens a whole object, empties its
# mask, and keeps its box, at the default min_area and min_visibility of 0. AlbumentationsX 2.5.1, the successor, does all of it as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'albumentations==2.0.8' 'opencv-python-headless==4.14.0.94' 2>/dev/null
cd "$folder"
NO_ALBUMENTATIONS_UPDATE=1 "$folder/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from importlib.metadata import version

import albumentations
import numpy as np

OBJECTS = 100


def objects_of(height, width):
    """Masks of rectangles of 8 to 40 pixels, and the boxes around them, whole numbers."""
    random = np.random.default_rng(0)
    sides = random.integers(8, 41, (OBJECTS, 2))
    corners = random.integers(0, [width, height] - sides)
    boxes = np.hstack([corners, corners + sides])
    masks = np.zeros((OBJECTS, height, width), np.uint8)
    for mask, (left, top, right, bottom) in zip(masks, boxes):
        mask[top:bottom, left:right] = 1
    return masks, boxes


def around(mask):
    rows, columns = np.nonzero(mask.any(1))[0], np.nonzero(mask.any(0))[0]
    return [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]


def iou(box, other):
    shared = np.clip(np.minimum(box[2:], other[2:]) - np.maximum(box[:2], other[:2]), 0, None).prod()
    return shared / ((box[2:] - box[:2]).prod() + (other[2:] - other[:2]).prod() - shared)


def pipeline(transform):
    parameters = albumentations.BboxParams(format="pascal_voc", label_fields=["numbers"])
    return albumentations.Compose([transform], bbox_params=parameters, seed=1)


def moved(transform, height, width):
    """Share of the boxes without a changed pixel that come back elsewhere, and the lowest of their IoUs with what they were."""
    masks, boxes = objects_of(height, width)
    photo = np.full((height, width, 3), 200, np.uint8)
    result = pipeline(transform)(image=photo, masks=masks, bboxes=boxes, numbers=np.arange(OBJECTS))
    changed = (result["image"] != photo).any(2)
    steps, ious = [], []
    for box, number in zip(np.array(result["bboxes"]), np.int64(result["numbers"])):
        left, top, right, bottom = boxes[number]
        if not changed[top:bottom, left:right].any():
            assert around(result["masks"][number]) == [left, top, right, bottom]  # masks stay
            steps.append(np.abs(box - boxes[number]).max())
            ious.append(iou(box, boxes[number]))
    assert len(steps) > OBJECTS / 2
    return np.mean(np.array(steps) > 0.9), min(ious), max(steps)


print("albumentations", version("albumentations"), "numpy", version("numpy"), "opencv", version("opencv-python-headless"))
print("boxes that lie beside all holes, and have moved:")
transforms = {
    "NoOp": albumentations.NoOp(p=1),
    "CoarseDropout": albumentations.CoarseDropout(num_holes_range=(1, 1), hole_height_range=(40, 40), hole_width_range=(40, 40), p=1),
    "Erasing": albumentations.Erasing(scale=(0.01, 0.01), p=1),
    "Morphological": albumentations.Morphological(scale=(1, 1), p=1),
}
right = True
for name, transform in transforms.items():
    for width, height in (640, 480), (1280, 720), (512, 512):
        share, lowest, step = moved(transform, height, width)
        print(f"  {name:13} photo of {width:4} x {height:4}: {share:6.1%}, by up to {step:.1f} pixels, lowest IoU {lowest:.2f}")
        right &= (share > 0.8 and lowest < 0.85) if name != "NoOp" and width != 512 else share == 0

photo, mask = np.full((480, 640, 3), 200, np.uint8), np.zeros((480, 640), np.uint8)
mask[40:56, 50:70] = 1
result = pipeline(albumentations.MaskDropout(max_objects=1, p=1))(image=photo, mask=mask, bboxes=[[50, 40, 70, 56]], numbers=[0])
left = int((result["image"][40:56, 50:70] != 0).sum()), int(result["mask"].sum()), len(result["bboxes"])
print(f"MaskDropout: of an object, {left[0]} pixels of the photo and {left[1]} of the mask are left, and {left[2]} box")
sys.exit(not right or left != (0, 0, 1))
PYTHON
echo "Albumentations' dropout moves boxes beside the holes by a pixel, depending on the sides of the photo."
