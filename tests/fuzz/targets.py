"""Targets of each kind of file: all that the package does with it before a model sees it, and after."""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pycocotools.mask as coco_mask
from PIL import ExifTags, Image

from balloon_splash.errors import BalloonSplashError

Target: TypeAlias = Callable[[Path], bool]
"""Takes a file; says whether it was read (true) or refused by an error of the package. Anything raised is a finding."""

MOST_FRAMES = 40  # of a video; damage to its clock can make it seem endless
PHOTO_SIZE = (60, 40)
OF_THE_FILES = ("case", "sample")
"""Photos that the files are of where only their names tell: without the suffix, those of the worker's files."""


def via_target(photos: Path) -> Target:
    """Make a target that reads annotations, with ``photos``, a folder that is filled here, as their image folder."""
    from balloon_splash.data.annotations.instances import load_via_instances

    _fill(photos)

    def read(path: Path) -> bool:
        options = zlib.crc32(path.read_bytes())  # every combination has its turn, and each file always the same
        classes = [(("balloon",), None), (None, "class"), (("balloon", "cup"), "class")][options % 3]
        try:
            dicts, _ = load_via_instances(
                path,
                photos,
                class_names=classes[0],
                class_attribute=classes[1],
                keep_empty=bool(options & 4),
                close_polylines=bool(options & 8),
                strict=options & 48 == 0,
            )
        except BalloonSplashError:
            return False
        for entry in dicts:
            _check_annotations(entry)
        return True

    return read


def labelme_target(photos: Path) -> Target:
    """Make a target that reads the LabelMe files in the folder of the file, beside ``photos``, which is filled here."""
    from balloon_splash.data.annotations.labelme import load_labelme

    _fill(photos)

    def read(path: Path) -> bool:
        try:
            dicts = load_labelme(path.parent, ["balloon", "cup"])
        except BalloonSplashError:
            return False
        for entry in dicts:
            _check_annotations(entry)
        return True

    return read


def formats_target(photos: Path, kind: str) -> Target:
    """Make a target that reads annotations of a recognised format; ``photos``, which is filled here, are theirs.

    Of formats that are folders, the file of one photo is read.
    """
    from balloon_splash.data.annotations import png_masks, voc
    from balloon_splash.data.annotations.faults import FaultLog, UnsoundError
    from balloon_splash.data.annotations.formats import load_annotations
    from balloon_splash.data.annotations.instances import read_instances
    from balloon_splash.data.annotations.records import AnnotationSet, RawObject, RawPhoto, ReadOptions
    from balloon_splash.data.annotations.yolo import read_label_file

    _fill(photos)

    def objects_of(path: Path, options: ReadOptions) -> list[RawObject]:
        if kind == "voc":
            return voc._objects(path, path, {128 << 16: "balloon", 128 << 8: "cup"})
        if kind == "png-masks":
            return [RawObject("mask", None, functools.partial(png_masks._outline, path))]
        return read_label_file(path, ("balloon", "cup"), options.limits)

    def read(path: Path) -> bool:
        number = zlib.crc32(path.read_bytes())
        attribute = ("class", None)[number % 3 == 0]
        several = attribute is not None and kind != "png-masks"  # objects without a class are of a single one
        options = ReadOptions(
            class_names=(None, ("balloon", "cup") if several else ("balloon",))[number % 2],
            class_attribute=attribute,
            keep_empty=bool(number & 8),
            close_polylines=bool(number & 16),
            crowds_as_objects=bool(number & 32),
        )
        try:
            if path.suffix in (".txt", ".png"):
                objects = objects_of(path, options)
                found = AnnotationSet([RawPhoto(0, "a.jpg", objects, len(objects))], photos)
                dicts, _ = read_instances(found, photos, options, FaultLog(path))
            else:
                dicts, _ = load_annotations(path, photos, options=options)
        except (BalloonSplashError, UnsoundError):
            return False
        for entry in dicts:
            _check_annotations(entry)
        return True

    return read


def _fill(photos: Path) -> None:
    from balloon_splash.data.annotations.photos import PhotoFolder

    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    (photos / "c").mkdir(parents=True)
    for name in ("a.jpg", "b.png", "c/d.jpg"):
        Image.new("RGB", PHOTO_SIZE).save(photos / name)
    for name in OF_THE_FILES:
        Image.new("RGB", PHOTO_SIZE).save(photos / name, "PNG")
    Image.new("RGB", PHOTO_SIZE).save(photos / "turned.jpg", exif=exif)
    folder = PhotoFolder(photos)
    for name in ("a.jpg", "b.png", "c/d.jpg", "turned.jpg", *OF_THE_FILES):
        folder.size(folder.find(name), decode=True)
    folder.save_sizes()  # so that they are not measured again for each file


def _check_annotations(entry: dict[str, object]) -> None:
    """Check what training relies on: outlines of three points and more, inside the photo, within their box."""
    width, height, annotations = entry["width"], entry["height"], entry["annotations"]
    assert isinstance(width, int)
    assert isinstance(height, int)
    assert isinstance(annotations, list)
    for annotation in annotations:
        x0, y0, x1, y1 = annotation["bbox"]
        assert 0 <= x0 < x1 <= width, annotation
        assert 0 <= y0 < y1 <= height, annotation
        if isinstance(annotation["segmentation"], dict):
            mask = coco_mask.decode(annotation["segmentation"])
            assert mask.shape == (height, width), annotation
            assert mask.any(), annotation
            continue
        for outline in annotation["segmentation"]:
            assert len(outline) >= 6, annotation
            assert all(x0 <= x <= x1 for x in outline[::2]), annotation
            assert all(y0 <= y <= y1 for y in outline[1::2]), annotation


def image_target() -> Target:
    """Make a target that reads a picture, to splash and as part of a dataset, and writes it again, in memory."""
    from balloon_splash.data.annotations.faults import UnsoundError
    from balloon_splash.data.annotations.photos import read_upright_size
    from balloon_splash.media.colour_fitting import WITH_ICC
    from balloon_splash.media.formats import is_animation
    from balloon_splash.media.reading import read_picture
    from balloon_splash.media.writing import encode_picture

    def read(path: Path) -> bool:
        is_animation(path)
        try:
            read_upright_size(path, decode=True)
        except UnsoundError:
            pass
        try:
            picture = read_picture(path)
        except BalloonSplashError:
            return False
        assert picture.rgb.ndim == 3
        assert picture.alpha is None or picture.alpha.shape == picture.size
        keep = np.zeros(picture.size, np.float32)
        keep[: picture.size[0] // 2] = 1
        other = sorted(WITH_ICC | {"BMP", "GIF"})[zlib.crc32(path.read_bytes()) % (len(WITH_ICC) + 2)]
        ways = ((picture, None), (replace(picture, keep=keep), None), (picture, other))
        for splash, kind in ways:  # encoded again; of a JPEG file, changed by blocks; in another format
            try:
                encode_picture(splash, kind)
            except BalloonSplashError:
                pass
        return True

    return read


def video_target() -> Target:
    """Make a target that reads a video's frames, and copies its sound and subtitles, in memory."""
    import av

    from balloon_splash.media.video.clip import Clip
    from balloon_splash.media.video.opening import media_errors
    from balloon_splash.media.video.tracks import CopiedTracks
    from balloon_splash.splasher.video_stream import open_video

    def read(path: Path) -> bool:
        offset = Fraction(0)
        try:
            with open_video(path) as video:
                frames = list(video.frames(Clip(max_frames=MOST_FRAMES)))
                offset = video.offset
        except BalloonSplashError:
            return False
        assert all(frame.duration > 0 for frame in frames)
        assert all(before.time < after.time for before, after in pairwise(frames))
        if path.suffix in (".gif", ".webp", ".png", ".avif"):
            return True
        try:
            with av.open(BytesIO(), "w", format="matroska") as output:
                tracks = CopiedTracks(path, output, destination=Path("out.mkv"), offset=offset)
                try:
                    if tracks.copied:
                        with media_errors(path, "cannot be written"):  # as the sink does
                            tracks.copy_until(None)
                finally:
                    tracks.close()
        except BalloonSplashError:
            pass
        return True

    return read
