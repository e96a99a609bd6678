"""Routes around the work: the page, its session, health, numbers, documentation."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from balloon_splash import __version__
from balloon_splash.serve.choices import described_options
from balloon_splash.serve.contract import Described, Ready, Token, answers
from balloon_splash.serve.docs_page import docs_page
from balloon_splash.serve.gate import COOKIE, cookie_of, is_token
from balloon_splash.serve.metrics import MEDIA_TYPE
from balloon_splash.serve.problems import RequestError
from balloon_splash.serve.service import service_of

PAGE = Path(__file__).parent / "page"
_REVALIDATE = {"Cache-Control": "no-cache"}

router = APIRouter()


@router.get("/", include_in_schema=False)
def index() -> FileResponse:
    """Show the page."""
    return _page_file("index.html")


@router.get("/page/{name:path}", include_in_schema=False)
def page_file(name: str) -> FileResponse:
    """Return a file of the page."""
    return _page_file(name)


def _page_file(name: str) -> FileResponse:
    path = (PAGE / name).resolve()
    if not (path.is_relative_to(PAGE.resolve()) and path.is_file()):
        raise RequestError(HTTPStatus.NOT_FOUND, None, "no such file of the page", "an address that the page names")
    return FileResponse(path, headers=_REVALIDATE)


@router.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """Show what OpenAPI says."""
    return HTMLResponse(docs_page(request.app.openapi()), headers=_REVALIDATE)


@router.post("/v1/session", status_code=204, responses=answers(401, 422))
def session(request: Request, body: Token) -> Response:
    """Exchange the token for a cookie that scripts cannot read, for a page whose videos carry no header."""
    settings = service_of(request).settings
    response = Response(status_code=HTTPStatus.NO_CONTENT)
    if settings.token is None:
        return response
    if not is_token(body.token, settings.token):
        raise RequestError(HTTPStatus.UNAUTHORIZED, "token", "a wrong token", "the one the service was started with")
    response.set_cookie(
        COOKIE,
        cookie_of(settings.token),
        path=f"{settings.root_path}/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return response


@router.get("/v1/options", responses=answers(401))
def options(request: Request) -> Described:
    """List all options with their defaults and help, the bounds of this service, and the classes of its model."""
    service = service_of(request)
    settings = service.settings
    return Described(
        options=described_options(),
        limits={
            "photo_bytes": settings.photo_bytes,
            "photo_pixels": settings.photo_pixels,
            "video_bytes": settings.video_bytes,
            "seconds": settings.seconds,
        },
        class_names=list(service.model.class_names),
        token=settings.token is not None,
        version=__version__,
    )


@router.get("/health")
def health() -> Ready:
    """Report that the process answers."""
    return Ready(status="ok")


@router.get("/ready", responses=answers(503))
def ready(request: Request) -> Ready:
    """Report whether photos are welcome: the model is loaded, and the service is not about to end."""
    if not service_of(request).ready:
        raise RequestError(
            HTTPStatus.SERVICE_UNAVAILABLE, None, "a service that is stopping", "another one", retry_after=5
        )
    return Ready(status="ready")


@router.get("/metrics", response_class=Response, responses={200: {"content": {MEDIA_TYPE: {}}}, **answers(401)})
def metrics(request: Request) -> Response:
    """Numbers for Prometheus."""
    return Response(service_of(request).metrics.text(), media_type=MEDIA_TYPE)
