"""Small sound files to begin with: one for each way that pictures and videos are stored."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import tifffile
from PIL import ExifTags, Image, ImageCms

from balloon_splash.media.formats import register_heif
from tests.fuzz.strategies import CSV_COLUMNS
from tests.media.clips import make_clip, quarters
from tests.media.test_gain_map import map_of, ultra_hdr
from tests.media.test_kept_metadata import SMALL, camera_block, resource, with_segments

Sample: TypeAlias = "tuple[str, bytes]"
"""Suffix and content of a file."""

SIZE = (24, 40)  # height and width


def pictures() -> Iterator[Sample]:
    """One of each format, depth, colour model and compression that the reader knows."""
    image = Image.fromarray(quarters(0, SIZE))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "maker"
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    yield ".jpg", _saved(image, "JPEG", exif=exif, dpi=(72, 72), comment=b"words", quality=60)
    yield ".jpg", _saved(image, "JPEG", progressive=True, quality=60, icc_profile=icc)
    yield ".jpg", _saved(image.convert("L"), "JPEG", quality=60)
    yield ".jpg", _saved(image.convert("CMYK"), "JPEG", quality=60)
    yield ".jpg", ultra_hdr(map_of("RGB"))
    yield (
        ".jpg",
        with_segments(
            _saved(image, "JPEG"), (0xE1, camera_block(6)), (0xED, b"Photoshop 3.0\0" + resource(1036, SMALL))
        ),
    )
    yield ".png", _saved(image, "PNG", exif=exif, icc_profile=icc)
    yield ".png", _saved(image.convert("P"), "PNG", transparency=3)
    yield ".png", _saved(image.convert("LA"), "PNG")
    yield ".png", _saved(image.convert("1"), "PNG")
    yield ".png", _saved(image, "PNG", save_all=True, append_images=[image.rotate(180)])
    deep = np.dstack([quarters(0, SIZE).astype(np.uint16) * 257, np.full(SIZE, 40_000, np.uint16)])
    yield ".png", cv2.imencode(".png", deep)[1].tobytes()
    yield ".webp", _saved(image, "WEBP", quality=50, exif=exif, xmp=b"<x/>")
    yield ".webp", _saved(image.convert("RGBA"), "WEBP", lossless=True)
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"):
        yield ".tif", _saved(image, "TIFF", compression=compression, dpi=(72, 72))
    yield ".tif", _saved(image.convert("1"), "TIFF", compression="group4")
    yield ".tif", _tiff(deep[..., :3], tile=(16, 16), compression="zlib")
    yield ".tif", _tiff(deep[..., 0], bigtiff=True)
    yield (
        ".tif",
        _tiff(np.moveaxis(deep[..., :3], 2, 0).copy(), planarconfig="separate", compression="zlib", predictor=True),
    )
    yield ".gif", _saved(image.convert("P"), "GIF")
    yield ".bmp", _saved(image, "BMP")
    yield ".bmp", _saved(image.convert("P"), "BMP")
    yield ".jp2", _saved(image, "JPEG2000")
    yield ".jp2", cv2.imencode(".jp2", np.tile(deep[..., :3], (2, 2, 1)))[1].tobytes()
    yield ".avif", _saved(image, "AVIF", quality=50, exif=exif)
    if register_heif():
        yield ".heic", _saved(image, "HEIF", quality=50, exif=exif)


def videos(folder: Path) -> Iterator[Sample]:
    """Short clips with different containers, codecs, sound, rotation and clocks; ``folder`` is where they are made."""
    small: dict[str, Any] = {"size": (32, 48), "frames": 5}
    mpeg4 = {"codec": "mpeg4", **small}
    recipes: list[tuple[str, dict[str, Any]]] = [
        (".mp4", small),
        (".mp4", {**small, "audio": ["aac"], "rotation": (90, False), "metadata": {"title": "t"}}),
        (".mp4", {**small, "container_options": {"movflags": "frag_keyframe+empty_moov"}}),
        (".mp4", {**small, "codec": "libx265", "size": (96, 128)}),
        (".mp4", mpeg4),
        (".m4v", {**small, "subtitles": "mov_text"}),
        (".mov", {**small, "codec": "mjpeg", "pixel_format": "yuvj420p", "audio": ["pcm_s16le"]}),
        (".mov", {**small, "codec": "prores_ks", "pixel_format": "yuv422p10le"}),
        (".mkv", {**small, "subtitles": "subrip", "audio": ["aac"]}),
        (".mkv", {**small, "codec": "ffv1", "time_base": Fraction(1, 1000), "rate": 30}),
        (".mkv", {**small, "options": {"x264-params": "interlaced=1:bff=0"}}),
        (".webm", {**small, "codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}),
        (".webm", {**small, "codec": "libvpx", "audio": ["libopus"]}),
        (".avi", {**mpeg4, "audio": ["pcm_s16le"]}),
        (".avi", {**small, "codec": "mjpeg", "pixel_format": "yuvj420p"}),
        (".mpg", {**small, "codec": "mpeg1video"}),
        (".ts", {**small, "codec": "mpeg2video"}),
        (".wmv", {**small, "codec": "wmv2"}),
    ]
    for number, (suffix, recipe) in enumerate(recipes):
        yield suffix, make_clip(folder / f"{number}{suffix}", **recipe).read_bytes()
    frames = [Image.fromarray(quarters(index, SIZE)) for index in range(4)]
    yield ".gif", _saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=80, loop=2)
    yield ".webp", _saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=80)


def via_documents() -> Iterator[Sample]:
    """A VIA file of each kind."""
    outline = {"name": "polygon", "all_points_x": [1, 30, 30, 1.5, 1], "all_points_y": [1, 2, 20, 25, 1]}
    shapes: list[dict[str, Any]] = [
        outline,
        {"name": "rect", "x": 1, "y": 2, "width": 30, "height": 9},
        {"name": "circle", "cx": 9, "cy": 9, "r": 5},
        {"name": "ellipse", "cx": 9, "cy": 9, "rx": 5, "ry": 3, "theta": 0.5},
        {"name": "polygon", "all_points_x": [1, 30, 1, 30], "all_points_y": [1, 20, 20, 1]},
    ]
    regions = [{"shape_attributes": shape, "region_attributes": {"class": "balloon"}} for shape in shapes]
    entry = {"filename": "a.jpg", "size": 10, "file_attributes": {}}
    old = {"a.jpg10": {**entry, "fileref": "", "regions": {str(i): region for i, region in enumerate(regions)}}}
    new = {"a.jpg10": {**entry, "regions": regions}, "b.png-1": {"filename": "b.png", "size": -1, "regions": []}}
    for document in (old, new, {"_via_settings": {}, "_via_img_metadata": new}):
        yield ".json", json.dumps(document).encode()
    for mark in ("#", ""):
        output = io.StringIO()
        output.write(mark + ",".join(CSV_COLUMNS) + "\n")
        writer = csv.writer(output)
        for number, shape in enumerate(shapes):
            writer.writerow(["a.jpg", 10, "{}", len(shapes), number, json.dumps(shape), '{"class":{"balloon":true}}'])
        writer.writerow(["b.png", -1, "{}", 0, 0, "{}", "{}"])
        yield ".csv", output.getvalue().encode()


def labelme_documents() -> Iterator[Sample]:
    """A LabelMe file."""
    shape = {"label": "balloon", "points": [[1, 1], [30, 2], [9, 20]], "shape_type": "polygon", "group_id": None}
    yield ".json", json.dumps({"imagePath": "photos/a.jpg", "shapes": [shape]}).encode()


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _tiff(pixels: np.ndarray[Any, Any], **options: Any) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, metadata=None, photometric="rgb" if pixels.ndim == 3 else "minisblack", **options)
    return buffer.getvalue()
