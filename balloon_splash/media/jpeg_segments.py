"""Segments of a JPEG file, byte for byte: those that describe the picture, and those that copy or promise it.

A file is a sequence of marker segments, scans and, often, data behind the end of the image (ITU-T T.81, annex B).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import NamedTuple

SOI, EOI = b"\xff\xd8", b"\xff\xd9"
APP0, APP1, APP2, APP11, APP13, APP14, APP15 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE, 0xEF
COM, SOS, END = 0xFE, 0xDA, 0xD9
LONGEST = 65533
"""Most bytes in a segment."""

FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of frame headers, one per way of coding."""

MOST_PICTURES = 64
"""Most pictures to look for in one block of bytes; a hostile one could hold a beginning at every third."""

_IN_SCAN = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")
"""Pattern of the next marker behind the data of a scan, in which stuffed zeros and restart markers are data."""

_MARKER = re.compile(rb"\xff+[^\x00\xff]")


class Segment(NamedTuple):
    """Marker with its body, without the two bytes of its length."""

    marker: int
    data: bytes

    def encode(self) -> bytes:
        """Encode the segment as in a file.

        Raises:
            struct.error: longer than a segment can be.
        """
        return struct.pack(">BBH", 0xFF, self.marker, len(self.data) + 2) + self.data

    @property
    def describes(self) -> bool:
        """True if it is an application's segment or a comment, not a part of the coded picture."""
        return APP0 <= self.marker <= APP15 or self.marker == COM


@dataclass(frozen=True)
class JpegFile:
    """JPEG file in parts.

    Attributes:
        segments: all segments of the header, in order, before the first scan.
        scan: start of the first scan, with its marker; end of the image if it has none.
        end: end of the image, behind its end marker.
    """

    segments: tuple[Segment, ...]
    scan: int
    end: int

    @property
    def frame(self) -> Segment:
        """Frame header: coding, size and components of the picture."""
        return next(segment for segment in self.segments if segment.marker in FRAMES)

    @property
    def descriptive(self) -> tuple[Segment, ...]:
        """Application segments and comments."""
        return tuple(segment for segment in self.segments if segment.describes)


def parse_jpeg(data: bytes, start: int = 0) -> JpegFile | None:
    """Parse the JPEG file that begins at ``start``; None if none does.

    A file that is cut off ends with the data.
    """
    header = parse_header(data, start)
    if header is None or not any(segment.marker in FRAMES for segment in header[0]):
        return None
    segments, scan = header
    place = scan
    while found := _IN_SCAN.search(data, place):
        marker, place = data[found.end() - 1], found.end()
        if marker == END:
            return JpegFile(segments, scan, place)
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2 or place + length > len(data):
            break
        place += length
    return JpegFile(segments, scan, len(data))


def parse_header(data: bytes, start: int = 0) -> tuple[tuple[Segment, ...], int] | None:
    """Parse the header of the JPEG file that begins at ``start``.

    Returns:
        All segments before the first scan, and the place of its marker, or of the end marker of a file without a scan;
        None if there is no JPEG file, or its header does not end within the data.
    """
    if data[start : start + 2] != SOI:
        return None
    segments: list[Segment] = []
    place = start + 2
    while found := _MARKER.match(data, place):
        marker, place = data[found.end() - 1], found.end()
        if marker == END:
            return tuple(segments), found.start()
        length = int.from_bytes(data[place : place + 2], "big")
        if length < 2 or place + length > len(data):
            return None
        if marker == SOS:
            return tuple(segments), found.start()
        segments.append(Segment(marker, data[place + 2 : place + length]))
        place += length
    return None


def blank_pictures(block: bytes) -> bytes:
    """Replace every JPEG file among the bytes by zeros: previews, whose place differs by maker."""
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
    """Return whether there is a JPEG file among the bytes."""
    return blank_pictures(block) != block


def with_segments(encoded: bytes, segments: tuple[Segment, ...]) -> bytes:
    """Put the picture of one JPEG file under the application segments and comments of another.

    Args:
        encoded: a sound JPEG file; data behind its image is left out.
        segments: segments to put in place of its own.

    Raises:
        struct.error: a segment is too long.
    """
    file = parse_jpeg(encoded)
    assert file is not None, "a sound file"
    coding = (segment for segment in file.segments if not segment.describes)
    return SOI + b"".join(segment.encode() for segment in (*segments, *coding)) + encoded[file.scan : file.end]
