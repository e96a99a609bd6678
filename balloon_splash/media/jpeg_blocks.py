"""JPEG photos made grey outside their objects without encoding them again: only chroma changes, and only there.

A JPEG file holds luma and chroma in blocks of 8x8 cosine coefficients (ITU-T T.81). A block of chroma outside becomes
zero; in one that the outline crosses the samples are computed, faded and transformed back; all others, and luma
everywhere, keep their very numbers. Grey is therefore the luma of the file (BT.601).

Pixels of the result are those of the photo in every block inside, except for the outermost line of pixels beside a
block
that is not: there, decoders mix the subsampled chroma of both.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.media.deep_pixels import UPRIGHT
from balloon_splash.media.gain_map import find_gain_map, is_coloured, with_gain_map
from balloon_splash.media.jpeg_coefficients import Blocks, change_coefficients
from balloon_splash.media.jpeg_metadata import kept_segments
from balloon_splash.media.jpeg_segments import APP0, APP14, JpegFile, parse_jpeg, with_segments

BASELINE, EXTENDED, PROGRESSIVE = 0xC0, 0xC1, 0xC2
TABLES = 0xDB
ONE_COMPONENT = 9  # bytes of such a frame header
FULL = 255

ZIGZAG = sorted(np.ndindex(8, 8), key=lambda at: (sum(at), at[sum(at) % 2 == 0]))
"""Row and column of the coefficients in their order in files."""

Keep = npt.NDArray[np.uint8]


def _cosines() -> npt.NDArray[np.float32]:
    """Return the orthonormal matrix of the cosine transform, one basis function per row."""
    frequency, position = np.mgrid[:8, :8]
    matrix = np.cos((2 * position + 1) * frequency * np.pi / 16) / 2
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


COSINES = _cosines()


@dataclass(frozen=True)
class Greyed:
    """JPEG file, and whether it has kept a gain map."""

    data: bytes
    has_gain_map: bool


@dataclass(frozen=True)
class _Chroma:
    """Layout of a file's two planes of chroma.

    Attributes:
        down, across: pixels per sample.
        tables: ``(8, 8)`` steps of quantisation, by number of the component.
        progressive: whether the file is coded scan by scan.
    """

    down: int
    across: int
    tables: dict[int, npt.NDArray[np.float32]]
    progressive: bool


def grey_outside(data: bytes, keep: npt.NDArray[np.bool_], *, orientation: int = 1) -> Greyed | None:
    """Return the same JPEG file, grey where ``keep`` is false.

    Args:
        data: the file.
        keep: ``(H, W)`` of the upright picture.
        orientation: EXIF orientation of the stored pixels, which stays.

    Returns:
        the file with all segments that describe the picture, and its gain map; None where this is impossible: codings
        other than baseline and progressive Huffman, colours other than YCbCr, odd subsampling, damage, no library.
    """
    file = parse_jpeg(data)
    if file is None:
        return None
    turned = UPRIGHT.get({6: 8, 8: 6}.get(orientation, orientation), np.asarray)(keep.view(np.uint8))
    stored = np.ascontiguousarray(turned) * np.uint8(FULL)
    gain_map = find_gain_map(data, file)
    splashed_map = None if gain_map is None else _splashed_map(gain_map, stored)
    coded = _grey_outside_stored(data, stored)
    if coded is None:
        return None
    photo = with_segments(coded, kept_segments(data, file, gain_map=splashed_map is not None).segments)
    if gain_map is None or splashed_map is None:
        return Greyed(photo, has_gain_map=False)
    return Greyed(with_gain_map(photo, splashed_map, len(gain_map)), has_gain_map=True)


def _splashed_map(gain_map: bytes, keep: Keep) -> bytes | None:
    """Return the gain map of a splash; None where its colours cannot be removed."""
    if not is_coloured(gain_map):
        return gain_map
    file = parse_jpeg(gain_map)
    height, width = (0, 0) if file is None else _size(file)
    if not height or not width:
        return None
    return _grey_outside_stored(
        gain_map, np.asarray(cv2.resize(keep, (width, height), interpolation=cv2.INTER_NEAREST))
    )


def _grey_outside_stored(data: bytes, keep: Keep) -> bytes | None:
    """Make the picture of a JPEG file, with its segments, grey where ``keep``, ``(H, W)`` as stored, is not 255.

    Returns:
        None where this is impossible.
    """
    file = parse_jpeg(data)
    if file is None:
        return None
    if len(file.frame.data) == ONE_COMPONENT:
        return data[: file.end]  # already grey
    chroma = _chroma(file)
    if chroma is None or keep.shape != _size(file):
        return None
    weights = _weights(keep, chroma)
    lowest, highest = _extremes(weights)

    def change(component: int, row: int, blocks: Blocks) -> None:
        if component == 0:
            return
        blocks[highest[row] == 0] = 0
        crossed = np.flatnonzero((lowest[row] < FULL) & (highest[row] > 0))
        if len(crossed):
            faded = weights[row * 8 : row * 8 + 8].reshape(8, -1, 8).swapaxes(0, 1)[crossed]
            blocks[crossed] = _faded(blocks[crossed], faded, chroma.tables[component])

    coded = change_coefficients(data, change, progressive=chroma.progressive)
    return None if coded is None else with_segments(coded, file.descriptive)


def _faded(blocks: Blocks, weights: Keep, table: npt.NDArray[np.float32]) -> Blocks:
    """Fade the samples of blocks of chroma towards grey.

    Args:
        blocks: ``(N, 8, 8)`` quantised coefficients.
        weights: ``(N, 8, 8)``, 255 where a sample stays.
        table: ``(8, 8)`` steps of quantisation.
    """
    samples = COSINES.T @ (blocks * table) @ COSINES
    faded = COSINES @ (samples * (weights / np.float32(FULL))) @ COSINES.T
    return np.clip(np.rint(faded / table), -1023, 1023).astype(np.int16)


def _weights(keep: Keep, chroma: _Chroma) -> Keep:
    """Return the weight of each sample of chroma that stays, ``(h, w)`` with sides of whole blocks."""
    height, width = (
        -(-side // (8 * step)) * 8 * step for side, step in zip(keep.shape, (chroma.down, chroma.across), strict=True)
    )
    padded = cv2.copyMakeBorder(
        keep, 0, height - keep.shape[0], 0, width - keep.shape[1], cv2.BORDER_REPLICATE
    )  # the way encoders fill their last blocks
    if chroma.down == chroma.across == 1:
        return np.asarray(padded, np.uint8)
    size = (width // chroma.across, height // chroma.down)
    return np.asarray(cv2.resize(padded, size, interpolation=cv2.INTER_AREA), np.uint8)


def _extremes(weights: Keep) -> tuple[Keep, Keep]:
    """Return the lowest and highest weight in each block, ``(h / 8, w / 8)``."""
    rows = weights.reshape(-1, 8, weights.shape[1])
    low, high = rows.min(axis=1), rows.max(axis=1)
    return low.reshape(len(low), -1, 8).min(axis=2), high.reshape(len(high), -1, 8).max(axis=2)


def _size(file: JpegFile) -> tuple[int, int]:
    """Return height and width of the stored picture."""
    frame = file.frame.data
    return int.from_bytes(frame[1:3], "big"), int.from_bytes(frame[3:5], "big")


def _chroma(file: JpegFile) -> _Chroma | None:
    """Return the layout of chroma in the file; None where it is not in two planes of the usual kind."""
    frame = file.frame
    coded, body = frame.marker, frame.data
    if coded not in (BASELINE, EXTENDED, PROGRESSIVE) or len(body) < 15 or body[0] != 8 or body[5] != 3:
        return None
    components = [body[6 + 3 * number : 9 + 3 * number] for number in range(3)]
    if not _is_ycbcr(file, bytes(component[0] for component in components)):
        return None
    (across, down), *others = [divmod(component[1], 16) for component in components]
    if others[0] != others[1] or 0 in others[0] or across % others[0][0] or down % others[0][1]:
        return None
    tables = _tables(file)
    try:
        chosen = {number: tables[components[number][2]] for number in (1, 2)}
    except KeyError:
        return None  # tables defined between scans
    return _Chroma(down // others[0][1], across // others[0][0], chosen, coded == PROGRESSIVE)


def _is_ycbcr(file: JpegFile, names: bytes) -> bool:
    """Return whether the three components are luma and chroma, by the rules of libjpeg."""
    segments = file.descriptive
    if any(segment.marker == APP0 and segment.data.startswith(b"JFIF\0") for segment in segments):
        return True
    adobe = next((item.data for item in segments if item.marker == APP14 and item.data.startswith(b"Adobe")), None)
    if adobe is not None and len(adobe) >= 12:
        return adobe[11] == 1
    return names != b"RGB"


def _tables(file: JpegFile) -> dict[int, npt.NDArray[np.float32]]:
    """Return the tables of quantisation by number."""
    tables = {}
    for segment in file.segments:
        place, data = 0, segment.data
        while segment.marker == TABLES and place < len(data):
            wide, number = divmod(data[place], 16)
            length = 128 if wide else 64
            values = np.frombuffer(data[place + 1 : place + 1 + length], ">u2" if wide else "u1")
            if len(values) == 64:
                table = np.ones((8, 8), np.float32)
                table[tuple(np.transpose(ZIGZAG))] = np.maximum(values, 1)
                tables[number] = table
            place += 1 + length
    return tables
