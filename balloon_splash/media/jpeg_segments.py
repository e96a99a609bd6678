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
        segments: all of the header, in order, before the first scan.
        scan: where the first scan begins, with its marker; where the image ends if it has none.
        end: where the image ends, behind its end marker.
    """

    segments: tuple[Segment, ...]
    scan: int
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
    place, scan = start + 2, 0
    while found := (_IN_SCAN.search if scan else _MARKER.match)(data, place):
        marker, place = data[found.end() - 1], found.end()
        if marker == END:
            return JpegFile(tuple(segments), scan or found.start(), place) if _has_frame(segments) else None
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2 or place + length > len(data):
            break
        if not scan and marker == SOS:
            scan = found.start()
        elif not scan:
            segments.append(Segment(marker, data[place + 2 : place + length]))
        place += length
    return JpegFile(tuple(segments), scan, len(data)) if scan and _has_frame(segments) else None


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

    Args:
        encoded: a sound JPEG file; what lies behind its image is left out.
        segments: what goes into the place of its own.

    Raises:
        struct.error: a segment is too long.
    """
    file = parse_jpeg(encoded)
    assert file is not None, "a sound file"
    coding = (segment for segment in file.segments if not segment.describes)
    return SOI + b"".join(segment.encode() for segment in (*segments, *coding)) + encoded[file.scan : file.end]
