"""Choice of the finder that runs a model: the light runtime wherever it can, else torch."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from balloon_splash.compositing import DEFAULT_CONFIDENCE
from balloon_splash.errors import ConfigError, UsageError
from balloon_splash.extras import TRAIN
from balloon_splash.splasher.finder import Finder
from balloon_splash.web.addresses import without_secrets
from balloon_splash.weights.fetch import in_folder, local_weights
from balloon_splash.weights.names import SHIPPED, SHORT_NAMES, absent, shipped_model
from balloon_splash.weights.packed import SUFFIX, read_about

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
    if weights is not None:
        if not _may_be_weights(weights):
            raise absent(weights)
        weights = in_folder(weights)
    hindrance = _hindrance(config_file, weights, device, backend, calibration, opts)
    if hindrance is None:
        from balloon_splash.runtime.finder import OpenVinoFinder

        return OpenVinoFinder(_packed_file(weights), confidence=confidence, precision=precision, scales=scales)
    logger.info("torch runs the model, since %s", hindrance)
    missing = [name for name in ("torch", "detectron2") if find_spec(name) is None]
    if missing:
        raise ConfigError(f"{hindrance}, which takes {' and '.join(missing)}, not installed here; {TRAIN}")
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
    hindrance = _hindrance(None, None, None, "auto", (), ())
    if hindrance is not None:
        return f"torch, since {hindrance}"
    from balloon_splash.runtime.engine import Engine
    from balloon_splash.runtime.packed_file import PackedFile
    from balloon_splash.runtime.precision import choose_precision

    structure = PackedFile(shipped_model()).structure
    precision = choose_precision("auto", structure, Engine().capabilities).name
    why = "its file holds ranges for it" if precision == "int8" else "the processor has it"
    return f"openvino in {precision}, since there is no GPU and {why}"


def _hindrance(
    config_file: str | None,
    weights: str | None,
    device: str | None,
    backend: str,
    calibration: Sequence[str | Path],
    opts: Sequence[str],
) -> str | None:
    """Return why the runtime does not run the model; None if it does."""
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
    if weights not in (None, SHIPPED) and Path(urlsplit(str(weights)).path).suffix != SUFFIX:
        return f"{without_secrets(str(weights))} is not a packed model"
    file = _packed_file(weights)
    about = read_about(str(file))
    if about is None or about.structure is None:
        return f"{file} was not packed for the runtime"
    if device is None and backend == "auto" and _has_gpu():
        return "there is a GPU"
    return None


def _may_be_weights(word: str) -> bool:
    """Return true for a short name, a file, an address, and what may be a name of Detectron2's zoo."""
    return word in SHORT_NAMES or "://" in word or word.endswith((".yaml", ".py")) or Path(word).exists()


def _packed_file(weights: str | None) -> Path:
    """The file of a packed model; that of a URL is fetched once."""
    return shipped_model() if weights in (None, SHIPPED) else Path(local_weights(str(weights)))


def _has_gpu() -> bool:
    """Return whether torch can use a GPU; import torch only where there is a driver."""
    if shutil.which("nvidia-smi") is None or find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()
