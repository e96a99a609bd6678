"""The work behind requests about photos: plain functions of bytes and options, called in a thread."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from balloon_splash.compositing.backgrounds import BackgroundLike
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.strokes import Strokes
from balloon_splash.errors import BalloonSplashError
from balloon_splash.media.formats import READABLE, SUFFIXES, WITH_ALPHA, format_of, is_picture, register_plugins
from balloon_splash.media.opening import DAMAGED, open_image
from balloon_splash.media.outputs import splash_path
from balloon_splash.media.picture import Picture
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from balloon_splash.serve import records, views
from balloon_splash.serve.choices import BACKGROUND_IMAGE
from balloon_splash.serve.problems import RequestError, problem_of
from balloon_splash.splasher.added_boxes import AddedBoxes
from balloon_splash.splasher.finder import Finder, NamedImage, detections_of
from balloon_splash.splasher.finding import model_finder
from balloon_splash.splasher.from_table import look_of, selection_of
from balloon_splash.splasher.splasher import splash_picture

PHOTO, STROKES = "photo", "strokes"
A_PICTURE = "a picture: JPEG, PNG, WebP, AVIF, HEIC, TIFF, GIF, BMP or JPEG 2000"
_NOT_IN_NAMES = re.compile(r"[^\w .()+-]+")
_LONGEST_STEM = 80


@dataclass(frozen=True)
class Upload:
    """A picture file that came with a request.

    Attributes:
        field: the part that it came in.
        name: file name that the client gave; never that of a file here.
        data: its bytes.
    """

    field: str
    name: str
    data: bytes


@dataclass(frozen=True)
class View:
    """View of the objects that a client asks for.

    Attributes:
        side: longest side of index map, mattes and preview in pixels; None is the photo's own.
        mattes: whether a matte is wanted per object.
        preview: whether the picture itself is wanted.
    """

    side: int | None = None
    mattes: bool = False
    preview: bool = False


@dataclass(frozen=True)
class Result:
    """A finished file.

    Attributes:
        data: its bytes.
        name: a file name for it.
        media_type: of the bytes.
        found: how many objects are in the photo.
        kept: how many of them kept their colour.
        notes: what could not be kept of the photo.
    """

    data: bytes
    name: str
    media_type: str
    found: int
    kept: int
    notes: tuple[str, ...] = field(default=())


def open_upload(upload: Upload, most_pixels: int) -> Picture:
    """Decode a picture, unless it is too large.

    Raises:
        RequestError: not a picture, or one of more than ``most_pixels``.
    """
    if not upload.data:
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, upload.field, "an empty file", A_PICTURE)
    register_plugins()
    try:
        with open_image(BytesIO(upload.data), READABLE, name=upload.field) as image:
            width, height = image.size
    except (*DAMAGED, BalloonSplashError):
        pass  # which is said by who reads it
    else:
        if width * height > most_pixels:
            found, expected = f"a picture of {width}x{height} pixels", f"at most {most_pixels:,} pixels"
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, upload.field, found, expected)
    try:
        return read_picture(upload.data, name=upload.field)
    except BalloonSplashError as error:
        text = str(error).removeprefix(f"{upload.field}: ")
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        if "too large" in text:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        raise RequestError(status, upload.field, text, A_PICTURE) from None


def look_from(values: dict[str, Any], background: Picture | None, strokes: Picture | None) -> Look:
    """Return the look that choices, with their pictures, ask for.

    Raises:
        RequestError: no such background, no picture for it, or strokes that are none.
    """
    chosen: BackgroundLike = values["background"]
    if chosen == BACKGROUND_IMAGE:
        if background is None:
            raise RequestError(
                HTTPStatus.UNPROCESSABLE_ENTITY, "background_image", "nothing", "a picture as background"
            )
        chosen = background.rgb
    try:
        painted = None if strokes is None else Strokes.painted(strokes.rgb8, strokes.alpha8, name=STROKES)
    except BalloonSplashError as error:
        raise problem_of(error, STROKES) from None
    look = look_of(values, chosen, painted)
    try:
        look.check()
    except BalloonSplashError as error:
        raise problem_of(error, "choices.background") from None
    return look


def find(
    finder: Finder, picture: Picture, name: str, values: dict[str, Any], record: bytes | None
) -> tuple[Detections, list[int | None]]:
    """Return the objects in a picture, and the number that each had in the record, None for new ones.

    Raises:
        RequestError: the record does not suit, or a box lies outside the picture.
    """
    image = NamedImage(name, name, picture.visible8)
    boxes = [tuple(box) for box in values["add_box"]]
    try:
        selection_of(values).check(finder.class_names)
    except BalloonSplashError as error:
        raise problem_of(error, "choices.classes") from None
    try:
        if record is None:
            named = model_finder(finder, tiles=values["tiles"], add_boxes=boxes, note=lambda text: None)
            (found,) = detections_of(named.find([image]))
            return found, [None] * len(found)
        before = records.read(record, picture.size, tuple(finder.class_names))
        found = AddedBoxes(finder, boxes, note=lambda text: None).join(image, before) if boxes else before
    except BalloonSplashError as error:
        raise problem_of(error, PHOTO) from None
    return found, _numbers_before(before, found)


def objects(
    finder: Finder, picture: Picture, name: str, values: dict[str, Any], record: bytes | None, view: View
) -> dict[str, Any]:
    """Return the objects of a picture, for a page.

    Raises:
        RequestError: see :func:`find`.
    """
    found, before = find(finder, picture, name, values, record)
    try:
        kept = {int(index) for index in selection_of(values).indices(found)}
    except BalloonSplashError as error:
        raise problem_of(error, "choices") from None
    height, width = picture.size
    size = views.view_size(picture.size, view.side)
    seen = views.seen_at(found, size)
    pictures = list(views.mattes(seen)) if view.mattes else [None] * len(found)
    shown, media_type = views.preview(picture, size) if view.preview else (None, None)
    return {
        "width": width,
        "height": height,
        "view": {"width": size[1], "height": size[0]},
        "objects": [
            {
                "number": index + 1,
                "was": before[index],
                "box": [float(value) for value in found.boxes[index]],
                "score": float(found.scores[index]),
                "class": found.class_names[found.classes[index]],
                "kept": index in kept,
                "matte": pictures[index],
            }
            for index in range(len(found))
        ],
        "index_map": views.index_map(seen),
        "preview": shown,
        "preview_type": media_type,
        "record": records.written(name, found),
        "notes": list(picture.notes),
    }


def splash(
    finder: Finder,
    picture: Picture,
    name: str,
    values: dict[str, Any],
    record: bytes | None,
    look: Look,
) -> Result:
    """Return the splash as a file, as the command makes it.

    Raises:
        RequestError: see :func:`find`; or strokes that do not fit.
    """
    found, _ = find(finder, picture, name, values, record)
    try:
        if look.strokes is not None:
            look = replace(look, strokes=look.strokes.fitted(picture.size))
    except BalloonSplashError as error:
        raise problem_of(error, STROKES) from None
    try:
        selection = selection_of(values)
        splashed = splash_picture(picture, found, look, selection)
        path = Path(name)
        target = splash_path(path, "PNG" if look.transparent and format_of(path) not in WITH_ALPHA else None)
        kind = format_of(target)
        encoded = encode_picture(splashed.after, kind, quality=values["quality"])
    except BalloonSplashError as error:
        raise problem_of(error, PHOTO) from None
    nothing = splashed.explain_nothing(selection)
    return Result(
        encoded.data,
        target.name,
        Image.MIME.get(str(kind), "application/octet-stream"),
        len(found),
        len(splashed.chosen),
        (*picture.notes, *nothing, *encoded.notes),
    )


def file_name(given: str, kind: str) -> str:
    """Return a harmless file name after the one that a client gave, with a suffix that suits the picture.

    Args:
        given: may be anything.
        kind: Pillow's name of the picture's format, for names that do not say one.
    """
    path = Path(given.replace("\\", "/").rpartition("/")[2] or "photo")
    stem = _NOT_IN_NAMES.sub("_", path.stem).strip(" .")[:_LONGEST_STEM] or "photo"
    suffix = path.suffix
    if not is_picture(path):
        suffix = next((ending for ending, name in SUFFIXES.items() if name == kind), ".png")
    return stem + suffix


def _numbers_before(before: Detections, found: Detections) -> list[int | None]:
    """Return the number of each object in an earlier list that it comes from."""
    places: dict[tuple[Any, ...], list[int]] = {}
    for number, key in enumerate(_keys(before), start=1):
        places.setdefault(key, []).append(number)
    return [places[key].pop(0) if places.get(key) else None for key in _keys(found)]


def _keys(detections: Detections) -> list[tuple[Any, ...]]:
    return [(*box.tolist(), int(label)) for box, label in zip(detections.boxes, detections.classes, strict=True)]
