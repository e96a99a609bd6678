"""Files that end earlier than they announce, which FFmpeg does not report."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

_GIF_TRAILER = b";"
_TAIL_BYTES = 4096  # some writers fill up the last block with zeros

_EBML, _SEGMENT = 0x1A45DFA3, 0x18538067  # Matroska's outer elements (RFC 9559)


def is_cut_off(path: Path, container: str) -> bool:
    """Return whether a file lacks its end.

    Args:
        path: the file.
        container: FFmpeg's name of its format; False for all but GIF and Matroska.
    """
    with path.open("rb") as file:
        if container == "gif":
            file.seek(-min(_TAIL_BYTES, path.stat().st_size), os.SEEK_END)
            return not file.read().rstrip(b"\0").endswith(_GIF_TRAILER)
        if container.startswith("matroska"):
            end = _announced_end(file)
            return end is not None and end > path.stat().st_size
    return False


def _announced_end(file: BinaryIO) -> int | None:
    """Return the end, in bytes, of the segment of a Matroska file; None if it is unknown, as in live streams."""
    if _number(file, marked=True) != _EBML:
        return None
    header = _number(file)
    if header is None:
        return None
    file.seek(header, os.SEEK_CUR)
    if _number(file, marked=True) != _SEGMENT:
        return None
    size = _number(file)
    return None if size is None else file.tell() + size


def _number(file: BinaryIO, *, marked: bool = False) -> int | None:
    """Read a number of variable length (RFC 8794, section 4); None if it is "unknown" or missing.

    Args:
        file: the file, read from its position.
        marked: keep the bit that marks the length, as in the names of elements.
    """
    first = file.read(1)
    if not first or not first[0]:
        return None
    length = 9 - first[0].bit_length()
    value = int.from_bytes(first + file.read(length - 1), "big")
    if marked:
        return value
    value &= (1 << 7 * length) - 1
    return None if value == (1 << 7 * length) - 1 else value
