"""Devices of torch on this machine, and their support for bfloat16."""

from __future__ import annotations

import torch

from balloon_splash.errors import ConfigError


def default_device() -> str:
    """Return ``"cuda"`` if there is a CUDA device, else ``"cpu"``."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def check_device(name: str) -> None:
    """Check that ``name`` is a device that torch can use.

    Raises:
        ConfigError: torch does not know the device, or it is not available.
    """
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ConfigError(f"device {name!r}: unknown to torch; expected cpu, cuda, cuda:1, ...") from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ConfigError(f"device {name!r}: torch sees no CUDA device here; expected 'cpu'")


def has_bf16(device: str) -> bool:
    """Return whether a torch device has instructions for bfloat16, rather than emulating it."""
    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # New in torch 2.10; without it every CPU counts as lacking them.
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
