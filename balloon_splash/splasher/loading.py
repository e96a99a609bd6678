"""Choice of the finder that runs a model: the light runtime wherever it can, else torch."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from balloon_splash.compositing import DEFAULT_CONFIDENCE
from balloon_splash.errors import ConfigError, UsageError
from balloon_splash.extras import TRAIN
from balloon_splash.splasher.finder import Finder
from balloon_splash.web.addresses import without_secrets
from balloon_splash.weights.fetch import packed_weights
from balloon_splash.weights.packed import Packed

logger = logging.getLogger(__name__)

LEAST_SCALE = 32
"""Least short edge, in pixels, of a picture in the network."""


def load_finder(
    config_file: str | None = None,
    weights: str | None = None,
    *,
    device: str | None = None,
    confidence: float = DEFAULT_CONFIDENCE,
    backend: str = "auto",
    precision: str = "auto",
    calibration: Sequence[str | Path] = (),
    scales: Sequence[int] = (),
    opts: Sequence[str] = (),
) -> Finder:
    """Load a model: by :mod:`balloon_splash.runtime` unless ``backend`` is ``torch`` or something prevents it.

    A GPU, a file that was not packed for the runtime, a separate configuration, or calibration photos prevent it;
    :mod:`balloon_splash.inference` then runs the model with torch.

    Args:
        config_file: see :meth:`balloon_splash.inference.segmenter.Segmenter.from_config`, as for all the others.
        weights: path, URL, folder of a model, or a name; None stands for the model that ships.
        device: a torch device.
        confidence: objects with a lower score are left out.
        backend: ``auto``, ``torch`` or ``openvino``.
        precision: ``auto``, ``fp32``, ``bf16`` or ``int8``.
        calibration: photos for int8.
        scales: short edges in pixels at which the model sees each picture.
        opts: ``KEY VALUE`` overrides of the configuration.

    Raises:
        UsageError: a scale of less than 32 pixels.
        ConfigError: the model does not support the options, or a package that runs it is not installed.
        WeightsError: the weights are missing, damaged, or do not fit.
    """
    for scale in scales:
        if scale < LEAST_SCALE:
            raise UsageError(f"--scales {scale}; expected {LEAST_SCALE} pixels or more")
    choice = _packed_or_hindrance(config_file, weights, device, backend, calibration, opts)
    if isinstance(choice, Packed):
        from balloon_splash.runtime.finder import OpenVinoFinder

        return OpenVinoFinder(choice, confidence=confidence, precision=precision, scales=scales)
    logger.info("torch runs the model, since %s", choice)
    missing = [name for name in ("torch", "detectron2") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"{choice}, which needs {' and '.join(missing)}, not installed here; {TRAIN}")
    from balloon_splash.quick_start import quick_imports

    with quick_imports():
        from balloon_splash.inference.segmenter import Segmenter

    return Segmenter.from_config(
        config_file,
        weights,
        device=device,
        confidence=confidence,
        backend=backend,
        precision=precision,
        calibration=calibration,
        scales=scales,
        opts=opts,
    )


def describe_choice() -> str:
    """Say what :func:`load_finder` runs the model that ships with unless asked otherwise, and why.

    Raises:
        ConfigError, WeightsError: it cannot be run.
    """
    choice = _packed_or_hindrance(None, None, None, "auto", (), ())
    if not isinstance(choice, Packed):
        return f"torch, since {choice}"
    from balloon_splash.runtime.engine import Engine
    from balloon_splash.runtime.packed_file import PackedFile
    from balloon_splash.runtime.precision import choose_precision

    precision = choose_precision("auto", PackedFile(choice).structure, Engine().capabilities).name
    why = "its file holds ranges for it" if precision == "int8" else "the processor has it"
    return f"openvino in {precision}, since there is no GPU and {why}"


def _packed_or_hindrance(
    config_file: str | None,
    weights: str | None,
    device: str | None,
    backend: str,
    calibration: Sequence[str | Path],
    opts: Sequence[str],
) -> Packed | str:
    """Return the packed model that the runtime runs, or what prevents it."""
    if backend == "torch":
        return "--backend torch was chosen"
    if config_file is not None or opts:
        return "a configuration was given"
    if calibration:
        return "photos to calibrate on were given"
    if device not in (None, "cpu"):
        return f"device {device} was chosen"
    if find_spec("openvino") is None:
        return "OpenVINO is not installed"
    if device is None and backend == "auto" and _has_gpu():
        return "there is a GPU"
    packed = packed_weights(weights)
    if packed is None:
        return f"{without_secrets(str(weights))} is not a packed model"
    if packed.about.structure is None:
        return f"{packed.path} was not packed for the runtime"
    return packed


def _has_gpu() -> bool:
    """Return whether torch can use a GPU; import torch only where there is a driver."""
    if shutil.which("nvidia-smi") is None or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
