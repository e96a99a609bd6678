"""Formats of exported models: writing a model in one, and running the result."""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from balloon_splash.errors import ConfigError
from balloon_splash.export.graph import INPUT, OUTPUTS, DetectionGraph, trace
from balloon_splash.unreported import import_unreported

Array = npt.NDArray[np.generic]
Runner = Callable[[npt.NDArray[np.float32]], Sequence[Array]]
"""An image ``(3, H, W)`` to boxes, scores, classes and masks."""

OPSET = 17
"""ONNX opset: 16 is the first with all operators needed; this one is as widely read."""

EXACT_PRECISION = "f32"
"""Precision, by OpenVINO's name, in which an OpenVINO model finds what torch finds."""

SUFFIXES = {"torchscript": ".ts", "onnx": ".onnx", "openvino": ".xml"}
_NEEDED = {"torchscript": (), "onnx": ("onnx", "onnxruntime"), "openvino": ("openvino", "onnx")}


def check_installed(formats: Sequence[str]) -> None:
    """Raise ConfigError where the packages for one of the formats are missing."""
    for name in formats:
        missing = [package for package in _NEEDED[name] if find_spec(package) is None]
        if missing:
            raise ConfigError(f"format {name}: {missing[0]} is not installed; pip install 'balloon-splash[export]'")


def write(name: str, graph: DetectionGraph, example: torch.Tensor, path: Path) -> None:
    """Write a model.

    Args:
        name: one of :data:`SUFFIXES`.
        graph: the model.
        example: ``(3, H, W)`` with objects in it.
        path: a file with the format's suffix; OpenVINO's weights go beside it, with ``.bin``.
    """
    if name == "torchscript":
        trace(graph, example).save(str(path))
    elif name == "onnx":
        _write_onnx(graph, example, path)
    else:
        openvino = import_unreported("openvino")
        with tempfile.TemporaryDirectory() as folder:
            # By way of ONNX: converted from a trace, OpenVINO samples ROIs half a pixel off.
            between = Path(folder) / "model.onnx"
            _write_onnx(graph, example, between)
            openvino.save_model(openvino.Core().read_model(between), path, compress_to_fp16=False)


def _write_onnx(graph: DetectionGraph, example: torch.Tensor, path: Path) -> None:
    sizes = {name: {0: "objects"} for name in OUTPUTS}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        # The tracing exporter: torchvision has rules for NMS and ROIAlign for it, and Detectron2 for its own operators.
        torch.onnx.export(
            graph,
            (example,),
            str(path),
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_axes={INPUT: {1: "height", 2: "width"}, **sizes},
            opset_version=OPSET,
            dynamo=False,
        )


def load(name: str, path: Path, *, precision: str | None = None) -> Runner:
    """Run a written model.

    Args:
        name: one of :data:`SUFFIXES`.
        path: the file.
        precision: OpenVINO's precision, ``f32`` or ``bf16``; None leaves it to OpenVINO, as its users do.
    """
    if name == "torchscript":
        module = torch.jit.load(str(path))
        return lambda image: [each.numpy() for each in module(torch.from_numpy(image))]
    if name == "onnx":
        import onnxruntime

        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return lambda image: session.run(list(OUTPUTS), {INPUT: image})
    openvino = import_unreported("openvino")
    hint = {} if precision is None else {"INFERENCE_PRECISION_HINT": precision}
    compiled = openvino.Core().compile_model(path, "CPU", hint)
    return lambda image: [np.array(each) for each in compiled([image]).values()]


def default_precision() -> str:
    """Return OpenVINO's default precision on this processor: ``f32`` or ``bf16``."""
    bf16 = "BF16" in import_unreported("openvino").Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bf16" if bf16 else "f32"
