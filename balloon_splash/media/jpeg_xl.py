"""JPEG XL files, which a plugin of Pillow decodes on opening: their size is read before that (ISO 18181-1)."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from balloon_splash.errors import MediaError

PLUGIN = "pillow_jxl"
CODESTREAM = b"\xff\x0a"
CONTAINER = b"\0\0\0\x0cJXL \r\n\x87\n"
HEAD = 2**20
"""Bytes of a file that have to include the size; metadata may come first."""

HEADER = 16
"""Bytes of a codestream that hold its size."""

UNREAD = {b"xml ": "XMP", b"jumb": "content credentials (C2PA)", b"jhgm": "the gain map (HDR)"}
"""Boxes that the plugin neither reads nor writes, and their names in notes."""

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


def check_jpeg_xl(source: str | os.PathLike[str] | IO[bytes], name: str, limit: int) -> None:
    """Refuse a JPEG XL file that is too large, or does not give its size, before opening, which would decode it.

    Raises:
        MediaError: it has more than ``limit`` pixels, or its size is not in its first bytes.
    """
    head = _head(source, len(CONTAINER))
    if not is_jpeg_xl(head):
        return
    size = jpeg_xl_size(_head(source, HEAD))
    if size is None:
        raise MediaError(f"{name}: damaged JPEG XL file; expected its size in the first {HEAD} bytes")
    if size[0] * size[1] > limit:
        found = f"{size[0]}x{size[1]} pixels"
        raise MediaError(f"{name}: too large: {found}, at most {limit} are read (BALLOON_SPLASH_MAX_PIXELS)")


def _head(source: str | os.PathLike[str] | IO[bytes], length: int) -> bytes:
    """Return the first bytes of a file, and restore its position."""
    if isinstance(source, (str, os.PathLike)):
        with Path(source).open("rb") as file:
            return file.read(length)
    place = source.tell()
    source.seek(0)
    head = source.read(length)
    source.seek(place)
    return head


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


def unread_parts(data: bytes) -> list[str]:
    """Return the names of the parts of a file that the plugin neither reads nor writes."""
    return list(dict.fromkeys(UNREAD[kind] for kind, _ in boxes(data) if kind in UNREAD))


def _codestream(data: bytes) -> int | None:
    """Return the start of the codestream: at once, or in its own box."""
    if data.startswith(CODESTREAM):
        return 0
    for kind, body in boxes(data):
        if kind in (b"jxlc", b"jxlp"):
            start = body if kind == b"jxlc" else body + 4  # behind the number of the part
            return start if data[start : start + 2] == CODESTREAM else None
    return None
