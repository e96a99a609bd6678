"""Segments of a JPEG file for its splash: those that describe the picture, not those that show or promise more."""

from __future__ import annotations

from dataclasses import dataclass

from balloon_splash.media.exif import PREFIX, edited_exif
from balloon_splash.media.jpeg_segments import (
    APP0,
    APP1,
    APP2,
    APP11,
    APP13,
    APP14,
    COM,
    LONGEST,
    JpegFile,
    Segment,
    contains_picture,
)
from balloon_splash.media.xmp import GAIN_MAP, NOTE, cleaned_xmp, is_untrue

JFIF, JFXX = b"JFIF\0", b"JFXX\0"
JFIF_LENGTH = 14
"""Body of a segment without a thumbnail."""

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
MULTI_PICTURE = b"MPF\0"
FLASHPIX = b"FPXR\0"
ICC = b"ICC_PROFILE\0"
ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1\0"
PHOTOSHOP = b"Photoshop 3.0\0"
RESOURCE = b"8BIM"
THUMBNAILS = frozenset({1033, 1036})
"""Numbers of the resources in a Photoshop block that hold a small copy of the picture."""

C2PA_NOTE = "content credentials (C2PA), which hold for the original alone, are left out"


@dataclass(frozen=True)
class Kept:
    """Segments that a splash keeps, and one sentence on each of the others."""

    segments: tuple[Segment, ...]
    notes: tuple[str, ...]


def kept_segments(data: bytes, file: JpegFile, *, size: tuple[int, int] | None = None, gain_map: bool = False) -> Kept:
    """Return the descriptive segments of a file for its splash, byte for byte where nothing in them has to change.

    Args:
        data: the file.
        file: its parts.
        size: height and width, where the pixels have been turned upright.
        gain_map: whether a gain map is behind the image, which is kept with all segments about it.
    """
    true = GAIN_MAP if gain_map else frozenset()
    descriptive = file.descriptive
    long_xmp = b"".join(segment.data for segment in descriptive if segment.data.startswith(EXTENDED_XMP))
    drop_long = is_untrue(long_xmp)
    gone: dict[str, None] = {}
    kept = []
    for segment in descriptive:
        if segment.marker == APP11 and b"jumb" in segment.data[:64]:
            gone[C2PA_NOTE] = None
        elif segment.data.startswith(EXTENDED_XMP):
            if not drop_long:
                kept.append(segment)
        elif segment.marker == APP1 and segment.data.startswith(XMP):
            packet, names = cleaned_xmp(segment.data[len(XMP) :], size=size, keep=true if drop_long else {*true, NOTE})
            gone.update({f"{name} is left out": None for name in names})
            if packet is not None and len(XMP) + len(packet) <= LONGEST:
                kept.append(Segment(APP1, XMP + packet))
        elif gain_map and segment.marker == APP2 and segment.data.startswith((MULTI_PICTURE, ISO_GAIN_MAP)):
            kept.append(segment)
        else:
            changed = _changed(segment, size)
            if changed is not None:
                kept.append(changed)
    if drop_long:
        gone["a part of XMP, with pictures or sound in it, is left out"] = None
    if not gain_map:
        gone.update({f"{name} is left out": None for name in behind_image(data[file.end :])})
    return Kept(tuple(kept), tuple(gone))


def _changed(segment: Segment, size: tuple[int, int] | None) -> Segment | None:
    """Return a segment for the splash; None where nothing in it is true any more."""
    marker, data = segment.marker, segment.data
    if marker == APP0 and data.startswith(JFIF) and len(data) > JFIF_LENGTH:
        return Segment(APP0, data[: JFIF_LENGTH - 2] + b"\0\0")
    if (marker == APP0 and data.startswith(JFXX)) or (
        marker == APP2 and data.startswith((MULTI_PICTURE, FLASHPIX, ISO_GAIN_MAP))
    ):
        return None
    if marker == APP1 and data.startswith(PREFIX):
        return Segment(marker, edited_exif(data, size=size))
    if marker == APP13 and data.startswith(PHOTOSHOP):
        return Segment(marker, PHOTOSHOP + without_thumbnails(data[len(PHOTOSHOP) :]))
    return None if contains_picture(data) else segment


def without_thumbnails(resources: bytes) -> bytes:
    """Return Photoshop's image resources without small copies of the picture; unchanged from the first damaged one on.

    A resource is ``8BIM``, a number, a name and a block of data, the latter two padded to an even length (Adobe,
    Photoshop File Formats Specification).
    """
    kept, place = [], 0
    while resources[place : place + 4] == RESOURCE and place + 12 <= len(resources):
        number = int.from_bytes(resources[place + 4 : place + 6], "big")
        name = resources[place + 6] + 1
        length_at = place + 6 + name + name % 2
        length = int.from_bytes(resources[length_at : length_at + 4], "big")
        end = length_at + 4 + length + length % 2
        if number not in THUMBNAILS:
            kept.append(resources[place:end])
        place = end
    return b"".join(kept) + resources[place:]


def behind_image(rest: bytes) -> list[str]:
    """Return names of the data behind the end of a JPEG image, where cameras hide it from other programs."""
    names: dict[str, None] = {}
    pictures = rest.count(b"\xff\xd8\xff")
    if b"hdrgm:GainMap" in rest or b"ns.apple.com/HDRGainMap" in rest or ISO_GAIN_MAP in rest:
        names["the gain map (HDR)"] = None
        pictures -= 1
    if b"ftyp" in rest and b"moov" in rest:
        names["the video of a motion photo"] = None
    if pictures > 0 and b"ftyp" not in rest:
        names["what else the file shows (further pictures, a depth map)"] = None
    if rest.strip(b"\0") and not names:
        names[f"what lies behind the picture ({len(rest)} bytes)"] = None
    return list(names)


def exif_of(segments: tuple[Segment, ...]) -> bytes | None:
    """Return the EXIF block among segments."""
    return next((segment.data for segment in segments if segment.data.startswith(PREFIX)), None)


def xmp_of(segments: tuple[Segment, ...]) -> bytes | None:
    """Return the XMP packet among segments."""
    packets = (segment.data for segment in segments if segment.data.startswith(XMP))
    return next((packet[len(XMP) :] for packet in packets), None)


def only_in_jpeg(segments: tuple[Segment, ...]) -> list[str]:
    """Return names of data that only JPEG can hold: all but EXIF, XMP, profiles, comments and the coding's own."""
    names: dict[str, None] = {}
    for segment in segments:
        if segment.data.startswith(PHOTOSHOP):
            names["Photoshop's and IPTC's data"] = None
        elif segment.data.startswith(EXTENDED_XMP):
            names["a part of XMP"] = None
        elif segment.marker not in (APP0, APP1, APP14, COM) and not segment.data.startswith(ICC):
            title = segment.data[:16].split(b"\0")[0].decode("ascii", "replace")
            names[f"a block of the camera's maker ({title})"] = None
    return list(names)
