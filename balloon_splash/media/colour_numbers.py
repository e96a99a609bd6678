"""Colours that a file names by numbers (ITU-T H.273), not by a profile: ``nclx`` in AVIF and HEIF, ``cICP`` in PNG."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from PIL import Image

NCLX = b"colrnclx"
NCLX_BODY = struct.Struct(">HHHB")
PRIMARIES = {1: "BT.709", 9: "BT.2020", 11: "DCI-P3", 12: "Display P3"}
TRANSFERS = {1: "BT.709", 8: "linear", 13: "sRGB", 16: "PQ (HDR)", 18: "HLG (HDR)"}
UNSPECIFIED = 2


@dataclass(frozen=True)
class ColourNumbers:
    """Code points of H.273."""

    primaries: int
    transfer: int
    matrix: int = 0
    full_range: bool = True

    @property
    def is_srgb(self) -> bool:
        """True if they say what is understood without them."""
        return self.primaries in (1, UNSPECIFIED) and self.transfer in (1, 6, 13, UNSPECIFIED)

    def __str__(self) -> str:
        primaries = PRIMARIES.get(self.primaries, f"primaries {self.primaries}")
        return f"{primaries}, {TRANSFERS.get(self.transfer, f'transfer {self.transfer}')}"


def of_file(image: Image.Image, data: bytes, chunks: Iterable[tuple[bytes, bytes]]) -> ColourNumbers | None:
    """Return the colours of an opened file by numbers, unless they say what is understood without them.

    Args:
        image: the file.
        data: the file.
        chunks: those of a PNG file.
    """
    if image.format == "PNG":
        found = next((from_chunk(body) for name, body in chunks if name == b"cICP"), None)
    elif image.format == "AVIF":
        found = from_boxes(data)
    else:
        found = from_pillow(image.info)
    return None if found is None or found.is_srgb else found


def from_pillow(info: Mapping[Any, Any]) -> ColourNumbers | None:
    """Return the numbers that pillow-heif finds in a HEIF file."""
    found = info.get("nclx_profile")
    if not found:
        return None
    return ColourNumbers(
        int(found["color_primaries"]),
        int(found["transfer_characteristics"]),
        int(found["matrix_coefficients"]),
        bool(found["full_range_flag"]),
    )


def from_boxes(data: bytes) -> ColourNumbers | None:
    """Read the first ``colr`` box of an AVIF file (ISO 14496-12, 12.1.5), which Pillow does not report."""
    place = data.find(NCLX)
    if place < 0 or place + len(NCLX) + NCLX_BODY.size > len(data):
        return None
    primaries, transfer, matrix, flags = NCLX_BODY.unpack_from(data, place + len(NCLX))
    return ColourNumbers(primaries, transfer, matrix, bool(flags >> 7))


def in_boxes(data: bytes, numbers: ColourNumbers) -> bytes:
    """Return the same AVIF file with other primaries and transfer.

    The matrix stays: the encoder made its planes by it.
    """
    start = data.index(NCLX) + len(NCLX)
    return data[:start] + struct.pack(">HH", numbers.primaries, numbers.transfer) + data[start + 4 :]


def from_chunk(body: bytes) -> ColourNumbers | None:
    """Read the chunk ``cICP`` of a PNG file."""
    return ColourNumbers(body[0], body[1], body[2], bool(body[3])) if len(body) == 4 else None


def to_chunk(numbers: ColourNumbers) -> bytes:
    """Return the body of ``cICP``, without a matrix, because PNG holds RGB."""
    return bytes([numbers.primaries & 255, numbers.transfer & 255, 0, 1])


def heif_options(numbers: ColourNumbers) -> dict[str, int]:
    """Return keyword arguments of pillow-heif's writer."""
    return {
        "color_primaries": numbers.primaries,
        "transfer_characteristics": numbers.transfer,
        "matrix_coefficients": numbers.matrix or 6,
        "full_range_flag": int(numbers.full_range),
    }
