"""Greedy non-maximum suppression of boxes, as in Detectron2, by OpenVINO, which stops when it has enough of them."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime.boxes import Boxes
from balloon_splash.runtime.engine import Program
from balloon_splash.unreported import import_unreported


def suppressed(
    boxes: Boxes, scores: npt.NDArray[np.float32], overlap: float, *, most: int | None = None
) -> npt.NDArray[np.intp]:
    """Return the indices of the boxes that stay, best score first.

    Args:
        boxes: ``(N, 4)``.
        scores: ``(N,)``; of equal ones the first is better.
        overlap: IoU above which the worse of two boxes is dropped.
        most: number of boxes after which to stop; None for all.
    """
    if not len(boxes):
        return np.zeros(0, np.intp)
    order = np.argsort(-scores, kind="stable")
    ranks = np.arange(len(order), 0, -1, dtype=np.float32)  # OpenVINO drops scores below zero, such as logits
    most = len(boxes) if most is None else most
    (kept,) = _program()(boxes[order][None], ranks[None, None], np.array(most, np.int64), np.array(overlap, np.float32))
    return order[kept[kept[:, 2] >= 0, 2]]


@functools.cache
def _program() -> Program:
    openvino, ops = import_unreported("openvino"), import_unreported("openvino.opset13")
    boxes, scores = ops.parameter([1, -1, 4], np.float32), ops.parameter([1, 1, -1], np.float32)
    most, overlap = ops.parameter([], np.int64), ops.parameter([], np.float32)
    kept = ops.non_max_suppression(
        boxes, scores, most, overlap, box_encoding="corner", sort_result_descending=False, output_type="i32"
    )
    model = openvino.Model([kept.output(0)], [boxes, scores, most, overlap])
    # One thread is enough, and leaves the cores to the convolutions of other pictures.
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "ENABLE_CPU_PINNING": False}
    return Program(openvino.Core().compile_model(model, "CPU", settings))
