"""Small sound files to begin with: one for each way that pictures and videos are stored."""

from __future__ import annotations

import base64
import csv
import io
import json
import zlib
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
import pycocotools.mask as coco_mask
import tifffile
from PIL import ExifTags, Image, ImageCms

from balloon_splash.media.formats import register_heif
from balloon_splash.media.png_chunks import with_chunks
from tests.fuzz.strategies import CSV_COLUMNS
from tests.media.clips import make_clip, quarters
from tests.media.test_gain_map import map_of, ultra_hdr
from tests.media.test_kept_metadata import SMALL, camera_block, resource, with_segments
from tests.media.test_video_table import with_captions

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
    translucent = image.copy()
    translucent.putalpha(100)
    deep = np.dstack([quarters(0, SIZE).astype(np.uint16) * 257, np.full(SIZE, 40_000, np.uint16)])
    yield ".png", cv2.imencode(".png", deep)[1].tobytes()
    numbered = [(b"cICP", bytes([12, 13, 0, 1])), (b"gAMA", bytes(2) + b"\xb1\x8f"), (b"cHRM", bytes(range(32)))]
    for chunk in numbered:
        yield ".png", with_chunks(_saved(image, "PNG"), [chunk])
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
    yield ".avif", _saved(translucent, "AVIF", quality=50, xmp=b"<x/>")
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
    yield ".gif", _saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    faded = [frame.copy() for frame in frames]
    for frame in faded:
        frame.putalpha(100)
    yield ".avif", _saved(faded[0], "AVIF", save_all=True, append_images=faded[1:], duration=80)
    animated: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": 80}
    yield ".png", _saved(frames[0], "PNG", **animated, blend=1, disposal=2, default_image=True)
    yield ".png", _saved(frames[0].convert("RGBA"), "PNG", **animated, loop=3)
    yield ".mkv", with_captions(folder / "captions.mkv").read_bytes()


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


def annotation_documents() -> dict[str, Sample]:
    """A file of each of the formats that came after VIA 2, by its name: all shapes, masks, groups and crowds."""
    ring, size = [1, 1, 30, 2, 9, 20], {"width": 60, "height": 40}
    pairs = [[1, 1], [30, 2], [9, 20]]
    metadata = {
        str(number): {"vid": "1", "flg": 0, "z": [], "xy": xy, "av": {"1": "0"}}
        for number, xy in enumerate(
            ([7, *ring], [2, 1, 2, 9, 9], [3, 9, 9, 5], [4, 9, 9, 5, 3], [8, *ring, 4, 4], [9, *ring])
        )
    }
    attribute = {"1": {"aname": "class", "anchor_id": "FILE1_Z0_XY1", "type": 4, "options": {"0": "balloon"}}}
    project = {"project": {}, "config": {}, "attribute": attribute, "metadata": metadata,
               "file": {"1": {"fid": "1", "fname": "a.jpg"}}, "view": {"1": {"fid_list": ["1"]}}}  # fmt: skip
    found: dict[str, Sample] = {"via3": (".json", json.dumps(project).encode())}
    counts = coco_mask.encode(np.asfortranarray(np.eye(40, 60, dtype=np.uint8)))["counts"].decode()
    segmentations: list[Any] = [
        [ring],
        ring,
        {"size": [40, 60], "counts": counts},
        {"size": [40, 60], "counts": [100, 50, 2250]},
    ]
    annotations = [
        {
            "id": number,
            "image_id": 1,
            "category_id": 1,
            "iscrowd": number % 2,
            "bbox": [1, 1, 29, 19],
            "segmentation": each,
        }
        for number, each in enumerate(segmentations)
    ]
    categories = [
        {"id": 0, "name": "toys", "supercategory": "none"},
        {"id": 1, "name": "balloon", "supercategory": "toys"},
    ]
    images = [{"id": 1, "file_name": "a.jpg", **size}]
    document: dict[str, Any] = {"images": images, "annotations": annotations, "categories": categories}
    found["coco"] = ".json", json.dumps(document).encode()
    found["cvat"] = (
        ".xml",
        (
            b"<annotations><meta><job><labels><label><name>balloon</name></label></labels></job></meta>"
            b'<image id="0" name="a.jpg" width="60" height="40"><polygon label="balloon" points="1,1;30,2;9,20"/>'
            b'<box label="balloon" xtl="1" ytl="2" xbr="20" ybr="20" rotation="30"/>'
            b'<ellipse label="cup" cx="9" cy="9" rx="5" ry="3"/>'
            b'<mask label="balloon" rle="3, 5, 2" left="4" top="5" width="5" height="2"/></image></annotations>'
        ),
    )
    curve = "".join(
        f"<x{number}{handle}>{x}</x{number}{handle}><y{number}{handle}>{y}</y{number}{handle}>"
        for handle, corners in (("", pairs), ("_c1", pairs[1:] + pairs[:1]), ("_c2", pairs))
        for number, (x, y) in enumerate(corners, 1)
    )
    found["rectlabel"] = (
        ".xml",
        (
            b"<annotation><filename>a.jpg</filename><size><width>60</width><height>40</height></size><object>"
            b"<name>balloon</name><polygon><x1>1</x1><y1>1</y1><x2>30</x2><y2>2</y2><x3>9</x3><y3>20</y3></polygon>"
            b"</object><object><name>cup</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
            b"</object><object><name>cup</name><cubic_bezier>"
            + curve.encode()
            + b"</cubic_bezier></object></annotation>"
        ),
    )
    common = {"original_width": 60, "original_height": 40, "image_rotation": 0}
    values: list[dict[str, Any]] = [
        {"points": pairs, "polygonlabels": ["balloon"]},
        {"x": 1, "y": 2, "width": 30, "height": 9, "rectanglelabels": ["cup"]},
        {"x": 30, "y": 30, "radiusX": 9, "radiusY": 5, "rotation": 20, "ellipselabels": ["balloon"]},
        {"format": "rle", "rle": [0, 0, 37, 128, 57, 27, 255, 225, 255, 255, 224], "brushlabels": ["balloon"]},
    ]  # fmt: skip
    result = [{"id": str(number), "type": "x", "value": value, **common} for number, value in enumerate(values)]
    tasks = [{"data": {"image": "/x/a.jpg"}, "annotations": [{"result": result}]}]
    found["label-studio"] = ".json", json.dumps(tasks).encode()
    objects = [{"name": "balloon", "polygon": [{"x": x, "y": y} for x, y in pairs]},
               {"name": "cup", "bounding_box": {"top": 1, "left": 2, "height": 9, "width": 9}}]  # fmt: skip
    line = {"data_row": {"external_id": "a.jpg"}, "media_attributes": size,
            "projects": {"p": {"labels": [{"annotations": {"objects": objects}}]}}}  # fmt: skip
    lines = json.dumps(line) + "\n" + json.dumps(line | {"data_row": {"external_id": "b.png"}})
    found["labelbox"] = ".ndjson", lines.encode()
    shapes: list[dict[str, Any]] = [
        {"type": "polygon", "points": ring, "exclude": [[9, 4, 15, 4, 10, 9]], "groupId": 1},
        {"type": "polygon", "points": [40, 20, 50, 20, 50, 30], "groupId": 1},
        {"type": "bbox", "points": {"x1": 1, "y1": 2, "x2": 20, "y2": 20}},
        {"type": "rbbox", "points": {"x1": 9, "y1": 1, "x2": 30, "y2": 9, "x3": 20, "y3": 20, "x4": 1, "y4": 9}},
        {"type": "ellipse", "cx": 30, "cy": 20, "rx": 9, "ry": 5, "angle": 0},
        {"type": "polyline", "points": [*ring, 1, 1]},
        {"parts": [{"color": "#000447"}]},
    ]  # fmt: skip
    instances = [{"classId": 7, "className": "balloon", "groupId": 0, **shape} for shape in shapes]
    export = {"metadata": {"name": "a.jpg", "status": "Completed", **size}, "instances": instances}
    found["superannotate"] = ".json", json.dumps(export).encode()
    corners = {"exterior": pairs, "interior": [[[9, 4], [15, 4], [10, 9]]]}
    buffer = BytesIO()
    Image.fromarray(np.eye(5, 9, dtype=bool)).save(buffer, "PNG")
    png = buffer.getvalue()
    packed = base64.b64encode(zlib.compress(png)).decode()
    figures: list[dict[str, Any]] = [
        {"geometryType": "polygon", "points": corners, "instance": "f"},
        {"geometryType": "rectangle", "points": {"exterior": [[1, 2], [20, 20]]}, "instance": "f"},
        {"geometryType": "multipolygon", "parts": [corners, {"exterior": [[40, 20], [50, 20], [50, 30]]}]},
        {"geometryType": "oriented_bbox", "points": [[9, 1], [30, 9]], "angle": 0.5},
        {"geometryType": "line", "points": {"exterior": [*pairs, pairs[0]]}},
        {"geometryType": "bitmap", "bitmap": {"origin": [3, 4], "data": packed}},
    ]  # fmt: skip
    objects = [{"classTitle": "balloon", **figure} for figure in figures]
    found["supervisely"] = ".json", json.dumps({"size": size, "objects": objects}).encode()
    rings: list[dict[str, Any]] = [
        {"category": "balloon", "group": 1, "segmentation": pairs, "layer": 1.0},
        {"category": "balloon", "group": 1, "segmentation": [[40, 20], [50, 20], [50, 30]], "layer": 2.0},
        {"category": "__background__", "group": 0, "segmentation": [[9, 4], [15, 4], [10, 9]], "layer": 3.0},
    ]
    info = {"description": "ISAT", "folder": "", "name": "a.jpg", "depth": 3, "note": "", **size}
    objects = [{"iscrowd": False, "area": 0.0, "bbox": [], "note": "", **ring} for ring in rings]
    found["isat"] = ".json", json.dumps({"info": info, "objects": objects}).encode()
    found["yolo"] = ".txt", b"0 0.1 0.1 0.5 0.1 0.3 0.5\n1 0.5 0.5 0.9 0.5 0.9 0.9 0.5 0.9\n0 0.5 0.5 0.2 0.2\n"
    painted = {"label": "balloon", "points": [[1, 1], [9, 5]], "shape_type": "mask", "group_id": 1,
               "mask": base64.b64encode(png).decode()}  # fmt: skip
    shapes = [painted, {"label": "balloon", "points": pairs, "shape_type": "polygon", "group_id": 1},
              {"label": "cup", "points": pairs, "shape_type": "linestrip"}]  # fmt: skip
    document = {"imagePath": "a.jpg", "imageWidth": 60, "imageHeight": 40, "shapes": shapes}
    found["labelme"] = ".json", json.dumps(document).encode()
    return found


def png_masks() -> list[Sample]:
    """Numbered objects, as VOC has them, and one object, in each depth."""
    numbers = np.zeros((40, 60), np.uint8)
    numbers[5:20, 5:30], numbers[10:35, 32:50] = 1, 2
    palette = Image.fromarray(numbers).convert("P")
    palette.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    kinds = (palette, Image.fromarray(numbers), palette.convert("RGB"), palette.convert("RGBA"),
             Image.fromarray(numbers.astype(np.uint16) * 300), Image.fromarray(numbers > 0))  # fmt: skip
    return [(".png", _saved(image, "PNG")) for image in kinds]


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _tiff(pixels: np.ndarray[Any, Any], **options: Any) -> bytes:
    buffer = BytesIO()
    tifffile.imwrite(buffer, pixels, metadata=None, photometric="rgb" if pixels.ndim == 3 else "minisblack", **options)
    return buffer.getvalue()
