"""Choice of a model's precision, by the processor's instructions and the content of the model's file."""

from __future__ import annotations

import platform
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from balloon_splash.errors import ConfigError
from balloon_splash.runtime.graph import Int8
from balloon_splash.runtime.structure import Structure

AUTO = "auto"

#: Instructions that add four 8-bit products in 32 bits. Older ones add two in 16 bits, which 8-bit weights overflow.
_DOT_PRODUCTS = {"avx512_vnni", "avx_vnni"}
_X86 = {"x86_64", "amd64", "i686", "x86"}


@dataclass(frozen=True)
class Precision:
    """Precision of a model.

    Attributes:
        name: ``fp32``, ``bf16`` or ``int8``.
        floats: OpenVINO's name for the numbers of all that is not in 8 bits.
        int8: ranges and steps; None unless the model computes in 8 bits.
    """

    name: str
    floats: str
    int8: Int8 | None = None


def choose_precision(asked: str, structure: Structure, capabilities: Collection[str]) -> Precision:
    """Resolve ``auto``: int8 where the model has ranges for it, else bf16 where the processor has it, else fp32.

    Args:
        asked: ``auto``, ``fp32``, ``bf16`` or ``int8``.
        structure: holds the ranges.
        capabilities: OpenVINO's ``OPTIMIZATION_CAPABILITIES`` of the processor.

    Raises:
        ConfigError: the precision given by name is not available.
    """
    bf16 = "BF16" in capabilities
    if asked == "bf16" and not bf16:
        raise ConfigError("--precision bf16: this processor does not compute in bfloat16; expected fp32, int8 or auto")
    if asked == "int8" and not structure.ranges:
        raise ConfigError(
            "--precision int8: the model holds no ranges for it; pack it with pack_weights.py --calibration PHOTO, "
            "or choose fp32 or auto"
        )
    if asked == "int8" or (asked == AUTO and structure.ranges):
        return Precision("int8", "bf16" if bf16 else "f32", Int8(structure.ranges, weight_steps()))
    if asked == "bf16" or (asked == AUTO and bf16):
        return Precision("bf16", "bf16")
    return Precision("fp32", "f32")


def weight_steps() -> int:
    """Return the steps of 8-bit weights to either side of zero: 127, or 63 where sums of two products overflow."""
    if platform.machine().lower() not in _X86:
        return 127
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:  # not Linux: unknown, and 63 is right everywhere
        return 63
    return 127 if flags & _DOT_PRODUCTS else 63
