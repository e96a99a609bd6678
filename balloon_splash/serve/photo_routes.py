"""Routes about photos."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import Response

from balloon_splash.errors import BalloonSplashError
from balloon_splash.media.fetch import PICTURE_RULES, fetch
from balloon_splash.media.picture import Picture
from balloon_splash.serve import photos
from balloon_splash.serve.choices import PhotoChoices, read_choices
from balloon_splash.serve.contract import PARTS, Objects, answers, multipart
from balloon_splash.serve.parts import Parts, parts_of, upload_of
from balloon_splash.serve.photos import A_PICTURE, PHOTO, Upload, View, file_name, open_upload
from balloon_splash.serve.problems import RequestError
from balloon_splash.serve.service import service_of
from balloon_splash.serve.settings import Settings

LARGEST_VIEW: int = PARTS["side"]["maximum"]
LONGEST_NOTES = 2000
"""Characters of the header with notes; proxies bound all headers together."""

_A_FILE = {
    "description": "the splash, a file like the photo",
    "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}},
    "headers": {
        "X-Splash-Found": {"description": "objects in the photo", "schema": {"type": "integer"}},
        "X-Splash-Kept": {"description": "objects that keep their colour", "schema": {"type": "integer"}},
        "X-Splash-Notes": {"description": "what could not be kept, a JSON list", "schema": {"type": "string"}},
    },
}
_ERRORS = (400, 401, 403, 408, 413, 415, 422, 429, 503)


def routes(settings: Settings) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    _add_objects(router, settings)
    _add_splash(router, settings)
    return router


def _add_objects(router: APIRouter, settings: Settings) -> None:
    source, required = _sources(settings)

    @router.post(
        "/v1/objects",
        response_model=Objects,
        responses=answers(*_ERRORS),
        openapi_extra=multipart(PhotoChoices, *source, "record", "side", "mattes", "preview", required=required),
    )
    async def objects(request: Request) -> Response:
        """Find the objects of a photo."""
        service = service_of(request)
        async with parts_of(request, (*source, "choices", "record", "side", "mattes", "preview")) as parts:
            values = read_choices(parts.text("choices"), PhotoChoices)
            view, record = view_of(parts), parts.data("record")
            photo = _photo(parts, settings)

            def work() -> bytes:
                picture, name = _opened(photo, settings)
                return json_bytes(photos.objects(service.model, picture, name, values, record, view))

            data = await service.desk.do(request, work)
            service.replace_if_large()
            return Response(data, media_type="application/json")


def _add_splash(router: APIRouter, settings: Settings) -> None:
    source, required = _sources(settings)

    @router.post(
        "/v1/splash",
        response_class=Response,
        responses={200: _A_FILE, **answers(*_ERRORS)},
        openapi_extra=multipart(PhotoChoices, *source, "record", "strokes", "background_image", required=required),
    )
    async def splash(request: Request) -> Response:
        """Make the splash of a photo, in its own format and size, with its metadata."""
        service = service_of(request)
        async with parts_of(request, (*source, "choices", "record", "strokes", "background_image")) as parts:
            values = read_choices(parts.text("choices"), PhotoChoices)
            record = parts.data("record")
            photo = _photo(parts, settings)
            pictures = {name: parts.optional_file(name) for name in ("background_image", "strokes")}

            def work() -> photos.Result:
                background, strokes = (
                    None if file is None else open_upload(upload_of(name, file), settings.photo_pixels)
                    for name, file in pictures.items()
                )
                look = photos.look_from(values, background, strokes)
                picture, name = _opened(photo, settings)
                return photos.splash(service.model, picture, name, values, record, look)

            result = await service.desk.do(request, work)
            service.replace_if_large()
            return _file(result)


def view_of(parts: Parts) -> View:
    """Read how the client wants to see the objects.

    Raises:
        RequestError: a part is invalid.
    """
    return View(parts.whole("side", 1, LARGEST_VIEW), parts.flag("mattes"), parts.flag("preview"))


def json_bytes(document: Any) -> bytes:
    """JSON, made where it may take its time."""
    return json.dumps(document, separators=(",", ":")).encode()


def attachment(name: str) -> str:
    """Return the header that has a browser save a file under a name."""
    return f"attachment; filename*=UTF-8''{quote(name, safe='')}"


def _sources(settings: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the parts that can bring the photo, and those of them that have to be there."""
    return ((PHOTO, "url"), ()) if settings.urls else ((PHOTO,), (PHOTO,))


def _photo(parts: Parts, settings: Settings) -> Callable[[], Upload]:
    """Return a function that gives the photo: what was uploaded, or what lies behind the address."""
    if settings.urls and (url := parts.text("url")):
        if parts.optional_file(PHOTO) is not None:
            raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "url", "an address beside a photo", "one of the two")
        return partial(_fetched, url, settings)
    return partial(upload_of, PHOTO, parts.file(PHOTO, A_PICTURE))


def _opened(photo: Callable[[], Upload], settings: Settings) -> tuple[Picture, str]:
    """Open the photo, and name it as a file of its format."""
    upload = photo()
    picture = open_upload(upload, settings.photo_pixels)
    return picture, file_name(upload.name, picture.format)


def _fetched(url: str, settings: Settings) -> Upload:
    rules = replace(PICTURE_RULES, max_bytes=settings.photo_bytes, max_seconds=settings.seconds / 2, flag="")
    try:
        data = fetch(url, rules=rules)
    except BalloonSplashError as error:
        text, _, expected = str(error).partition("; expected ")
        raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, "url", text, expected or "a public https address") from None
    return Upload("url", urlsplit(url).path, data)


def _file(result: photos.Result) -> Response:
    headers = {
        "Content-Disposition": attachment(result.name),
        "X-Splash-Found": str(result.found),
        "X-Splash-Kept": str(result.kept),
        "X-Splash-Notes": _notes(result.notes),
    }
    return Response(result.data, media_type=result.media_type, headers=headers)


def _notes(notes: Sequence[str]) -> str:
    """Return as many of the notes as a header may hold, as ASCII."""
    texts = list(notes)
    while len(text := json.dumps(texts)) > LONGEST_NOTES:
        texts.pop()
    return text
