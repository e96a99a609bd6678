"""Routes about videos, which are jobs."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, Response, StreamingResponse

from balloon_splash.serve import photos
from balloon_splash.serve.choices import VideoChoices, read_choices
from balloon_splash.serve.contract import Objects, VideoJob, answers, multipart
from balloon_splash.serve.job_files import OVER, Job
from balloon_splash.serve.parts import Parts, parts_of, upload_of
from balloon_splash.serve.photo_routes import attachment, json_bytes, view_of
from balloon_splash.serve.photos import open_upload
from balloon_splash.serve.problems import RequestError
from balloon_splash.serve.service import Service, service_of
from balloon_splash.serve.settings import Settings
from balloon_splash.serve.videos import A_VIDEO, VIDEO, Order, first_frame, keep_upload

EVENT_SECONDS = 0.5
SILENT_EVENTS = 20
"""After so many looks at a state that did not change, a comment keeps the connection alive."""

MEDIA_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    ".apng": "image/apng",
    ".avif": "image/avif",
    ".avifs": "image/avif",
}

_USUAL = (400, 401, 403, 408, 413, 415, 422, 429, 503)
_OF_ONE = (401, 404)


def routes(settings: Settings) -> APIRouter:
    """Return the routes."""
    router = APIRouter()
    _add_upload(router, settings)
    _add_start(router, settings)
    _add_state(router)
    _add_result(router)
    return router


def _add_upload(router: APIRouter, settings: Settings) -> None:
    @router.post(
        "/v1/videos",
        status_code=201,
        response_model=VideoJob,
        responses=answers(*_USUAL),
        openapi_extra=multipart(VideoChoices, "video", "wait", "background_image", required=("video",)),
    )
    async def upload(request: Request) -> Response:
        """Upload a video, and begin its splash unless `wait` is true."""
        service = service_of(request)
        async with parts_of(request, (VIDEO, "choices", "wait", "background_image")) as parts:
            values = read_choices(parts.text("choices"), VideoChoices)
            begins = not parts.flag("wait")
            file = parts.file(VIDEO, A_VIDEO)
            name = photos.file_name(file.filename or VIDEO, "")

            def write(path: Path) -> None:
                with path.open("wb") as target:
                    shutil.copyfileobj(file.file, target, 2**20)

            def work() -> Job:
                job = keep_upload(service.files, settings, name, file.size or 0, write)
                try:
                    if begins:
                        _begin(service, job, _order(service, parts, values))
                except BaseException:
                    job.delete()
                    raise
                return job

            job = await service.desk.do(request, work)
        return JSONResponse(described(service, job), HTTPStatus.CREATED)


def _add_start(router: APIRouter, settings: Settings) -> None:
    """Add the routes of a video that waits: its first frame, and its start."""

    @router.post(
        "/v1/videos/{id}/objects",
        response_model=Objects,
        responses=answers(*_USUAL, 404),
        openapi_extra=multipart(VideoChoices, "record", "side", "mattes", "preview"),
    )
    async def objects(request: Request, id: str) -> Response:
        """Find the objects of the first frame."""
        service = service_of(request)
        job = service.files.get(id)
        async with parts_of(request, ("choices", "record", "side", "mattes", "preview"), needed=False) as parts:
            values = read_choices(parts.text("choices"), VideoChoices)
            view, record = view_of(parts), parts.data("record")

            def work() -> bytes:
                picture = first_frame(job, values["start"], settings.photo_pixels)
                return json_bytes(photos.objects(service.model, picture, "frame.png", values, record, view))

            return Response(await service.desk.do(request, work), media_type="application/json")

    @router.post(
        "/v1/videos/{id}/start",
        status_code=202,
        response_model=VideoJob,
        responses=answers(*_USUAL, 404, 409),
        openapi_extra=multipart(VideoChoices, "background_image"),
    )
    async def start(request: Request, id: str) -> Response:
        """Begin the splash of a video that waits."""
        service = service_of(request)
        job = service.files.get(id)
        async with parts_of(request, ("choices", "background_image"), needed=False) as parts:
            values = read_choices(parts.text("choices"), VideoChoices)
            await service.desk.do(request, lambda: _begin(service, job, _order(service, parts, values)))
        return JSONResponse(described(service, job), HTTPStatus.ACCEPTED)


def _add_state(router: APIRouter) -> None:
    @router.get("/v1/videos/{id}", responses=answers(*_OF_ONE))
    def state(request: Request, id: str) -> VideoJob:
        """Report where a video stands."""
        service = service_of(request)
        return VideoJob(**described(service, service.files.get(id)))

    @router.delete("/v1/videos/{id}", status_code=204, responses=answers(401, 403, 404))
    def delete(request: Request, id: str) -> Response:
        """Cancel a video, and remove all of it."""
        service_of(request).files.get(id).delete()
        return Response(status_code=HTTPStatus.NO_CONTENT)

    @router.get(
        "/v1/videos/{id}/events",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}, **answers(*_OF_ONE)},
    )
    async def events(request: Request, id: str) -> Response:
        """Progress as server-sent events, up to the end."""
        service = service_of(request)
        job = service.files.get(id)
        return StreamingResponse(_events(service, job), media_type="text/event-stream")


def _add_result(router: APIRouter) -> None:
    @router.get(
        "/v1/videos/{id}/result",
        response_class=FileResponse,
        responses={
            200: {"description": "the video", "content": {"video/*": {}, "image/*": {}}},
            206: {"description": "a part of it", "content": {"video/*": {}, "image/*": {}}},
            416: {"description": "no such part of it"},
            **answers(*_OF_ONE, 409, 422),
        },
    )
    def result(request: Request, id: str, download: bool = False) -> Response:
        """Send the finished video, whole or in parts."""
        job = service_of(request).files.get(id)
        found = job.state()
        if found.result is None:
            raise RequestError(HTTPStatus.CONFLICT, "id", f"a video that is {found.state}", "one that is done")
        path = job.folder / found.result
        headers = {"Content-Disposition": attachment(found.name)} if download else {}
        return FileResponse(path, media_type=MEDIA_TYPES[path.suffix.lower()], headers=headers)


def described(service: Service, job: Job) -> dict[str, Any]:
    """Return the state of a job, as clients see it."""
    found = job.state()
    return {
        "id": job.id,
        "state": found.state,
        "frames": found.frames,
        "expected": found.expected,
        "error": found.error,
        "notes": list(found.notes),
        "result": None if found.result is None else f"v1/videos/{job.id}/result",
        "expires": service.files.expires(job),
    }


def _order(service: Service, parts: Parts, values: dict[str, Any]) -> Order:
    file = parts.optional_file("background_image")
    background = (
        None if file is None else open_upload(upload_of("background_image", file), service.settings.photo_pixels)
    )
    return Order(values, photos.look_from(values, background, None))


def _begin(service: Service, job: Job, order: Order) -> None:
    service.videos.check(job, order)
    service.videos.begin(job, order)


async def _events(service: Service, job: Job) -> AsyncIterator[str]:
    last, silent = "", 0
    while True:
        try:
            document = await asyncio.to_thread(described, service, job)
        except RequestError:  # deleted
            yield f"event: cancelled\ndata: {json.dumps({'id': job.id, 'state': 'cancelled'})}\n\n"
            return
        over = document["state"] in OVER
        text = json.dumps({key: value for key, value in document.items() if key != "expires"})
        if text != last:
            yield f"event: {document['state'] if over else 'progress'}\ndata: {json.dumps(document)}\n\n"
            last, silent = text, 0
        if over or service.ending.is_set():
            return
        silent += 1
        if silent % SILENT_EVENTS == 0:
            yield ": still at work\n\n"
        await asyncio.sleep(EVENT_SECONDS)
