"""The part of EXIF that TIFF files hold beside the layout of their pixels."""

from __future__ import annotations

from PIL import ExifTags, Image

DESCRIPTIVE_TAGS = frozenset(
    {
        ExifTags.Base.ImageDescription,
        ExifTags.Base.Make,
        ExifTags.Base.Model,
        ExifTags.Base.Software,
        ExifTags.Base.DateTime,
        ExifTags.Base.Artist,
        ExifTags.Base.Copyright,
    }
)
"""Tags of the first directory that describe the picture; the others of a TIFF say where its pixels lie."""

SUB_DIRECTORIES = frozenset({ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo})
"""Camera settings and position: Pillow's TIFF writer fails on them when it compresses."""


def descriptive_exif(exif: Image.Exif) -> bytes | None:
    """The descriptive tags alone, or None if there are none."""
    kept = Image.Exif()
    kept.update({tag: value for tag, value in exif.items() if tag in DESCRIPTIVE_TAGS})
    return kept.tobytes() if len(kept) else None


def without_thumbnail(data: bytes) -> bytes:
    """An EXIF block without the small copy of the photo, which still shows what a splash hides."""
    exif = parse_exif(data)
    return exif.tobytes() if exif.get_ifd(ExifTags.IFD.IFD1) else data  # Pillow writes no such directory


def parse_exif(data: bytes) -> Image.Exif:
    """The tags in an EXIF block."""
    exif = Image.Exif()
    exif.load(data)
    return exif
