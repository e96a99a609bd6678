"""The convolutional part as a model of OpenVINO: converted once, quantised on request, and kept on disk."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode

from balloon_splash.inference.fast.calibration import Calibration
from balloon_splash.inference.fast.conv_part import ConvPart
from balloon_splash.inference.fast.padding import STRIDE
from balloon_splash.runtime.artifacts import artifact, digest, digest_of_weights
from balloon_splash.unreported import import_unreported, unreported

if TYPE_CHECKING:
    import openvino as ov

KIND = "openvino"
XML = "model.xml"


def openvino_model(part: ConvPart, cfg: CfgNode, calibration: Calibration | None = None) -> tuple[Path, str]:
    """Return the model of ``part``, for images of any size, from the cache or made now.

    Args:
        part: the part with its weights, norms folded.
        cfg: the configuration that it was built from.
        calibration: photos to quantise with; None leaves the weights in fp32.

    Returns:
        The model's folder, which holds :data:`XML`, and its unique key.

    Raises:
        ConfigError: there are no photos to calibrate on.
        OSError: the disk is full.
    """
    parts = {"weights": digest_of_weights(part), "structure": _structure(cfg), "openvino": version("openvino")}
    if calibration:
        parts |= {"calibration": calibration.key, "nncf": version("nncf")}
    key = digest(parts)

    def make(folder: Path) -> None:
        model = convert(part)
        if calibration:
            model = quantise(model, calibration.images())
        import_unreported("openvino").save_model(model, folder / XML, compress_to_fp16=False)

    return artifact(KIND, key, make), key


@torch.no_grad()  # also because frozen norms compute differently where gradients are needed
def convert(part: ConvPart) -> ov.Model:
    """Convert ``part`` to a model with one input ``(1, C, H, W)`` of any height and width."""
    example = torch.zeros(1, 3, 4 * STRIDE, 6 * STRIDE)
    traced = torch.jit.trace(part, example, check_trace=False)
    converter = import_unreported("openvino")
    with unreported():
        model = converter.convert_model(traced, example_input=example)
    model.reshape([1, 3, -1, -1])
    return model


def quantise(model: ov.Model, images: Sequence[npt.NDArray[np.float32]]) -> ov.Model:
    """Quantise weights and activations of ``model`` to 8 bits where that costs little.

    NNCF's post-training quantisation: weights symmetric, activations asymmetric where that is better (its preset
    "mixed"), each convolution's ranges measured on ``images``.

    Args:
        model: the model in fp32.
        images: ``(1, C, H, W)`` normalised and padded.
    """
    nncf = import_unreported("nncf")
    nncf.set_log_level("ERROR")
    with unreported():
        return nncf.quantize(model, nncf.Dataset(images), preset=nncf.QuantizationPreset.MIXED, subset_size=len(images))


def channels_last_outputs(model: ov.Model, bf16: int) -> ov.Model:
    """Give ``model`` outputs ``(N, h, w, C)``, as it computes them, and the first ``bf16`` of them in bfloat16."""
    openvino = import_unreported("openvino")
    steps = import_unreported("openvino.preprocess").PrePostProcessor(model)
    for number in range(len(model.outputs)):
        output = steps.output(number)
        output.model().set_layout(openvino.Layout("NCHW"))
        output.tensor().set_layout(openvino.Layout("NHWC"))
        if number < bf16:
            output.tensor().set_element_type(openvino.Type.bf16)
    return steps.build()


def _structure(cfg: CfgNode) -> str:
    """Return every part of a configuration on which the model may depend."""
    model = cfg.MODEL.clone()
    model.defrost()
    for key in ("WEIGHTS", "DEVICE", "BALLOON"):
        model.pop(key, None)
    return str(model.dump() + cfg.INPUT.dump())
