"""The segments of a JPEG file, byte for byte: which describe the picture, and which are copies or promises of it.

A file is a row of marker segments, scans and, often, something behind the end of the image (ITU-T T.81, annex B).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
APP0, APP1, APP2, APP11, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xEF
COM, SOS, END = 0xFE, 0xDA, 0xD9
LONGEST = 65533
"""Bytes that a segment can carry."""

FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of frame headers, one for each way of coding."""

MOST_PICTURES = 64
"""So many are looked for in one block of bytes; a hostile one could hold a beginning at every third."""

_IN_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""The next marker behind the data of a scan, in which stuffed zeros and restart markers are data."""

_MARKER = re.compile(rb"\xff+[^\x00\xff]")


@dataclass(frozen=True)
class Segment:
    """A marker and what it carries, without the two bytes of its length."""

    marker: int
    data: bytes

    def encode(self) -> bytes:
        """The segment as it stands in a file.

        Raises:
            struct.error: longer than a segment can be.
        """
        return struct.pack(">BBH", 0xFF, self.marker, len(self.data) + 2) + self.data

    @property
    def describes(self) -> bool:
        """Whether it is an application's segment or a comment, not a part of the coded picture."""
        return APP0 <= self.marker <= APP15 or self.marker == COM


@dataclass(frozen=True)
class JpegFile:
    """A JPEG file in parts.

    Attributes:
        segments: all of the header, in order, up to and with that of the first scan.
        end: where the image ends, behind its end marker.
    """

    segments: tuple[Segment, ...]
    end: int

    @property
    def frame(self) -> Segment:
        """The frame header: how the picture is coded, its size and components."""
        return next(segment for segment in self.segments if segment.marker in FRAMES)

    @property
    def descriptive(self) -> tuple[Segment, ...]:
        """Application segments and comments."""
        return tuple(segment for segment in self.segments if segment.describes)


def parse_jpeg(data: bytes, start: int = 0) -> JpegFile | None:
    """The parts of the JPEG file that begins at ``start``, or None if none does.

    The end of a file that stops early is that of the data.
    """
    if data[start : start + 2] != SOI:
        return None
    segments: list[Segment] = []
    place, in_scan = start + 2, False
    while True:
        found = _IN_SCAN.search(data, place) if in_scan else _MARKER.match(data, place)
        if found is None or found.end() + 2 > len(data):
            end = len(data) if found is None or data[found.end() - 1] != END else found.end()
            return JpegFile(tuple(segments), end) if in_scan and _has_frame(segments) else None
        marker, place = data[found.end() - 1], found.end()
        if marker == END:
            return JpegFile(tuple(segments), place) if _has_frame(segments) else None
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2:
            return None
        if not in_scan:
            segments.append(Segment(marker, data[place + 2 : place + length]))
        place += length
        in_scan = in_scan or marker == SOS


def _has_frame(segments: list[Segment]) -> bool:
    return any(segment.marker in FRAMES for segment in segments)


def blank_pictures(block: bytes) -> bytes:
    """The same bytes with zeros in the place of every JPEG file among them: previews, whose place differs by maker."""
    place = -1
    for _ in range(MOST_PICTURES):
        place = block.find(SOI + b"\xff", place + 1)
        if place < 0:
            break
        found = parse_jpeg(block, place)
        if found is not None:
            block = block[:place] + bytes(found.end - place) + block[found.end :]
    return block


def contains_picture(block: bytes) -> bool:
    """Whether there is a JPEG file among the bytes."""
    return blank_pictures(block) != block


def with_segments(encoded: bytes, segments: tuple[Segment, ...]) -> bytes:
    """The picture of one JPEG file under the application segments and comments of another.

    Raises:
        struct.error: a segment is too long.
    """
    place = 2
    while place + 4 <= len(encoded) and (APP0 <= encoded[place + 1] <= APP15 or encoded[place + 1] == COM):
        place += 2 + int.from_bytes(encoded[place + 2 : place + 4], "big")
    return SOI + b"".join(segment.encode() for segment in segments) + encoded[place:]
