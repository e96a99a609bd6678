"""Choice of the back end that runs a model, and of its precision."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from importlib.util import find_spec

import torch

from balloon_splash.devices import has_bf16
from balloon_splash.errors import ConfigError

logger = logging.getLogger(__name__)

AUTO = "auto"
BACKENDS = (AUTO, "torch", "openvino")
PRECISIONS = (AUTO, "fp32", "bf16", "int8")


@dataclass(frozen=True)
class Choice:
    """Back end and precision of a model.

    Attributes:
        backend: ``torch`` or ``openvino``.
        precision: ``fp32``, ``bf16`` or ``int8``.
        exact: whether the model is left as it is, bit-equal to Detectron2.
    """

    backend: str
    precision: str
    exact: bool = False


EXACT = Choice("torch", "fp32", exact=True)


def choose_backend(backend: str, precision: str, device: str) -> Choice:
    """Resolve ``auto`` for this machine, and check what is given by name.

    * Back end: ``openvino`` on a CPU where it is installed, else ``torch``.
    * Precision: ``bf16`` where the device computes in bfloat16 natively, else ``fp32``. Never ``int8``, which needs
      photos to measure the ranges of values, and costs up to half a point of AP.
    * ``torch`` with ``fp32``, both given by name, is Detectron2's own computation, bit for bit; everything else is
    close.

    Args:
        backend: one of :data:`BACKENDS`.
        precision: one of :data:`PRECISIONS`.
        device: a torch device.

    Raises:
        ConfigError: no such back end or precision, or one given by name that is not available here.
    """
    _check_name("back end", backend, BACKENDS)
    _check_name("precision", precision, PRECISIONS)
    on_cpu = torch.device(device).type == "cpu"
    if backend == "torch" and precision == "fp32":
        return EXACT
    if precision == "bf16" and not has_bf16(device):
        raise ConfigError(f"precision bf16: {device} does not compute in bfloat16 natively; expected fp32 or auto")
    return Choice(
        _choose_backend(backend, precision, on_cpu),
        ("bf16" if has_bf16(device) else "fp32") if precision == AUTO else precision,
    )


def _choose_backend(backend: str, precision: str, on_cpu: bool) -> str:
    missing = None
    if not on_cpu:
        missing = "runs on the CPU only"
    elif find_spec("openvino") is None or (precision == "int8" and find_spec("nncf") is None):
        missing = "is not installed; pip install 'balloon-splash[openvino]'"
    if backend == "openvino" and missing:
        raise ConfigError(f"back end openvino: {missing}")
    if precision == "int8" and (backend == "torch" or missing):
        raise ConfigError(f"precision int8: computed by the back end openvino only{missing and f', which {missing}'}")
    if backend == AUTO and on_cpu and missing:
        logger.warning("the back end openvino, which is faster, %s; torch is used", missing)
    return "openvino" if backend != "torch" and not missing else "torch"


def _check_name(what: str, name: str, known: tuple[str, ...]) -> None:
    if name not in known:
        raise ConfigError(f"{what} {name!r}; expected {', '.join(known[:-1])} or {known[-1]}")
