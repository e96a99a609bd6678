#!/bin/bash
# ncnn.Mat and ncnn.Mat.from_pixels take an array's address and shape and leave out its strides. NumPy's usual steps before a model
# are views: photo.transpose(2, 0, 1) for channels first, photo[y:y2, x:x2] for the crop of an object, photo[..., ::-1] for BGR,
# photo[:, ::-1] for a mirror image. Of each of them ncnn reads the photo's memory in its old order, so that the model sees
# scrambled or slanted pixels and wrong colours. One would expect the values of the array, as ONNX Runtime reads them, or an
# error; the shape is right and nothing is reported. np.ascontiguousarray in front of it mends all of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ncnn==1.0.20261020' 'numpy==2.4.6' 2>/dev/null
cd "$folder"
"$folder/venv/bin/python" - <<'PYTHON'
import sys
from importlib.metadata import version

import ncnn
import numpy as np

RGB = ncnn.Mat.PixelType.PIXEL_RGB
# Each pixel tells where it is: red is its column, green its row, blue is 200. The room behind the photo belongs to it as well.
memory = np.full((60, 96, 3), 200, np.uint8)
memory[..., 0], memory[..., 1] = np.arange(96), np.arange(60)[:, None]
photo = memory[:50]


def from_array(view):
    return np.array(ncnn.Mat(view).clone()), view


def from_pixels(view):
    height, width, _ = view.shape
    return np.array(ncnn.Mat.from_pixels(view, RGB, width, height)), view.transpose(2, 0, 1)


found = {
    "Mat, contiguous": from_array(np.ascontiguousarray(photo.transpose(2, 0, 1), np.float32)),
    "Mat, transpose(2, 0, 1)": from_array(photo.astype(np.float32).transpose(2, 0, 1)),
    "from_pixels, the photo": from_pixels(photo),
    "from_pixels, a copy of the crop": from_pixels(np.ascontiguousarray(photo[10:30, 40:70])),
    "from_pixels, crop [10:30, 40:70]": from_pixels(photo[10:30, 40:70]),
    "from_pixels, BGR [..., ::-1]": from_pixels(photo[..., ::-1]),
    "from_pixels, mirrored [:, ::-1]": from_pixels(photo[:, ::-1]),
}
print("ncnn", version("ncnn"), "numpy", np.__version__)
wrong = []
for name, (got, expected) in found.items():
    assert got.shape == expected.shape
    wrong.append(float(np.mean(np.any(got != expected, axis=0))))
    place = (slice(None), 5, 3)
    values = f"pixel (3, 5) is {got[place].astype(int)}, should be {expected[place].astype(int)}"
    print(f"{name:34} shape {got.shape}, {values}; wrong pixels: {wrong[-1]:.0%}")
crop = photo[10:30, 40:70]
with_stride = np.array(ncnn.Mat.from_pixels(crop, RGB, 30, 20, photo.strides[0]))
print("the crop with the stride of the photo as a fifth argument is right:", np.array_equal(with_stride, crop.transpose(2, 0, 1)))
whole = [wrong[0], wrong[2], wrong[3]]
views = [wrong[1], *wrong[4:]]
sys.exit(not (max(whole) == 0 and min(views) > 0.9))
PYTHON
echo "ncnn reads a transposed, cropped or flipped array in the order of its memory."
