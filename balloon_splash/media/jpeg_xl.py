"""JPEG XL files, which a plugin of Pillow decodes on opening: their size is read before that (ISO 18181-1)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator

PLUGIN = "pillow_jxl"
CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
HEADER = 16
"""Bytes of a codestream that hold its size."""

SIDE_BITS = (9, 13, 18, 30)
RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}
"""Ratios of width to height, by number."""


def register_jpeg_xl() -> bool:
    """Teach Pillow JPEG XL, if ``pillow-jxl-plugin`` is installed."""
    if importlib.util.find_spec(PLUGIN) is None:
        return False
    importlib.import_module(PLUGIN)
    return True


def is_jpeg_xl(data: bytes) -> bool:
    """Return whether the beginning of a file is that of a JPEG XL file."""
    return data.startswith((CODESTREAM, CONTAINER))


def jpeg_xl_size(data: bytes) -> tuple[int, int] | None:
    """Return width and height of a JPEG XL file, of which the beginning is enough; None where it does not say."""
    start = _codestream(data)
    if start is None or len(data) < start + 10:
        return None
    bits = _Bits(int.from_bytes(data[start + 2 : start + HEADER], "little"))
    in_eighths = bits.take(1) == 1
    height = _side(bits, in_eighths)
    ratio = bits.take(3)
    if ratio == 0:
        return _side(bits, in_eighths), height
    across, down = RATIOS[ratio]
    return height * across // down, height


class _Bits:
    """Numbers of some bits each, the lowest first."""

    def __init__(self, value: int) -> None:
        self._value = value

    def take(self, count: int) -> int:
        taken = self._value & ((1 << count) - 1)
        self._value >>= count
        return taken


def _side(bits: _Bits, in_eighths: bool) -> int:
    if in_eighths:
        return (bits.take(5) + 1) * 8
    return bits.take(SIDE_BITS[bits.take(2)]) + 1


def boxes(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Yield the kind of each box of a container, and the start of its body; a compressed one has its content's kind."""
    place = 0
    while data.startswith(CONTAINER) and place + 16 <= len(data):
        length, kind, body = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8], place + 8
        if length == 1:
            length, body = int.from_bytes(data[body : body + 8], "big"), body + 8
        yield (data[body : body + 4] if kind == b"brob" else kind), body
        if length < 8:
            return  # the last one
        place += length


def _codestream(data: bytes) -> int | None:
    """Return the start of the codestream: at once, or in its own box."""
    if data.startswith(CODESTREAM):
        return 0
    for kind, body in boxes(data):
        if kind in (b"jxlc", b"jxlp"):
            start = body if kind == b"jxlc" else body + 4  # behind the number of the part
            return start if data[start : start + 2] == CODESTREAM else None
    return None
