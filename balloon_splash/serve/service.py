"""Parts that the routes share: the model, the threads, the videos, and the end of the service."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import cast

from fastapi import Request

from balloon_splash.serve.desk import Desk
from balloon_splash.serve.job_files import JobFiles
from balloon_splash.serve.metrics import Metrics
from balloon_splash.serve.model_queue import ModelQueue
from balloon_splash.serve.settings import MIB, Settings
from balloon_splash.serve.videos import VideoDesk
from balloon_splash.splasher.finder import Finder

_LOG = logging.getLogger("uvicorn.error")
"""Log of the server, in which it reports starts and ends."""

DRAIN_SECONDS = 30.0
"""Seconds that photos and videos at work get after SIGTERM."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Service:
    """Parts of one running service.

    Args:
        settings: bounds and doors.
        finder: the model.
        metrics: of this process.
    """

    def __init__(self, settings: Settings, finder: Finder, metrics: Metrics) -> None:
        self.settings, self.metrics = settings, metrics
        self.model = ModelQueue(finder, metrics.batch.observe)
        self.desk = Desk(settings, metrics)
        self.files = JobFiles(Path(settings.folder), settings.keep_seconds)
        self.videos = VideoDesk(self.files, self.model, settings, metrics, self.replace_if_large)
        self.ending = threading.Event()

    @property
    def ready(self) -> bool:
        """Return whether new requests are welcome."""
        return self.model.alive and not self.ending.is_set()

    @contextlib.contextmanager
    def told_of_signals(self) -> Iterator[None]:
        """Note SIGTERM and SIGINT on their way to the server, which waits for answers that never end by themselves."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.getsignal(number) for number in _SIGNALS}

        def note(number: int, frame: FrameType | None) -> None:
            self.ending.set()
            handler = before[signal.Signals(number)]
            if callable(handler):
                handler(number, frame)

        for number in before:
            signal.signal(number, note)
        try:
            yield
        finally:
            self.ending.set()
            for number, handler in before.items():
                signal.signal(number, handler)

    def replace_if_large(self) -> None:
        """End this process after the work at hand where it has grown beyond its bound; another takes its place.

        It stays as long as videos are made or wait in it: they would not survive.
        """
        limit, size = self.settings.memory_bytes, memory_bytes()
        if limit is not None and size > limit and not self.videos.busy and not self.ending.is_set():
            _LOG.info("Process %d is replaced: %d MiB, --max-memory %d", os.getpid(), size // MIB, limit // MIB)
            os.kill(os.getpid(), signal.SIGTERM)

    def close(self) -> None:
        """End all threads."""
        self.desk.close()
        self.videos.close(DRAIN_SECONDS)
        self.model.close()


def memory_bytes() -> int:
    """Return the resident memory of this process; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def service_of(request: Request) -> Service:
    """Return the service that answers a request."""
    return cast(Service, request.app.state.service)
