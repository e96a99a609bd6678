"""The door of the service, before anything is read: who asks, from where, for how long; and headers of every answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from http import HTTPStatus
from http.cookies import SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from balloon_splash.serve.metrics import Metrics
from balloon_splash.serve.problems import RequestError
from balloon_splash.serve.settings import MIB, Settings

COOKIE = "balloon_splash"
SESSION = "/v1/session"
OPEN = frozenset({"/", "/health", "/ready", "/docs", "/openapi.json", SESSION})
"""Addresses that need no token: they show nothing of anybody."""

OPEN_FOLDER = "/page/"
VIDEOS = "/v1/videos"
MOST_VIDEOS = 4
"""Videos that may be uploaded at the same time."""

FURTHER_BYTES = 32 * MIB
"""Of a body, for records, choices and strokes beside the photos."""

SESSION_BYTES = 2**16

DISCARDED_BYTES = 256 * MIB
DISCARDED_SECONDS = 10.0
"""Bounds on reading the body of a refused request, since a client that still sends does not listen."""

CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self' blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


def cookie_of(token: str) -> str:
    """Return what a browser shows in place of the token, which cannot be read from it."""
    return hashlib.sha256(f"balloon-splash page {token}".encode()).hexdigest()


def is_token(given: str, token: str) -> bool:
    """Compare in a time that tells nothing."""
    return hmac.compare_digest(given.encode(errors="replace"), token.encode())


def address(scope: Scope) -> str:
    """Return the path without the prefix of a proxy."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", ""))
    return path.removeprefix(prefix) if prefix and path.startswith(f"{prefix}/") else path


def most_bytes(path: str, settings: Settings) -> int:
    """Return the largest body that is read at an address; counted with all that surrounds the files in it."""
    if path == VIDEOS:
        return settings.video_bytes + settings.photo_bytes + FURTHER_BYTES
    return SESSION_BYTES if path == SESSION else 2 * settings.photo_bytes + FURTHER_BYTES


class Gate:
    """An ASGI application around the service.

    Args:
        app: the service.
        settings: token, hosts, origins, seconds.
        metrics: receives every request.
    """

    def __init__(self, app: ASGIApp, settings: Settings, metrics: Metrics) -> None:
        self._app, self._settings, self._metrics = app, settings, metrics
        self._entered = {False: 0, True: 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("root_path", "")
        scope["root_path"] = self._settings.root_path or scope["root_path"]
        is_video = address(scope) == VIDEOS
        body = _Body(
            receive,
            max(self._settings.seconds, self._settings.video_seconds) if is_video else self._settings.seconds,
            most_bytes(address(scope), self._settings),
        )
        began, status = time.monotonic(), 500

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status >= HTTPStatus.BAD_REQUEST:
                    await body.discard()
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = self._refusal(scope) or body.announced(scope) or self._crowd(scope, is_video)
        self._entered[is_video] += scope["method"] == "POST"
        with self._metrics.in_progress.track_inprogress():
            try:
                await (self._app if refusal is None else refusal.response())(scope, body.receive, answer)
            finally:
                self._entered[is_video] -= scope["method"] == "POST"
                self._metrics.answered(scope, status, time.monotonic() - began)

    def _crowd(self, scope: Scope, is_video: bool) -> RequestError | None:
        """Refuse a body where too many arrive at the same time: each takes room on the disk."""
        most = MOST_VIDEOS if is_video else self._settings.threads + 2 * self._settings.waiting
        if scope["method"] != "POST" or self._entered[is_video] < most:
            return None
        self._metrics.refused.inc()
        found, expected = f"{self._entered[is_video]} requests at the same time", "the same again in 2 s"
        return RequestError(HTTPStatus.TOO_MANY_REQUESTS, None, found, expected, retry_after=2)

    def _refusal(self, scope: Scope) -> RequestError | None:
        headers = Headers(scope=scope)
        name = _host_name(headers.get("host", ""))
        if self._settings.hosts and name not in self._settings.hosts:
            expected = f"{' or '.join(self._settings.hosts)}; --allow-host adds others"
            return RequestError(HTTPStatus.FORBIDDEN, None, f"host {name[:80]!r}", expected)
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        foreign = site in ("cross-site", "same-site") and origin not in self._settings.origins
        if foreign and scope["method"] not in ("GET", "HEAD", "OPTIONS"):
            return RequestError(HTTPStatus.FORBIDDEN, None, "a request from another site", "one from the page itself")
        if self._settings.token is None or self._is_open(scope) or self._knows_token(headers, self._settings.token):
            return None
        return RequestError(HTTPStatus.UNAUTHORIZED, None, "no token, or a wrong one", "Authorization: Bearer TOKEN")

    @staticmethod
    def _is_open(scope: Scope) -> bool:
        path = address(scope)
        return path in OPEN or path.startswith(OPEN_FOLDER) or scope["method"] == "OPTIONS"

    @staticmethod
    def _knows_token(headers: Headers, token: str) -> bool:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and is_token(given.strip(), token):
            return True
        cookies = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except Exception:  # whatever is there is not one of our cookies
            return False
        return COOKIE in cookies and is_token(cookies[COOKIE].value, cookie_of(token))


class _Body:
    """Body of a request, bounded in bytes and seconds."""

    def __init__(self, receive: Receive, seconds: float, most: int) -> None:
        self._receive = receive
        self._deadline = time.monotonic() + seconds
        self._seconds = seconds
        self._most = most
        self._size = 0
        self._complete = self._discarding = False

    def announced(self, scope: Scope) -> RequestError | None:
        """Refuse a body that is too large by its own account."""
        length = Headers(scope=scope).get("content-length", "")
        if length.isdecimal() and int(length[:20]) > self._most:
            return self._too_large(f"{length[:20]} bytes")
        return None

    def _too_large(self, found: str) -> RequestError:
        return RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, None, found, f"at most {self._most} bytes")

    async def receive(self) -> Message:
        """Return the next part.

        Raises:
            RequestError: it takes too long, or is too large.
        """
        if self._complete:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(0.0, self._deadline - time.monotonic()))
        except asyncio.TimeoutError:
            self._complete = True
            found = f"a body that has not arrived after {self._seconds:g} seconds"
            raise RequestError(HTTPStatus.REQUEST_TIMEOUT, None, found, "a faster one") from None
        self._complete = message["type"] != "http.request" or not message.get("more_body", False)
        self._size += len(message.get("body", b""))
        if self._size > self._most and not self._discarding:
            raise self._too_large(f"more than {self._most} bytes")
        return message

    async def discard(self) -> None:
        """Read what is still to come, within bounds."""
        left = DISCARDED_BYTES
        self._discarding = True
        self._deadline = min(self._deadline, time.monotonic() + DISCARDED_SECONDS)
        while not self._complete and left > 0:
            try:
                left -= len((await self.receive()).get("body", b""))
            except RequestError:
                return


def _host_name(host: str) -> str:
    """Return the host without its port, and an IPv6 address without its brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
