"""Number of samples that an MP4 or MOV file announces (ISO 14496-12), read without FFmpeg."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

_PARENTS = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf"})
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"moof", b"sidx"})
_MOST_BOXES = 1_000_000  # a day of fragments of one second


@dataclass(frozen=True)
class _Box:
    kind: bytes
    start: int  # of the body
    end: int


def announced_samples(file: BinaryIO) -> int:
    """Return the most samples that any table of the file announces, over all fragments together; 0 for other formats.

    FFmpeg allocates 24 bytes for each, with or without data.
    """
    size = file.seek(0, os.SEEK_END)
    tables, fragments = 0, 0
    for number, box in enumerate(_boxes(file, 0, size)):
        if number == 0 and box.kind not in _FIRST_BOXES:
            return 0
        if number == _MOST_BOXES:
            break
        if box.kind in (b"stsz", b"stz2"):
            tables = max(tables, _number(file, box.start + 8))
        elif box.kind == b"stsc":
            tables = max(tables, _most_in_chunk(file, box))
        elif box.kind == b"trun":
            fragments += _number(file, box.start + 4)
    return max(tables, fragments)


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[_Box]:
    """Yield all boxes between two positions, each before those inside it."""
    ends = [end]
    while ends:
        if start + 8 > ends[-1]:
            start = ends.pop()
            continue
        file.seek(start)
        header = file.read(16)
        if len(header) < 8:
            return
        length, kind = struct.unpack_from(">I4s", header)
        body = start + 8
        if length == 1 and len(header) == 16:
            length, body = int.from_bytes(header[8:], "big"), start + 16
        stop = ends[-1] if length == 0 else min(start + length, ends[-1])
        if stop < body:
            return
        yield _Box(kind, body, stop)
        if kind in _PARENTS:
            ends.append(stop)
            start = body
        else:
            start = stop


def _number(file: BinaryIO, position: int) -> int:
    """Read a number of four bytes; 0 behind the end of the file."""
    file.seek(position)
    return int.from_bytes(file.read(4), "big")


def _most_in_chunk(file: BinaryIO, box: _Box) -> int:
    """Return the most samples in a chunk; an entry is the first chunk, the samples in each, and a description."""
    file.seek(box.start + 8)
    entries = file.read(max(0, min(box.end - box.start - 8, 2**24)))
    return max((samples for _, samples, _ in struct.iter_unpack(">III", entries[: len(entries) // 12 * 12])), default=0)
