"""Duration of the last picture of an animation, which FFmpeg's writers of WebP and APNG ignore."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

_MILLISECONDS = 1000
_LONGEST_WEBP = 2**24 - 1  # milliseconds, three bytes
_LONGEST_APNG = 2**16 - 1  # two bytes
_DURATION_IN_FRAME = 12  # bytes of place and size come first (WebP container specification, ANMF)
_DELAY_IN_FRAME = 20  # bytes of number, size and place come first (PNG, third edition, 11.3.6.2)


def set_last_duration(path: Path, suffix: str, seconds: Fraction) -> None:
    """Write the duration of the last picture of a WebP or APNG file; leave other files as they are.

    Args:
        path: the file, whole and sound.
        suffix: what kind of file it is.
        seconds: the duration.
    """
    if suffix not in (".webp", ".png", ".apng"):
        return
    with path.open("r+b") as file:
        if suffix == ".webp":
            _in_webp(file, seconds)
        else:
            _in_png(file, seconds)


def _in_webp(file: BinaryIO, seconds: Fraction) -> None:
    places = [place for name, place, _ in _chunks(file, 12, "<4sI", padding=2) if name == b"ANMF"]
    if places:
        file.seek(places[-1] + _DURATION_IN_FRAME)
        file.write(min(round(seconds * _MILLISECONDS), _LONGEST_WEBP).to_bytes(3, "little"))


def _in_png(file: BinaryIO, seconds: Fraction) -> None:
    found = [place for name, place, _ in _chunks(file, 8, ">I4s", check=4) if name == b"fcTL"]
    if not found:
        return
    file.seek(found[-1])
    body = bytearray(file.read(26))
    delay = min(seconds, Fraction(_LONGEST_APNG)).limit_denominator(_LONGEST_APNG)
    if delay.numerator > _LONGEST_APNG:
        delay = Fraction(round(delay * 100), 100) if delay * 100 <= _LONGEST_APNG else Fraction(round(delay))
    struct.pack_into(">HH", body, _DELAY_IN_FRAME, delay.numerator, delay.denominator)
    file.seek(found[-1])
    file.write(body + struct.pack(">I", zlib.crc32(b"fcTL" + body)))


def _chunks(
    file: BinaryIO, start: int, header: str, *, padding: int = 1, check: int = 0
) -> Iterator[tuple[bytes, int, int]]:
    """Yield name, place of the body and length of each chunk, without reading them."""
    end, place = file.seek(0, os.SEEK_END), start
    while place + 8 <= end:
        file.seek(place)
        first, second = struct.unpack(header, file.read(8))
        name, length = (first, second) if isinstance(first, bytes) else (second, first)
        yield name, place + 8, length
        place += 8 + length + -length % padding + check
