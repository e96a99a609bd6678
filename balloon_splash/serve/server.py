"""The server around the application: address, processes, signals."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from balloon_splash.errors import BalloonSplashError, UsageError
from balloon_splash.media.opening import quiet_libraries
from balloon_splash.serve.app import create_app
from balloon_splash.serve.metrics import MULTIPROCESS
from balloon_splash.serve.service import DRAIN_SECONDS
from balloon_splash.serve.settings import Settings
from balloon_splash.splasher.loading import load_finder

VARIABLE = "BALLOON_SPLASH_SERVE"
"""Tells a worker process what its parent was asked for."""

HEALTH_SECONDS = 30
"""A worker that does not answer its parent for so long is replaced."""


MOST_CONNECTIONS = 1000
"""Connections of one process, those that wait for events included."""


@dataclass(frozen=True)
class Address:
    """Address to listen on, and processes behind it.

    Attributes:
        host: name or address.
        port: 0 takes a free one.
        workers: processes; one serves by itself, more have a parent that replaces those that end.
        verbose: log every request.
        quiet: log warnings and errors alone.
    """

    host: str
    port: int
    workers: int = 1
    verbose: bool = False
    quiet: bool = False


def serve(settings: Settings, model: Mapping[str, Any], address: Address) -> None:
    """Serve until SIGTERM or Ctrl-C; what has begun is finished first.

    Args:
        settings: bounds and doors.
        model: keyword arguments of :func:`balloon_splash.splasher.loading.load_finder`.
        address: where to listen.

    Raises:
        UsageError: the address cannot be listened on.
        BalloonSplashError: the model cannot be loaded.
    """
    check_address(address)
    quiet_libraries()
    with contextlib.ExitStack() as stack:
        if not settings.folder:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="balloon_splash_videos_"))
            settings = replace(settings, folder=folder)
        if address.workers == 1:
            app: str | ASGIApp = create_app(settings, load_finder(**model))
        else:
            app = f"{__name__}:{worker_app.__name__}"
            stack.enter_context(_for_workers(settings, model))
        uvicorn.run(
            app,
            factory=isinstance(app, str),
            host=address.host,
            port=address.port,
            workers=address.workers,
            log_level="warning" if address.quiet else "info",
            access_log=address.verbose,
            server_header=False,
            limit_concurrency=MOST_CONNECTIONS,
            timeout_graceful_shutdown=int(DRAIN_SECONDS),
            timeout_worker_healthcheck=HEALTH_SECONDS,
        )


def worker_app() -> ASGIApp:
    """Return the application in a worker process."""
    quiet_libraries()
    order = json.loads(os.environ[VARIABLE])
    try:
        finder = load_finder(**order["model"])
    except BalloonSplashError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(STARTUP_FAILURE)
    return create_app(Settings.from_json(order["settings"]), finder)


def check_address(address: Address) -> None:
    """Refuse an address that cannot be listened on.

    Raises:
        UsageError: names it.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, _, _, place = found[0]
        with socket.socket(family, kind) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except OSError as error:
        raise UsageError(
            f"--host {address.host} --port {address.port}: cannot be listened on ({error.strerror}); "
            "expected an address of this machine and a free port"
        ) from error


@contextlib.contextmanager
def _for_workers(settings: Settings, model: Mapping[str, Any]) -> Iterator[None]:
    """Tell the workers what to do, by the environment, which other users cannot read; and where to count."""
    with tempfile.TemporaryDirectory(prefix="balloon_splash_metrics_") as folder:
        told = {VARIABLE: json.dumps({"settings": settings.to_json(), "model": dict(model)}), MULTIPROCESS: folder}
        os.environ.update(told)
        try:
            yield
        finally:
            for name in told:
                os.environ.pop(name, None)
