"""The service as an ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import anyio.to_thread
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from balloon_splash import __version__
from balloon_splash.serve import page_routes, photo_routes, video_routes
from balloon_splash.serve.contract import with_choices
from balloon_splash.serve.gate import Gate
from balloon_splash.serve.metrics import Metrics
from balloon_splash.serve.problems import RequestError, problem_of_http
from balloon_splash.serve.service import Service
from balloon_splash.serve.settings import Settings
from balloon_splash.splasher.finder import Finder

DESCRIPTION = """\
Colour only where the balloons are. `POST /v1/objects` finds the objects of a photo, `POST /v1/splash` makes the splash
of it, and `POST /v1/videos` that of a video. Options have the names and defaults of `balloon-splash splash`.
"""


def create_app(settings: Settings, finder: Finder) -> ASGIApp:
    """Return the service.

    Args:
        settings: bounds and doors.
        finder: the model; with objects down to the score of records, for choices to be made among.
    """
    metrics = Metrics()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        service = app.state.service = Service(settings, finder, metrics)
        with service.told_of_signals():
            yield
        await anyio.to_thread.run_sync(service.close)

    app = FastAPI(
        title="balloon-splash",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
    )
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization"],
            expose_headers=["Content-Disposition", "Retry-After", "X-Splash-Found", "X-Splash-Kept", "X-Splash-Notes"],
        )
    app.include_router(page_routes.router)
    app.include_router(photo_routes.routes(settings))
    app.include_router(video_routes.routes(settings))
    _add_handlers(app)
    _describe_choices(app)
    return Gate(app, settings, metrics)


def _add_handlers(app: FastAPI) -> None:
    async def of_problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestError)
        return error.response()

    async def of_http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return problem_of_http(error).response()

    async def of_validation(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        fault = error.errors()[0]
        field = ".".join(str(part) for part in fault["loc"] if part != "body") or None
        return RequestError(
            HTTPStatus.UNPROCESSABLE_ENTITY, field, str(fault.get("input"))[:80], fault["msg"]
        ).response()

    async def of_fault(_: Request, error: Exception) -> Response:
        found = "a fault of the service"
        return RequestError(HTTPStatus.INTERNAL_SERVER_ERROR, None, found, "a report with what was sent").response()

    app.add_exception_handler(RequestError, of_problem)
    app.add_exception_handler(HTTPException, of_http)
    app.add_exception_handler(RequestValidationError, of_validation)
    app.add_exception_handler(Exception, of_fault)


def _describe_choices(app: FastAPI) -> None:
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = with_choices(plain())
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]
