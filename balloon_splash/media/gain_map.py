"""Gain maps behind JPEG photos, which make them HDR pictures on screens that can show them, kept with a splash.

A gain map says by how much each pixel is brightened (Ultra HDR, ISO 21496-1, Apple). One of a single channel brightens
red, green and blue alike, so grey stays grey and the map is copied byte for byte. One of three channels is made grey
outside the objects, like the photo. The index of pictures (CIPA DC-007) and the list in XMP get its new place and
length.
"""

from __future__ import annotations

import re
import struct

from balloon_splash.media.jpeg_metadata import ISO_GAIN_MAP, MULTI_PICTURE, XMP
from balloon_splash.media.jpeg_segments import JpegFile, Segment, contains_picture, parse_jpeg

GAIN_MAP_NOTE = "the gain map (HDR) is left out"
MARKS = (b"http://ns.adobe.com/hdr-gain-map/1.0/", b"http://ns.apple.com/HDRGainMap/1.0/", ISO_GAIN_MAP)
BY_CHANNEL = re.compile(rb"<hdrgm:(GainMapM|Gamma|Offset)")
"""XMP elements whose numbers differ by channel, as lists."""

SEMANTIC = re.compile(rb"Item:Semantic\s*=\s*[\"'](\w+)[\"']")
ENTRIES_TAG = 0xB002
ENTRY = 16
"""Layout of one picture in the index: attributes, size, place, two dependencies."""


def find_gain_map(data: bytes, file: JpegFile) -> bytes | None:
    """Find the gain map of a JPEG file, if a splash can keep it: it is of a known kind, and nothing else is there.

    Args:
        data: the file.
        file: its parts.
    """
    rest = data[file.end :].rstrip(b"\0")
    found = parse_jpeg(rest)
    if found is None or found.end < len(rest):
        return None
    about = b"".join(segment.data for segment in found.descriptive)
    if not any(mark in about for mark in MARKS) or contains_picture(about):
        return None
    items = SEMANTIC.findall(b"".join(part.data for part in file.descriptive if part.data.startswith(XMP)))
    if items and items != [b"Primary", b"GainMap"]:
        return None  # a list of several, such as a motion photo's
    return None if _is_coloured(found) and _by_channel(about) else rest


def is_coloured(gain_map: bytes) -> bool:
    """Return whether a gain map has more than one channel."""
    file = parse_jpeg(gain_map)
    return file is not None and _is_coloured(file)


def with_gain_map(photo: bytes, gain_map: bytes, old_length: int) -> bytes:
    """Join a splash and its gain map in one file, and correct their lengths in the metadata.

    Args:
        photo: the splash, with the segments that describe the map.
        gain_map: its gain map.
        old_length: bytes of the gain map in the original file.
    """
    file = parse_jpeg(photo)
    assert file is not None, "a sound file"
    segments = [_with_length(segment, old_length, len(gain_map)) for segment in file.segments]
    head, place, index = [photo[:2]], 2, None
    for number, segment in enumerate(segments):
        if segment.data.startswith(MULTI_PICTURE):
            index = number, place + 4 + len(MULTI_PICTURE)
        head.append(segment.encode())
        place += len(head[-1])
    coded = photo[file.scan : file.end]
    if index is not None:
        number, start = index
        length = place + len(coded)
        changed = _indexed(segments[number], length, len(gain_map), length - start)
        head[number + 1] = changed.encode()
    return b"".join([*head, coded, gain_map])


def _is_coloured(file: JpegFile) -> bool:
    return len(file.frame.data) > 5 and file.frame.data[5] > 1


def _by_channel(about: bytes) -> bool:
    """Return whether the map brightens red, green and blue by different rules."""
    iso = about.find(ISO_GAIN_MAP)
    flags = about[iso + len(ISO_GAIN_MAP) + 4 : iso + len(ISO_GAIN_MAP) + 5] if iso >= 0 else b""
    return bool(BY_CHANNEL.search(about)) or bool(flags and flags[0] & 128)


def _with_length(segment: Segment, old: int, new: int) -> Segment:
    """Return a segment of XMP whose list of pictures has the new length of the map."""
    if not segment.data.startswith(XMP) or old == new:
        return segment
    said = re.compile(rb"(Item:Length\s*=\s*[\"'])%d([\"'])" % old)
    return Segment(segment.marker, said.sub(rb"\g<1>%d\g<2>" % new, segment.data))


def _indexed(segment: Segment, photo: int, gain_map: int, place: int) -> Segment:
    """Return an index of two pictures with new lengths and a new place of the second; unchanged if it is damaged."""
    data = bytearray(segment.data)
    start = len(MULTI_PICTURE)
    order = "<" if data[start : start + 2] == b"II" else ">"
    try:
        directory = start + struct.unpack_from(f"{order}I", data, start + 4)[0]
        for entry in range(struct.unpack_from(f"{order}H", data, directory)[0]):
            tag, _, count, at = struct.unpack_from(f"{order}HHII", data, directory + 2 + 12 * entry)
            if tag == ENTRIES_TAG and count == 2 * ENTRY:
                struct.pack_into(f"{order}II", data, start + at + 4, photo, 0)
                struct.pack_into(f"{order}II", data, start + at + ENTRY + 4, gain_map, place)
    except struct.error:
        return segment
    return Segment(segment.marker, bytes(data))
