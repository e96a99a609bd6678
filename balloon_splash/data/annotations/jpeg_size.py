"""Sizes of plain JPEG photos, from their headers in a fifth of the time that Pillow takes to open them.

It is a shortcut, and no second opinion: a header with anything in it that turns the photo, or that Pillow may refuse,
is left to Pillow.
"""

from __future__ import annotations

from balloon_splash.media.jpeg_segments import APP0, APP2, APP14, COM, FRAMES, SOS, Segment, parse_header

HEAD = 16 * 1024  # bytes read of a photo: a header with a colour profile, but without a preview

_HUFFMAN_TABLES, _QUANTISATION_TABLES, _RESTART_INTERVAL = 0xC4, 0xDB, 0xDD
_HUFFMAN_CODED = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended sequential, progressive
_CHANNELS = (1, 3, 4)

# Fewest bytes from which Pillow reads a segment of this kind: JFIF's, or Adobe's, fixed part.
_LEAST_BYTES = {APP0: 14, APP14: 12, COM: 0, _HUFFMAN_TABLES: 0, _RESTART_INTERVAL: 0}


def plain_jpeg_size(head: bytes) -> tuple[int, int] | None:
    """Return width and height in pixels of the JPEG file that begins with ``head``.

    Returns:
        ``None`` for all but a sound header of 8 bits per channel without EXIF, XMP, or further pictures.
    """
    header = parse_header(head)
    if header is None or head[header[1] + 1] != SOS:
        return None
    size = None
    for segment in header[0]:
        if segment.marker in FRAMES:
            if size is not None or (size := _frame_size(segment)) is None:
                return None
        elif not _is_plain(segment):
            return None
    return size


def _frame_size(frame: Segment) -> tuple[int, int] | None:
    """Return width and height that a frame header states (ITU-T T.81, B.2.2), if nothing in it is unusual."""
    data = frame.data
    if frame.marker not in _HUFFMAN_CODED or len(data) < 6 or data[0] != 8:
        return None
    height, width, channels = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:5], "big"), data[5]
    if not height or not width or channels not in _CHANNELS or len(data) != 6 + 3 * channels:
        return None
    return width, height


def _is_plain(segment: Segment) -> bool:
    """Return whether a segment neither turns the photo nor can keep Pillow from opening it."""
    marker, data = segment.marker, segment.data
    if marker == _QUANTISATION_TABLES:  # a byte of precision, here 8 bits, and number, then 64 values
        return len(data) % 65 == 0 and max(data[::65], default=0) < 16
    if marker == APP2:
        return data.startswith(b"ICC_PROFILE\0") and len(data) > 14
    return marker in _LEAST_BYTES and len(data) >= _LEAST_BYTES[marker]
