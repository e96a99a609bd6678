"""Photos keep what their files say: a user's orientation, profile, depth, transparency and quality."""

from io import BytesIO
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps, JpegImagePlugin, features

from balloon_splash.errors import MediaError, OutputExistsError
from balloon_splash.media.picture import Metadata, Picture, to_8_bit
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture, write_picture
from tests.media.clips import make_clip

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """(40, 60, 3) smooth picture, different in every corner."""
    y, x = np.mgrid[:40, :60]
    return np.dstack([x * 4, y * 6, (x + y) * 2]).astype(np.uint8)


def saved(image: Image.Image, kind: str, **options) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def reopened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def camera_exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    exif[ExifTags.Base.Make] = "Maker"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] = 400
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    return exif


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("depth", [8, 16])
def test_all_eight_exif_orientations_are_applied_and_reset(scene, orientation, depth):
    stored = scene if depth == 8 else scene.astype(np.uint16) * 257
    # What a viewer shows is what Pillow makes of the 8-bit file.
    plain = saved(Image.fromarray(scene), "PNG", exif=camera_exif(orientation))
    expected = np.asarray(ImageOps.exif_transpose(Image.open(BytesIO(plain))))
    data = plain
    if depth == 16:
        data = encode_picture(Picture(stored, metadata=Metadata(exif=camera_exif(orientation).tobytes()))).data

    picture = read_picture(data)

    assert np.array_equal(to_8_bit(picture.rgb), expected)
    written = reopened(encode_picture(picture).data)
    assert written.getexif().get(ExifTags.Base.Orientation, 1) == 1
    assert written.getexif()[ExifTags.Base.Make] == "Maker"
    assert written.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ISOSpeedRatings] == 400
    assert written.getexif().get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] == "N"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_tiff_is_turned_upright_once(scene, orientation, dtype):
    buffer = BytesIO()
    tag = [(ExifTags.Base.Orientation, 3, 1, orientation, True)]
    stored = scene.astype(dtype) * (257 if dtype is np.uint16 else 1)
    tifffile.imwrite(buffer, stored, photometric="rgb", extratags=tag, description="a scan", metadata=None)
    as_png = saved(Image.fromarray(scene), "PNG", exif=camera_exif(orientation))

    picture = read_picture(buffer.getvalue())

    assert np.array_equal(to_8_bit(picture.rgb), read_picture(as_png).rgb)
    written = Image.open(BytesIO(encode_picture(picture).data))
    assert written.getexif().get(ExifTags.Base.Orientation, 1) == 1
    if dtype is np.uint8:
        assert written.getexif()[ExifTags.Base.ImageDescription].strip("\0") == "a scan"


def test_camera_settings_that_tiff_cannot_hold_are_said_and_the_maker_is_kept(scene):
    photo = read_picture(saved(Image.fromarray(scene), "JPEG", exif=camera_exif(6)))
    encoded = encode_picture(photo, "TIFF")
    assert any("EXIF" in note for note in encoded.notes)
    assert reopened(encoded.data).getexif()[ExifTags.Base.Make] == "Maker"


def test_a_jpeg_keeps_its_profile_resolution_tables_and_sampling(scene):
    data = saved(Image.fromarray(scene), "JPEG", quality=83, subsampling=1, icc_profile=SRGB, dpi=(300, 300))

    written = reopened(encode_picture(read_picture(data)).data)

    assert isinstance(written, JpegImagePlugin.JpegImageFile)
    original = reopened(data)
    assert isinstance(original, JpegImagePlugin.JpegImageFile)
    assert written.quantization == original.quantization
    assert JpegImagePlugin.get_sampling(written) == 1
    assert written.info["icc_profile"] == SRGB
    assert written.info["dpi"] == (300, 300)


def test_a_quality_that_is_asked_for_wins_over_the_sources(scene):
    picture = read_picture(saved(Image.fromarray(scene), "JPEG", quality=95))
    small, large = (len(encode_picture(picture, quality=quality).data) for quality in (20, 95))
    assert small < large


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_transparency_is_kept(scene, kind):
    alpha = np.linspace(0, 255, 60, dtype=np.uint8)[None].repeat(40, 0)
    rgba = np.dstack([scene, alpha])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}

    picture = read_picture(saved(Image.fromarray(rgba), kind, **options))

    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)
    assert np.array_equal(picture.rgb, scene)
    assert np.array_equal(np.asarray(reopened(encode_picture(picture).data))[..., 3], alpha)


def test_transparency_that_jpeg_cannot_hold_is_said(scene):
    picture = read_picture(saved(Image.fromarray(np.dstack([scene, scene[..., 0]])), "PNG"))
    assert any("transparency" in note for note in encode_picture(picture, "JPEG").notes)


@pytest.mark.parametrize("mode", ["L", "LA", "1", "P", "CMYK"])
def test_every_mode_is_read_as_the_colours_a_viewer_shows(scene, mode):
    image = Image.fromarray(scene).convert(mode)
    kind = "TIFF" if mode == "CMYK" else "PNG"
    picture = read_picture(saved(image, kind))
    assert np.array_equal(picture.rgb, np.asarray(image.convert("RGB")))


def test_a_grey_photo_without_new_colour_is_written_grey_and_with_it_in_colour(scene):
    picture = read_picture(saved(Image.fromarray(scene[..., 0]), "JPEG"))
    assert reopened(encode_picture(picture).data).mode == "L"
    coloured = Picture(scene, format=picture.format, grey=True, metadata=picture.metadata)
    assert reopened(encode_picture(coloured).data).mode == "RGB"


def test_a_palette_with_transparency_becomes_rgba(scene):
    image = Image.fromarray(scene).quantize(16)
    picture = read_picture(saved(image, "PNG", transparency=0))
    assert picture.alpha is not None
    assert set(np.unique(picture.alpha)) == {0, 255}


def test_cmyk_goes_through_its_profile_or_says_that_it_did_not(scene):
    picture = read_picture(saved(Image.fromarray(scene).convert("CMYK"), "JPEG"))
    assert any("CMYK" in note for note in picture.notes)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_16_bit_pictures_stay_16_bit_to_the_last_digit(tmp_path: Path, channels, suffix):
    pixels = np.random.default_rng(0).integers(0, 65536, (9, 14, channels), dtype=np.uint16).squeeze()
    source = tmp_path / f"deep{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(source, pixels, photometric="minisblack" if channels == 1 else "rgb", iccprofile=SRGB)
    else:
        cv2.imwrite(str(source), pixels if channels == 1 else pixels[..., [2, 1, 0, 3][:channels]])

    picture = read_picture(source)
    target = tmp_path / f"copy{suffix}"
    write_picture(picture, target)

    again = read_picture(target)
    assert again.rgb.dtype == np.uint16
    assert np.array_equal(again.rgb, pixels[..., None].repeat(3, 2) if channels == 1 else pixels[..., :3])
    assert (again.alpha is not None) == (channels == 4)
    if again.alpha is not None:
        assert np.array_equal(again.alpha, pixels[..., 3])
    if suffix == ".tif":
        assert again.metadata.icc == SRGB


def test_a_16_bit_png_keeps_profile_exif_and_resolution(scene):
    metadata = Metadata(exif=camera_exif(1).tobytes(), icc=SRGB, dpi=(300, 300))
    again = read_picture(encode_picture(Picture(scene.astype(np.uint16) * 257, metadata=metadata)).data)
    assert again.rgb.dtype == np.uint16
    assert again.metadata.icc == SRGB
    assert again.metadata.exif
    assert again.metadata.dpi == pytest.approx((300, 300), abs=0.1)


def test_16_bits_that_jpeg_cannot_hold_are_said(scene):
    encoded = encode_picture(Picture(scene.astype(np.uint16) * 257), "JPEG")
    assert any("16 bits" in note for note in encoded.notes)


@pytest.mark.parametrize("kind", ["WEBP", "AVIF", "GIF", "BMP", "TIFF"])
def test_other_formats_come_back_as_themselves(scene, kind):
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    written = reopened(encode_picture(read_picture(saved(Image.fromarray(scene), kind))).data)
    assert written.format == kind
    difference = np.abs(np.asarray(written.convert("RGB"), int) - scene).mean()
    assert difference < (8 if kind == "GIF" else 4)


def test_a_scanned_tiff_with_fax_compression_can_be_written(scene):
    data = saved(Image.fromarray(scene).convert("1"), "TIFF", compression="group4", dpi=(300, 300))
    written = reopened(encode_picture(read_picture(data)).data)
    assert written.mode == "L"
    assert written.info["dpi"] == (300, 300)


def test_an_animation_says_that_only_its_first_picture_is_used(scene):
    frames = [Image.fromarray(scene), Image.fromarray(scene[::-1].copy())]
    picture = read_picture(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert any("first of 2" in note for note in picture.notes)


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (50, 1)])
def test_tiny_pictures_pass(size):
    picture = read_picture(saved(Image.new("RGB", size, "red"), "PNG"))
    assert picture.size == size[::-1]
    assert reopened(encode_picture(picture).data).size == size


def bad_files(scene: np.ndarray) -> dict[str, bytes]:
    photo = saved(Image.fromarray(scene), "JPEG")
    return {
        "empty.jpg": b"",
        "text.jpg": b"this is not a picture",
        "truncated.jpg": photo[: len(photo) // 2],
        "truncated.png": saved(Image.fromarray(scene), "PNG")[:-60],
        "truncated16.png": encode_picture(Picture(scene.astype(np.uint16) * 257)).data[:200],
        "header.png": b"\x89PNG\r\n\x1a\n",
    }


@pytest.mark.parametrize(
    "name", ["empty.jpg", "text.jpg", "truncated.jpg", "truncated.png", "truncated16.png", "header.png"]
)
def test_damaged_files_give_one_error_that_names_them(tmp_path: Path, scene, name):
    path = tmp_path / name
    path.write_bytes(bad_files(scene)[name])
    with pytest.raises(MediaError, match=name):
        read_picture(path)


def test_a_missing_file_and_a_folder_give_an_error_that_names_them(tmp_path: Path):
    for path in (tmp_path / "none.jpg", tmp_path):
        with pytest.raises(MediaError, match=path.name):
            read_picture(path)


def test_a_decompression_bomb_is_refused_before_it_fills_the_memory():
    bomb = saved(Image.new("1", (10_000, 9_500)), "PNG")
    with pytest.raises(MediaError, match="pixels"):
        read_picture(bomb, name="bomb.png")


def test_a_failed_write_leaves_no_file(tmp_path: Path, scene):
    with pytest.raises(MediaError, match="cannot be written"):
        write_picture(Picture(np.zeros((1, 70_000, 3), np.uint8)), tmp_path / "wide.jpg")
    with pytest.raises(MediaError, match="suffix"):
        write_picture(Picture(scene), tmp_path / "picture.xyz")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten_unasked(tmp_path: Path, scene):
    target = tmp_path / "there.png"
    target.write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match=r"there\.png"):
        write_picture(Picture(scene), target)
    assert target.read_bytes() == b"precious"


@pytest.mark.parametrize(("pixel_format", "bits"), [("yuv420p10le", 10), ("yuv420p", 8)])
def test_ten_bits_of_an_avif_file_becoming_eight_is_said(tmp_path: Path, pixel_format: str, bits: int):
    if not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    path = make_clip(
        tmp_path / "deep.avif", frames=1, codec="libsvtav1", pixel_format=pixel_format, options={"preset": "10"}
    )
    assert [f"{bits} bits per channel become 8"] * (bits > 8) == list(read_picture(path).notes)


def test_the_thumbnail_that_shows_what_is_hidden_is_dropped(scene):
    exif = camera_exif(1)
    thumbnail = saved(Image.fromarray(scene).resize((16, 12)), "JPEG")
    plain = exif.tobytes()
    # Pillow writes no second directory: append one (JPEGInterchangeFormat and its length) and lead the first one to it.
    order: Literal["little", "big"] = "little" if plain[6:8] == b"II" else "big"
    tiff = bytearray(plain[6:])
    first = int.from_bytes(tiff[4:8], order)
    link = first + 2 + 12 * int.from_bytes(tiff[first : first + 2], order)
    tiff[link : link + 4] = len(tiff).to_bytes(4, order)
    data_at = len(tiff) + 2 + 2 * 12 + 4
    tiff += (2).to_bytes(2, order)
    for tag, value in ((0x0201, data_at), (0x0202, len(thumbnail))):
        tiff += tag.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(4, order) + value.to_bytes(4, order)
    block = plain[:6] + bytes(tiff) + bytes(4) + thumbnail
    for data in (saved(Image.fromarray(scene), "JPEG", exif=block), saved(Image.fromarray(scene), "PNG", exif=block)):
        assert thumbnail in data
        assert reopened(data).getexif().get_ifd(ExifTags.IFD.IFD1)
        written = encode_picture(read_picture(data)).data
        assert thumbnail not in written
        assert reopened(written).getexif()[ExifTags.Base.Make] == "Maker"


def test_heic_without_its_library_says_what_to_install(monkeypatch):
    monkeypatch.setattr("balloon_splash.media.reading.register_plugins", frozenset)
    with pytest.raises(MediaError, match=r"pip install balloon-splash\[heif\]"):
        read_picture(bytes([0, 0, 0, 24]) + b"ftypheic" + bytes(100), name="a.heic")
