"""Inventory of a HEIC or AVIF file beside the picture that is read, by its items (ISO 23008-12, ISO 14496-12)."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

GAIN_MAP = "the gain map (HDR) is left out"
CREDENTIALS = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")  # identifier of C2PA's box
PICTURES = frozenset({b"av01", b"hvc1", b"jpeg", b"grid", b"iden", b"iovl", b"j2k1", b"avc1"})
XMP_KIND = b"application/rdf+xml"

Span = tuple[int, int]
"""Start and end of the body of a box, in bytes of the file."""


@dataclass
class _Items:
    """List of items, as far as it could be read."""

    primary: int | None = None
    kinds: dict[int, bytes] = field(default_factory=dict)
    content: list[bytes] = field(default_factory=list)
    auxiliary: list[bytes] = field(default_factory=list)
    dependent: set[int] = field(default_factory=set)


def left_out(data: bytes, *, moving: bool = False) -> list[str]:
    """Return a note for each thing in the file that is left out.

    Args:
        data: the file.
        moving: whether its moving pictures are read.
    """
    found = _Items()
    notes: dict[str, None] = {}
    for kind, (start, end) in _boxes(data, 0, len(data)):
        if kind == b"meta":
            with contextlib.suppress(struct.error, IndexError):
                _read_items(data, start + 4, end, found)
        elif kind == b"mpvd":
            notes["the video of a motion photo is left out"] = None
        elif kind == b"moov" and not moving:
            notes["the moving pictures of the file are left out"] = None
        elif kind == b"uuid" and data[start : start + 16] == CREDENTIALS:
            notes["content credentials (C2PA), which hold for the original alone, are left out"] = None
    notes.update(dict.fromkeys(_about(found)))
    return list(notes)


def coded_bits(data: bytes) -> int:
    """Return the bits per channel of an AVIF or HEIF file, from the ``pixi`` box (ISO 23008-12); 8 without one.

    The box holds version and flags (4 bytes), the number of channels (1), and the bits of each.
    """
    start = data.find(b"pixi")
    return 8 if start < 0 or start + 9 >= len(data) else data[start + 9]


def _about(found: _Items) -> Iterator[str]:
    if b"tmap" in found.kinds.values():
        yield GAIN_MAP
    for urn in found.auxiliary:
        text = urn.decode("latin-1").lower()
        if "gainmap" in text:
            yield GAIN_MAP
        elif "depth" in text or text.endswith("auxid:2"):
            yield "the depth map is left out"
        elif "alpha" not in text and not text.endswith("auxid:1"):
            yield f"an auxiliary picture ({text.rsplit(':', 1)[-1]}) is left out"
    for content in found.content:
        if content != XMP_KIND:
            yield f"data of the kind {content.decode('latin-1')} are left out"
    others = [number for number, kind in found.kinds.items() if kind in PICTURES and number not in found.dependent]
    count = len([number for number in others if number != found.primary])
    if found.primary is not None and count:
        yield f"further pictures in the file are left out: {count}"


def _read_items(data: bytes, start: int, end: int, found: _Items) -> None:
    for kind, (first, last) in _boxes(data, start, end):
        version = data[first]
        if kind == b"pitm":
            found.primary = _number(data, first + 4, 4 if version else 2)
        elif kind == b"iinf":
            for name, (place, stop) in _boxes(data, first + (8 if version else 6), last):
                if name == b"infe":
                    _read_item(data, place, stop, found)
        elif kind == b"iref":
            _read_references(data, first, last, found)
        elif kind == b"iprp":
            for name, (place, stop) in _boxes(data, first, last):
                for inner, (body, until) in _boxes(data, place, stop) if name == b"ipco" else ():
                    if inner == b"auxC":
                        found.auxiliary.append(data[body + 4 : until].split(b"\0")[0])


def _read_item(data: bytes, start: int, end: int, found: _Items) -> None:
    version = data[start]
    if version < 2:
        return  # of the time before pictures
    size = 4 if version > 2 else 2
    place = start + 4 + size + 2  # behind the number and that of a protection
    kind = data[place : place + 4]
    found.kinds[_number(data, start + 4, size)] = kind
    if kind == b"mime":
        found.content.append(data[place + 4 : end].partition(b"\0")[2].partition(b"\0")[0])


def _read_references(data: bytes, start: int, end: int, found: _Items) -> None:
    """Collect the pictures that belong to another one: parts, thumbnails, opacity."""
    size = 4 if data[start] else 2
    for kind, (place, stop) in _boxes(data, start + 4, end):
        source = _number(data, place, size)
        if kind in (b"thmb", b"auxl"):
            found.dependent.add(source)
        elif kind == b"dimg":
            first = place + size + 2
            found.dependent.update(_number(data, at, size) for at in range(first, stop - size + 1, size))


def _number(data: bytes, place: int, size: int) -> int:
    return int.from_bytes(data[place : place + size], "big")


def _boxes(data: bytes, start: int, end: int) -> Iterator[tuple[bytes, Span]]:
    """Yield the kind of each box and the span of its body; stop where a length is wrong."""
    place = start
    while place + 8 <= end:
        length, kind, body = _number(data, place, 4), data[place + 4 : place + 8], place + 8
        if length == 1:
            length, body = _number(data, body, 8), body + 8
        stop = end if length == 0 else place + length
        if stop < body or stop > end:
            return
        yield kind, (body, stop)
        place = stop
