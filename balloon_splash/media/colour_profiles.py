"""ICC profiles: pixels converted to sRGB, and profiles made of numbers (ICC.1:2022)."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from io import BytesIO
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from balloon_splash.media.colour_numbers import UNSPECIFIED, ColourNumbers
from balloon_splash.media.png_chunks import Chunk

Rgb8: TypeAlias = npt.NDArray[np.uint8]
Points: TypeAlias = Sequence[float]
"""x and y of white, red, green and blue, in the order of the chunk ``cHRM``."""

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))

_D65 = (0.3127, 0.329)
PRIMARIES: dict[int, Points] = {
    1: (*_D65, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06),
    5: (*_D65, 0.64, 0.33, 0.29, 0.6, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    11: (0.314, 0.351, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
"""By number (ITU-T H.273, table 2)."""

SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
CURVES: dict[int, Sequence[float]] = {
    **dict.fromkeys((1, 6, 13, 14, 15), SRGB_CURVE),  # pictures of BT.709 are shown by sRGB's curve
    4: (2.2,),
    5: (2.8,),
    8: (1.0,),
}
"""Of an ICC profile, by number (H.273, table 3); the curves of HDR (PQ and HLG) are not among them."""

_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_D50 = np.array([0.9642, 1.0, 0.8249])
_GAMMA_UNIT = 100_000  # of the chunks gAMA and cHRM
_TEXT = "Colours by numbers"
_ROWS = 256


class ToSrgb:
    """Conversion of 8-bit RGB pixels to sRGB.

    Args:
        icc: the profile that the pixels are to be understood in.

    Raises:
        ValueError: it is damaged, or not one of RGB.
    """

    def __init__(self, icc: bytes) -> None:
        try:
            profile = ImageCms.ImageCmsProfile(BytesIO(icc))
            self._transform = ImageCms.buildTransform(profile, SRGB, "RGB", "RGB")
        except (ImageCms.PyCMSError, OSError, TypeError) as error:
            raise ValueError(f"an ICC profile that cannot be used for RGB ({error})") from error

    def __call__(self, rgb: Rgb8) -> Rgb8:
        """Convert ``(H, W, 3)`` uint8 pixels."""
        converted = np.empty_like(rgb)
        for top in range(0, len(rgb), _ROWS):  # a large picture is in memory twice, and no more
            strip = Image.fromarray(np.ascontiguousarray(rgb[top : top + _ROWS]))
            ImageCms.applyTransform(strip, self._transform, inPlace=True)
            converted[top : top + _ROWS] = np.asarray(strip)
        return converted


def profile_of_numbers(numbers: ColourNumbers) -> bytes | None:
    """Return the profile that names the same colours as code points do; None where no profile can, such as for HDR."""
    primaries = 1 if numbers.primaries == UNSPECIFIED else numbers.primaries
    transfer = 13 if numbers.transfer == UNSPECIFIED else numbers.transfer
    if primaries not in PRIMARIES or transfer not in CURVES:
        return None
    return matrix_profile(PRIMARIES[primaries], CURVES[transfer])


def profile_of_chunks(chunks: Sequence[Chunk]) -> bytes | None:
    """Return the profile of the colours that ``gAMA`` and ``cHRM`` of a PNG file name; None where these are sRGB's."""
    return None if chunks_mean_srgb(chunks) else matrix_profile(*_points_and_curve(chunks))


def chunks_mean_srgb(chunks: Sequence[Chunk]) -> bool:
    """Return whether ``sRGB``, or ``gAMA`` and ``cHRM``, of a PNG file name the colours that it has without them."""
    points, curve = _points_and_curve(chunks)
    usual = bool(np.allclose(points, PRIMARIES[1], atol=2e-3)) and curve == SRGB_CURVE
    return usual or any(name == b"sRGB" for name, _ in chunks)


def _points_and_curve(chunks: Sequence[Chunk]) -> tuple[Points, Sequence[float]]:
    found = dict(chunks)
    gamma = int.from_bytes(found.get(b"gAMA", b"")[:4], "big")
    body = found.get(b"cHRM", b"")
    points: Points = [value / _GAMMA_UNIT for value in struct.unpack(">8I", body)] if len(body) == 32 else PRIMARIES[1]
    is_usual = gamma == 0 or abs(gamma - _GAMMA_UNIT / 2.2) < _GAMMA_UNIT / 1000
    return points, SRGB_CURVE if is_usual else (_GAMMA_UNIT / gamma,)


def matrix_profile(points: Points, curve: Sequence[float]) -> bytes | None:
    """Return an ICC profile (version 4) of three primaries and one curve; None where the points are not a triangle.

    Args:
        points: white, red, green and blue.
        curve: the exponent, or the five numbers of a curve with a straight beginning (10.18, function 3).
    """
    white, *primaries = (np.array(points[place : place + 2], float) for place in range(0, 8, 2))
    if not 0 < curve[0] < 20 or any(point[1] <= 0 for point in (white, *primaries)):
        return None
    unscaled = np.stack([_xyz(point) for point in primaries], 1)
    if abs(np.linalg.det(unscaled)) < 1e-4:
        return None
    colours = unscaled * np.linalg.solve(unscaled, _xyz(white))
    cones = _BRADFORD @ _D50 / (_BRADFORD @ _xyz(white))
    adapted = np.linalg.solve(_BRADFORD, cones[:, None] * _BRADFORD)
    colours = adapted @ colours
    tone = b"para" + struct.pack(">IHH", 0, 0 if len(curve) == 1 else 3, 0) + _fixed(curve)
    text = b"mluc" + struct.pack(">4xII2s2sII", 1, 12, b"en", b"US", 2 * len(_TEXT), 28) + _TEXT.encode("utf-16-be")
    tags = {
        **dict.fromkeys((b"desc", b"cprt"), text),
        b"wtpt": _point(_D50),
        b"chad": b"sf32" + bytes(4) + _fixed(adapted.ravel()),
        **{name: _point(column) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), colours.T, strict=True)},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), tone),
    }
    return _profile(tags)


def _profile(tags: dict[bytes, bytes]) -> bytes:
    table, body = [struct.pack(">I", len(tags))], b""
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
        table.append(struct.pack(">4sII", name, places[data], len(data)))
    head = struct.pack(">I4xI4s4s4s", start + len(body), 0x04400000, b"mntr", b"RGB ", b"XYZ ")
    date = struct.pack(">6H", 2026, 1, 1, 0, 0, 0)
    rest = date + b"acsp" + bytes(28) + _fixed(_D50)
    return (head + rest).ljust(128, b"\0") + b"".join(table) + body


def _xyz(point: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return X, Y and Z of a chromaticity at Y of 1."""
    x, y = point
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _point(xyz: npt.NDArray[np.float64]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(xyz)


def _fixed(values: Sequence[float] | npt.NDArray[np.float64]) -> bytes:
    """Encode numbers with 16 bits before the point and 16 after it."""
    return struct.pack(f">{len(values)}i", *(round(float(value) * 65536) for value in values))
