"""Run an exported model: ``python model_example.py model.onnx photo.jpg`` writes ``photo_splash.png``.

Needs NumPy, Pillow, and what runs the format: onnxruntime, openvino, or torch with torchvision. The JSON file that lies
beside the model says how it wants its photos. Copy what you need.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Array = npt.NDArray[Any]
Run = Callable[[Array], Sequence[Array]]
"""An image ``(3, h, w)`` to boxes ``(N, 4)``, scores ``(N,)``, classes ``(N,)`` and soft masks ``(N, M, M)``."""


def load_onnx(path: Path, usage: dict[str, Any]) -> Run:
    """Load an ONNX model."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda image: session.run(list(usage["outputs"]), {"image": image})


def load_openvino(path: Path, usage: dict[str, Any]) -> Run:
    """Load an OpenVINO model; its weights, ``.bin``, are beside it."""
    import openvino

    compiled = openvino.Core().compile_model(path, "CPU", usage["openvino"]["compile_with"])
    return lambda image: [np.array(each) for each in compiled([image]).values()]


def load_torchscript(path: Path, _usage: dict[str, Any]) -> Run:
    """Load a TorchScript model."""
    import torch
    import torchvision  # noqa: F401  (its operators, NMS and ROIAlign, are in the model)

    module = torch.jit.load(str(path))
    return lambda image: [each.numpy() for each in module(torch.from_numpy(image))]


LOADERS = {".onnx": load_onnx, ".xml": load_openvino, ".ts": load_torchscript}


def resized(photo: Array, usage: dict[str, Any]) -> Array:
    """Resize a photo ``(H, W, 3)``, RGB, to what the model takes: ``(3, h, w)`` float32, 0 to 255."""
    height, width = photo.shape[:2]
    wanted = usage["input"]
    scale = min(wanted["short_edge"] / min(height, width), wanted["longest_edge"] / max(height, width))
    size = max(1, int(width * scale + 0.5)), max(1, int(height * scale + 0.5))
    small = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BILINEAR), np.float32)
    channels = small[:, :, ::-1] if wanted["channels"] == "BGR" else small
    return np.ascontiguousarray(channels.transpose(2, 0, 1))


def pasted(soft_mask: Array, box: Array, height: int, width: int) -> Array:
    """Stretch a soft mask ``(M, M)`` over its box in a photo; ``(height, width)``, true on the object."""

    def weights(start: float, end: float, length: int) -> Array:  # of each cell for each pixel: bilinear
        cells = len(soft_mask)
        place = (np.arange(length) + 0.5 - start) / max(end - start, 1e-6) * cells - 0.5
        return np.clip(1 - np.abs(place[:, None] - np.arange(cells)), 0, None)

    probability = weights(box[1], box[3], height) @ soft_mask @ weights(box[0], box[2], width).T
    return np.asarray(probability >= 0.5)


def find(run: Run, photo: Array, usage: dict[str, Any]) -> tuple[Array, Array, Array, Array]:
    """Return boxes ``(N, 4)`` in pixels of the photo, scores ``(N,)``, classes ``(N,)`` and masks ``(N, H, W)``."""
    image = resized(photo, usage)
    boxes, scores, classes, soft_masks = run(image)
    height, width = photo.shape[:2]
    boxes = boxes * np.tile([width / image.shape[2], height / image.shape[1]], 2)
    masks = [pasted(soft, box, height, width) for soft, box in zip(soft_masks, boxes, strict=True)]
    return boxes, scores, classes, np.array(masks, bool).reshape(-1, height, width)


def main(model: str, photo_file: str) -> None:
    """Keep the colour of a photo on what the model finds."""
    path = Path(model)
    usage = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    photo = np.asarray(ImageOps.exif_transpose(Image.open(photo_file)).convert("RGB"))
    boxes, scores, classes, masks = find(LOADERS[path.suffix](path, usage), photo, usage)
    for box, score, number in zip(boxes, scores, classes, strict=True):
        print(usage["class_names"][int(number)], f"{score:.2f}", box.round(1).tolist())
    grey = np.asarray(Image.fromarray(photo).convert("L"))[:, :, None]
    splash = np.where(np.any(masks, axis=0, keepdims=True).transpose(1, 2, 0), photo, grey)
    source = Path(photo_file)
    with source.with_name(f"{source.stem}_splash.png").open("xb") as target:  # an error if it exists
        Image.fromarray(splash).save(target, "PNG")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(f"usage: python {sys.argv[0]} MODEL PHOTO; MODEL ends in {', '.join(LOADERS)}")
    try:
        main(*sys.argv[1:])
    except FileExistsError as error:
        sys.exit(f"error: {error.filename}: exists already; remove it, or rename the photo")
    except OSError as error:
        sys.exit(f"error: {error}")
