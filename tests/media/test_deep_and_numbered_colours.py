"""16-bit pixels are read as they are meant, whatever their layout; colours named by numbers stay, or are said."""

from __future__ import annotations

import struct
from io import BytesIO
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.media.colour_numbers import ColourNumbers, from_boxes
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from tests.media.test_kept_metadata import chunk, png, saved

RNG = np.random.default_rng(0)
DEEP = RNG.integers(0, 65536, (9, 14, 3), dtype=np.uint16)
ALPHA = RNG.integers(0, 65536, (9, 14, 1), dtype=np.uint16)


def tiff(pixels: np.ndarray, **options: Any) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, metadata=None, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("compression", [None, "zlib", "lzma"])
@pytest.mark.parametrize("planes", [False, True])
@pytest.mark.parametrize("alpha", [False, True])
@pytest.mark.parametrize("predictor", [False, True])
def test_every_layout_of_a_16_bit_tiff_is_read_to_the_last_digit(compression, planes, alpha, predictor) -> None:
    if predictor and compression != "zlib":
        pytest.skip("a predictor goes before a compression")
    pixels = np.dstack([DEEP, ALPHA]) if alpha else DEEP
    data = tiff(
        np.moveaxis(pixels, -1, 0).copy() if planes else pixels,
        photometric="rgb",
        planarconfig="separate" if planes else "contig",
        extrasamples=["unassalpha"] if alpha else None,
        compression=compression,
        predictor=predictor,
        byteorder=">" if planes else "<",
    )
    picture = read_picture(data)
    assert np.array_equal(picture.rgb, DEEP)
    assert (picture.alpha is not None) == alpha
    if picture.alpha is not None:
        assert np.array_equal(picture.alpha, ALPHA[..., 0])


def test_a_tiff_in_tiles_and_one_in_lzw_are_read_to_the_last_digit() -> None:
    tiles = tiff(np.pad(DEEP, ((0, 40), (0, 40), (0, 0))), photometric="rgb", tile=(16, 16), compression="zlib")
    assert np.array_equal(read_picture(tiles).rgb[:9, :14], DEEP)
    _, lzw = cv2.imencode(".tif", DEEP[..., ::-1], [cv2.IMWRITE_TIFF_COMPRESSION, cv2.IMWRITE_TIFF_COMPRESSION_LZW])
    assert np.array_equal(read_picture(lzw.tobytes()).rgb, DEEP)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_16_bit_tiff_that_opencv_reads_stands_upright_once(orientation: int, monkeypatch) -> None:
    data = tiff(DEEP, photometric="rgb", extratags=[(274, 3, 1, orientation, True)], compression="zlib")
    expected = read_picture(data).rgb

    def without_further_library(*_: object, **__: object) -> None:
        raise ValueError("<COMPRESSION.LZW: 5> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", without_further_library)
    assert np.array_equal(read_picture(data).rgb, expected)


def test_white_is_zero_means_white_is_zero() -> None:
    grey = DEEP[..., 0]
    assert np.array_equal(read_picture(tiff(grey, photometric="miniswhite")).rgb[..., 1], 65535 - grey)
    assert np.array_equal(read_picture(tiff(grey, photometric="minisblack")).rgb[..., 1], grey)


def test_a_fourth_channel_is_alpha_only_where_the_file_says_so() -> None:
    four = np.dstack([DEEP, ALPHA])
    picture = read_picture(tiff(four, photometric="rgb", extrasamples=["unspecified"]))
    assert picture.alpha is None
    assert np.array_equal(picture.rgb, DEEP)
    assert any("further channels" in note for note in picture.notes)
    premultiplied = (four[..., :3].astype(np.uint64) * four[..., 3:] // 65535).astype(np.uint16)
    data = tiff(np.dstack([premultiplied, four[..., 3]]), photometric="rgb", extrasamples=["assocalpha"])
    straight = read_picture(data)
    assert straight.alpha is not None
    visible = four[..., 3] > 30000
    assert np.abs(straight.rgb.astype(int) - four[..., :3])[visible].max() <= 3


@pytest.mark.parametrize("photometric", ["separated"])
def test_16_bits_of_other_colour_models_are_refused_by_name(photometric: str) -> None:
    pixels = np.dstack([DEEP, ALPHA]) if photometric == "separated" else DEEP
    with pytest.raises(MediaError, match=r"a\.tif: .*SEPARATED.*expected"):
        read_picture(tiff(pixels, photometric=photometric), name="a.tif")


@pytest.mark.parametrize("photometric", ["rgb", "minisblack", "miniswhite"])
@pytest.mark.parametrize("planes", [False, True])
def test_8_bit_tiffs_are_read_as_tifffile_reads_them(photometric: str, planes: bool) -> None:
    pixels = (DEEP >> 8).astype(np.uint8)
    if photometric == "rgb":
        stored = np.moveaxis(pixels, -1, 0).copy() if planes else pixels
        data = tiff(stored, photometric="rgb", planarconfig="separate" if planes else "contig", compression="zlib")
        assert np.array_equal(read_picture(data).rgb, pixels)
    elif not planes:
        found = read_picture(tiff(pixels[..., 0], photometric=photometric)).rgb[..., 0]
        assert np.array_equal(found, pixels[..., 0] if photometric == "minisblack" else 255 - pixels[..., 0])


def test_16_bit_jpeg_2000_stays_16_bit() -> None:
    y, x = np.mgrid[:64, :80]
    deep = np.dstack([x * 800, y * 1000, x * y * 12]).astype(np.uint16) + RNG.integers(0, 99, (64, 80, 3), np.uint16)
    _, source = cv2.imencode(".jp2", deep[..., ::-1])
    picture = read_picture(source.tobytes())
    assert np.abs(picture.rgb.astype(int) - deep).max() < 50  # OpenCV's encoder is never without loss
    for kind in ("PNG", "TIFF"):
        assert np.array_equal(read_picture(encode_picture(picture, kind).data).rgb, picture.rgb)
    encoded = encode_picture(picture, "JPEG2000")
    assert np.abs(read_picture(encoded.data).rgb.astype(int) - picture.rgb).max() < 50
    assert any("small loss" in note for note in encoded.notes)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_transparent_value_of_a_16_bit_png_is_transparent(channels: int) -> None:
    pixels = DEEP[..., 0].copy() if channels == 1 else DEEP.copy()
    pixels[:3] = 1234
    _, plain = cv2.imencode(".png", pixels)
    data = plain.tobytes()
    source = data[:33] + chunk(b"tRNS", struct.pack(f">{channels}H", *[1234] * channels)) + data[33:]
    alpha = read_picture(source).alpha
    assert alpha is not None
    assert not alpha[:3].any()
    assert (alpha[3:] == 65535).mean() > 0.99


def test_a_lossless_webp_stays_lossless_whatever_else_is_in_it() -> None:
    pixels = (DEEP >> 8).astype(np.uint8)
    for options in ({}, {"icc_profile": b"profile" * 40}, {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"}):
        buffer = BytesIO()
        Image.fromarray(pixels).save(buffer, "WEBP", lossless=True, **options)
        picture = read_picture(buffer.getvalue())
        assert np.array_equal(read_picture(encode_picture(picture).data).rgb, pixels)
    lossy = read_picture(saved("WEBP", quality=50, icc_profile=b"VP8L" * 40))
    assert not lossy.metadata.encoder


HLG = ColourNumbers(9, 18, 9)


def hlg_heic() -> bytes:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    numbers: dict[str, Any] = {
        "color_primaries": 9,
        "transfer_characteristics": 18,
        "matrix_coefficients": 9,
        "full_range_flag": 1,
    }
    return saved("HEIF", "RGB", quality=90, **numbers)


def pq_avif() -> bytes:
    return saved("AVIF", quality=90).replace(b"colrnclx\0\1\0\15", b"colrnclx\0\11\0\20")


def pq_png() -> bytes:
    return png(chunk(b"cICP", bytes([9, 16, 0, 1])))


@pytest.mark.parametrize(("make", "transfer"), [(hlg_heic, 18), (pq_avif, 16), (pq_png, 16)])
@pytest.mark.parametrize("kind", ["PNG", "AVIF", "HEIF", "JPEG", "WEBP", "TIFF"])
def test_colours_by_numbers_stay_where_the_format_can_hold_them_and_are_said_elsewhere(make, transfer, kind) -> None:
    picture = read_picture(make())
    assert picture.metadata.numbers is not None
    assert (picture.metadata.numbers.primaries, picture.metadata.numbers.transfer) == (9, transfer)
    encoded = encode_picture(picture, kind)
    if kind in ("PNG", "AVIF", "HEIF"):
        again = read_picture(encoded.data).metadata.numbers
        assert again is not None
        assert (again.primaries, again.transfer) == (9, transfer)
        assert encoded.notes == ()
    else:
        (note,) = encoded.notes
        assert "HDR" in note
        assert "could not be kept" in note


def test_plain_srgb_is_not_spoken_of() -> None:
    picture = read_picture(saved("AVIF"))
    assert picture.metadata.numbers is None
    assert encode_picture(picture, "JPEG").notes == ()
    assert from_boxes(b"colrnclx") is None
