"""Photos of phones: HEIC is read and written with its colours, EXIF and profile, and upright."""

from __future__ import annotations

import io

import numpy as np
import pillow_heif
import pytest
from PIL import Image, ImageCms

from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture

ORIENTATION, MAKE = 0x0112, 0x010F
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture
def photo() -> bytes:
    """64 x 48, red on the left, with EXIF and a profile."""
    pillow_heif.register_heif_opener()
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:, :32], pixels[:, 32:] = (200, 40, 40), (40, 40, 200)
    exif = Image.Exif()
    exif[MAKE] = "a phone"
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "HEIF", quality=95, exif=exif.tobytes(), icc_profile=SRGB)
    return data.getvalue()


def test_a_phones_photo_comes_back_as_it_was(photo: bytes) -> None:
    picture = read_picture(photo)
    assert picture.rgb.shape == (48, 64, 3)
    assert np.abs(picture.rgb[24, 16].astype(int) - (200, 40, 40)).max() < 12
    encoded = encode_picture(picture)
    written = Image.open(io.BytesIO(encoded.data))
    assert written.format == "HEIF"
    assert written.size == (64, 48)
    assert written.info["icc_profile"] == SRGB
    assert written.getexif()[MAKE] == "a phone"
    assert written.getexif().get(ORIENTATION, 1) == 1
    assert np.abs(np.asarray(written.convert("RGB"))[24, 48].astype(int) - (40, 40, 200)).max() < 12
