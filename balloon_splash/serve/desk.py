"""Work for a few threads, with a bound on how many wait for it and for how long."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar

from starlette.requests import Request

from balloon_splash.serve.metrics import Metrics
from balloon_splash.serve.problems import RequestError
from balloon_splash.serve.settings import Settings
from balloon_splash.splasher.finder import is_out_of_memory

T = TypeVar("T")

_LOOK_SECONDS = 0.5
"""Seconds between two looks at whether the client of a waiting request is still there."""

_SHARE_OF_LAST = 0.1
"""Weight of the last piece of work in the mean of how long one takes."""


class Desk:
    """Takes work until the queue is full.

    Args:
        settings: threads, waiting, seconds.
        metrics: told how many there are.
    """

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self._settings, self._metrics = settings, metrics
        self._pool = ThreadPoolExecutor(settings.threads, thread_name_prefix="work")
        self._taken = 0
        self._usual_seconds = 1.0

    @property
    def full(self) -> bool:
        """Return whether no more can be taken."""
        return self._taken >= self._settings.threads + self._settings.waiting

    async def do(self, request: Request, work: Callable[[], T]) -> T:
        """Return the result of ``work`` in one of the threads.

        Raises:
            RequestError: the queue is full, or it takes too long.
        """
        if self.full:
            self._metrics.refused.inc()
            turns = math.ceil(self._taken / self._settings.threads)
            wait = math.ceil(turns * self._usual_seconds)
            found, expected = f"{self._taken} requests that wait already", f"the same again in {wait} s"
            raise RequestError(HTTPStatus.TOO_MANY_REQUESTS, None, found, expected, retry_after=wait)
        self._taken += 1
        self._metrics.waiting.set(self._taken)
        loop = asyncio.get_running_loop()
        future = self._pool.submit(self._timed, work)
        future.add_done_callback(lambda _: _tell(loop, self._left))
        return await self._watched(asyncio.wrap_future(future), request)

    def close(self) -> None:
        """Wait for what has begun; drop the rest."""
        self._pool.shutdown(cancel_futures=True)

    async def _watched(self, future: asyncio.Future[T], request: Request) -> T:
        """Wait until the result is there, the client has left or the time is over; drop work that has not begun."""
        deadline = time.monotonic() + self._settings.seconds
        while True:
            left = deadline - time.monotonic()
            done, _ = await asyncio.wait([future], timeout=max(0.0, min(_LOOK_SECONDS, left)))
            if done:
                return future.result()
            if await request.is_disconnected():
                future.cancel()
                raise RequestError(HTTPStatus.REQUEST_TIMEOUT, None, "a client that has left", "one that waits")
            if left <= 0:
                future.cancel()
                found = f"no result after {self._settings.seconds:g} seconds"
                raise RequestError(HTTPStatus.SERVICE_UNAVAILABLE, None, found, "the same again later", retry_after=5)

    def _timed(self, work: Callable[[], T]) -> T:
        began = time.monotonic()
        try:
            return work()
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            expected = "a smaller photo, or the same again later"
            raise RequestError(
                HTTPStatus.SERVICE_UNAVAILABLE, None, "not enough memory", expected, retry_after=5
            ) from error
        finally:
            self._usual_seconds += _SHARE_OF_LAST * (time.monotonic() - began - self._usual_seconds)

    def _left(self) -> None:
        self._taken -= 1
        self._metrics.waiting.set(self._taken)


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(callback)
