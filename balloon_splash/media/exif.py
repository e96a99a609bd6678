"""EXIF: blocks edited in place, and the part that TIFF files hold beside the layout of their pixels.

Maker notes point to bytes by their position in the block, and texts are UTF-8 where ASCII is expected. A block that is
parsed and written anew loses both, so only the values that have to change are overwritten (CIPA DC-008, TIFF 6.0).
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import ExifTags, Image

from balloon_splash.media.jpeg_segments import blank_pictures
from balloon_splash.media.opening import DAMAGED

PREFIX = b"Exif\0\0"
UNUSED_TAG = b"\xff\xff"
MOST_ENTRIES = 4096
"""Most entries of one directory; damaged blocks announce more."""

SHORT, LONG = 3, 4
THUMBNAIL_TAGS = (ExifTags.Base.JpegIFOffset, ExifTags.Base.JpegIFByteCount)
STRIP_TAGS = (ExifTags.Base.StripOffsets, ExifTags.Base.StripByteCounts)

WINDOWS_TAGS = frozenset(
    {
        ExifTags.Base.XPTitle,
        ExifTags.Base.XPComment,
        ExifTags.Base.XPAuthor,
        ExifTags.Base.XPKeywords,
        ExifTags.Base.XPSubject,
    }
)
"""Tags of Windows' file properties: UTF-16 in bytes."""

DESCRIPTIVE_TAGS = WINDOWS_TAGS | frozenset(
    {
        ExifTags.Base.DocumentName,
        ExifTags.Base.PageName,
        ExifTags.Base.HostComputer,
        ExifTags.Base.ImageDescription,
        ExifTags.Base.Make,
        ExifTags.Base.Model,
        ExifTags.Base.Software,
        ExifTags.Base.DateTime,
        ExifTags.Base.Artist,
        ExifTags.Base.Copyright,
    }
)
"""Tags of the first directory that describe the picture; the others in a TIFF file say where its pixels are."""

SUB_DIRECTORIES = frozenset({ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo})
"""Camera settings and position: Pillow's TIFF writer fails on them when it compresses."""


@dataclass(frozen=True)
class _Entry:
    """One value of a directory.

    Attributes:
        tag: its tag.
        kind: its type.
        count: number of values.
        place: position of the value, or of its position, in the block.
    """

    tag: int
    kind: int
    count: int
    place: int


class _Block:
    """TIFF structure whose numbers can be read and overwritten.

    Raises:
        struct.error: damaged.
    """

    def __init__(self, data: bytes) -> None:
        self.data = bytearray(data)
        self._order = {b"II": "<", b"MM": ">"}.get(data[:2], "")
        if not self._order or self.number(2, SHORT) != 42:
            raise struct.error("no TIFF header")

    def number(self, place: int, kind: int = LONG) -> int:
        value: int = struct.unpack_from(self._order + ("H" if kind == SHORT else "I"), self.data, place)[0]
        return value

    def write(self, entry: _Entry, value: int) -> None:
        """Overwrite the number of an entry that holds a single one."""
        if entry.count == 1 and entry.kind in (SHORT, LONG):
            struct.pack_into(self._order + ("H" if entry.kind == SHORT else "I"), self.data, entry.place, value)

    def entries(self, directory: int) -> Iterator[_Entry]:
        for index in range(min(self.number(directory, SHORT), MOST_ENTRIES)):
            place = directory + 2 + 12 * index
            yield _Entry(self.number(place, SHORT), self.number(place + 2, SHORT), self.number(place + 4), place + 8)

    def find(self, directory: int, tag: int) -> _Entry | None:
        return next((entry for entry in self.entries(directory) if entry.tag == tag), None)

    def link(self, directory: int) -> int:
        """Return the place of the link to the next directory."""
        return directory + 2 + 12 * self.number(directory, SHORT)

    def blank(self, start: int, end: int) -> None:
        start, end = max(8, start), min(end, len(self.data))
        self.data[start:end] = bytes(max(0, end - start))


def exif_from_pillow(info: Mapping[Any, Any], turned: tuple[int, int] | None = None) -> bytes | None:
    """Return the EXIF block that Pillow found, even in a text of a PNG file, without thumbnails.

    Args:
        info: of an opened file.
        turned: see :func:`edited_exif`.
    """
    data: bytes | None = info.get("exif")
    digits = info.get("Raw profile type exif")
    if not data and isinstance(digits, str):
        with contextlib.suppress(ValueError):
            data = bytes.fromhex("".join(digits.split("\n")[3:]))
    return edited_exif(data, size=turned) if data else None


def edited_exif(data: bytes, *, size: tuple[int, int] | None = None) -> bytes:
    """Return an EXIF block without the small copies of the photo, which still show what a splash hides.

    Every other byte keeps its value and its place.

    Args:
        data: the block, with or without ``Exif\\0\\0`` before it.
        size: height and width, where the pixels have been turned upright: the orientation becomes 1.

    Returns:
        the block, unchanged if it is damaged.
    """
    prefix = PREFIX if data.startswith(PREFIX) else b""
    try:
        block = _Block(data[len(prefix) :])
        first = block.number(4)
        if size is not None:
            _turn_upright(block, first, *size)
        _drop_thumbnail(block, first)
    except struct.error:
        return data
    return prefix + blank_pictures(bytes(block.data))


def _turn_upright(block: _Block, first: int, height: int, width: int) -> None:
    values: dict[int, int] = {
        ExifTags.Base.Orientation: 1,
        ExifTags.Base.ImageWidth: width,
        ExifTags.Base.ImageLength: height,
        ExifTags.Base.ExifImageWidth: width,
        ExifTags.Base.ExifImageHeight: height,
    }
    camera = block.find(first, ExifTags.IFD.Exif)
    for directory in (first, *([block.number(camera.place)] if camera else [])):
        for entry in block.entries(directory):
            if entry.tag in values:
                block.write(entry, values[entry.tag])


def _drop_thumbnail(block: _Block, first: int) -> None:
    """Blank the second directory with everything it points to, and cut it off."""
    link = block.link(first)
    second = block.number(link)
    if second == 0:
        return
    for place_tag, length_tag in (THUMBNAIL_TAGS, STRIP_TAGS):
        place, length = block.find(second, place_tag), block.find(second, length_tag)
        if place is not None and length is not None and place.count == length.count == 1:
            start = block.number(place.place)
            block.blank(start, start + block.number(length.place))
    block.blank(second, block.link(second) + 4)
    struct.pack_into("I", block.data, link, 0)


def without_orientation(data: bytes) -> bytes:
    """Return a block of the same length whose orientation has another tag, so that no reader finds one."""
    prefix = PREFIX if data.startswith(PREFIX) else b""
    try:
        block = _Block(data[len(prefix) :])
        entry = block.find(block.number(4), ExifTags.Base.Orientation)
    except struct.error:
        return data
    if entry is not None:
        block.data[entry.place - 8 : entry.place - 6] = UNUSED_TAG
    return prefix + bytes(block.data)


def descriptive_exif(exif: Image.Exif, *, with_settings: bool = True) -> bytes | None:
    """Return the descriptive tags, camera settings and position as a separate block, or None if there are none."""
    kept = Image.Exif()
    kept.update({tag: _bytes(value) for tag, value in exif.items() if tag in DESCRIPTIVE_TAGS})
    for directory in SUB_DIRECTORIES if with_settings else ():
        tags = exif.get_ifd(directory)
        if tags:
            kept.get_ifd(directory).update({tag: _bytes(value) for tag, value in tags.items()})
            kept[directory] = kept.get_ifd(directory)
    return kept.tobytes() if len(kept) else None


def descriptive_tags(data: bytes) -> dict[int, bytes]:
    """Return the texts of the first directory, each without the zero at its end but for :data:`WINDOWS_TAGS`."""
    exif = parse_exif(data)
    texts = {tag: _bytes(value) for tag, value in exif.items() if tag in DESCRIPTIVE_TAGS}
    return {
        tag: text if tag in WINDOWS_TAGS else text.rstrip(b"\0")
        for tag, text in texts.items()
        if isinstance(text, bytes)
    }


def _bytes(value: Any) -> Any:
    """Encode a text to its original bytes, which Pillow decodes as Latin-1 and would write as ASCII."""
    return value.encode("latin-1", "replace") if isinstance(value, str) else value


def parse_exif(data: bytes) -> Image.Exif:
    """Return the tags in an EXIF block; none of a damaged one."""
    exif = Image.Exif()
    try:
        exif.load(data)
    except DAMAGED:
        return Image.Exif()
    return exif
