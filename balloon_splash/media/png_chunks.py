"""Chunks of a PNG file beside its pixels, of which the descriptive ones are kept byte for byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from typing import TypeAlias

Chunk: TypeAlias = tuple[bytes, bytes]
"""Name and body."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
HEADER_END = 33  # signature and IHDR chunk

COLOUR = frozenset({b"cICP", b"gAMA", b"cHRM", b"sRGB", b"mDCV", b"cLLI", b"mDCv", b"cLLi"})
"""Chunks that give the numbers their meaning (PNG, third edition, 11.3.2)."""

GAMMA = "gamma and chromaticities"
"""Name in notes of the chunks ``gAMA`` and ``cHRM``, which no other format has."""

TEXT = frozenset({b"tEXt", b"zTXt", b"iTXt"})
WRITTEN_BY_PILLOW = frozenset({b"iCCP", b"eXIf", b"pHYs"})
KEPT = COLOUR | TEXT | {b"tIME", b"oFFs", b"pCAL", b"sCAL"}
OF_PIXELS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"bKGD", b"hIST", b"sBIT", b"sPLT"})
OF_ANIMATION = frozenset({b"acTL", b"fcTL", b"fdAT"})
CREDENTIALS = b"caBX"
XMP_KEYWORD = b"XML:com.adobe.xmp\0"
RAW_PROFILE = b"Raw profile type "
"""Texts of ImageMagick and ExifTool: EXIF, IPTC and XMP as digits, with thumbnails and orientation."""


def chunks(data: bytes) -> list[Chunk]:
    """Yield the chunks of a PNG file, in order, up to its end or damage."""
    found, place = [], len(SIGNATURE)
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        found.append((name, data[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def descriptive(found: Iterable[Chunk]) -> tuple[tuple[Chunk, ...], list[str]]:
    """Return the chunks for another picture of the same size, and notes on the others.

    They exclude EXIF, profile and resolution, and XMP, which may have to change.
    """
    kept: list[Chunk] = []
    notes: dict[str, None] = {}
    for name, body in found:
        if name in TEXT and body.startswith(XMP_KEYWORD):
            continue
        if name in TEXT and body.startswith(RAW_PROFILE):
            kind = body[len(RAW_PROFILE) :].split(b"\0")[0].decode("latin-1")
            if kind.lower() not in ("exif", "app1", "icc", "icm"):  # these Pillow reads
                notes[f"'{kind}' data in a text chunk is left out"] = None
        elif name in KEPT or (name not in OF_PIXELS | OF_ANIMATION | WRITTEN_BY_PILLOW and name[3:].islower()):
            kept.append((name, body))  # a small fourth letter: may be copied though the pixels change
        elif name == CREDENTIALS:
            notes["content credentials (C2PA), which hold for the original alone, are left out"] = None
        elif name not in OF_PIXELS | OF_ANIMATION | WRITTEN_BY_PILLOW:
            notes[f"the chunk {name.decode('latin-1')} is left out"] = None
    return tuple(kept), list(notes)


def texts(kept: Iterable[Chunk]) -> list[str]:
    """Return the keywords of the texts among chunks."""
    return list(dict.fromkeys(body.split(b"\0")[0].decode("latin-1") for name, body in kept if name in TEXT))


def only_in_png(kept: Sequence[Chunk]) -> list[str]:
    """Return names of what is among the chunks and only a PNG file can hold."""
    names = {name for name, _ in kept}
    found = [GAMMA] if names & {b"gAMA", b"cHRM"} and b"sRGB" not in names else []
    keywords = [word for word in texts(kept) if word != "Comment"]
    return [*found, *([f"texts ({', '.join(keywords)})"] if keywords else [])]


def with_chunks(data: bytes, more: Sequence[Chunk]) -> bytes:
    """Add chunks to a PNG file behind its header; they replace those of the same name, except texts."""
    names = {name for name, _ in more} - TEXT
    body = b"".join(_encode(*chunk) for chunk in chunks(data)[1:] if chunk[0] not in names)
    return data[:HEADER_END] + b"".join(_encode(*chunk) for chunk in more) + body


def _encode(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(body, zlib.crc32(name)))
