"""The newest picture of a live source: what nobody took in time is dropped, so that nothing waits in a queue."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from balloon_splash.media.pixels import Pixels8


@dataclass(frozen=True)
class Shot:
    """A picture of a live source.

    Attributes:
        rgb: ``(H, W, 3)``.
        taken: when it arrived, in seconds of ``time.monotonic``.
    """

    rgb: Pixels8
    taken: float


class NewestPictures:
    """Iterator over a live source that always continues with its newest picture, read in a thread of its own.

    A thread is needed since drivers queue pictures: one who reads slower than the camera would see the past.

    Args:
        pictures: ``(H, W, 3)`` pictures as the source gives them, waiting for each.

    Attributes:
        dropped: number of pictures that were replaced by newer ones before they were taken.

    Raises (when iterated):
        Exception: what ``pictures`` raised, once its last picture has been taken.
    """

    def __init__(self, pictures: Iterator[Pixels8]) -> None:
        self.dropped = 0
        self._pictures = pictures
        self._newest: Shot | None = None
        self._failure: BaseException | None = None
        self._closed = self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="newest-picture", daemon=True)

    def __enter__(self) -> NewestPictures:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        self._thread.join(timeout=1.0)  # the source may wait for a picture that never comes

    def __iter__(self) -> Iterator[Shot]:
        while True:
            with self._changed:
                while self._newest is None and not self._ended:
                    self._changed.wait(timeout=0.1)  # a wait without an end cannot be interrupted on every system
                shot, self._newest = self._newest, None
            if shot is None:
                if self._failure is not None:
                    raise self._failure
                return
            yield shot

    def _read(self) -> None:
        try:
            for rgb in self._pictures:
                with self._changed:
                    self.dropped += self._newest is not None
                    self._newest = Shot(rgb, time.monotonic())
                    self._changed.notify()
                if self._closed:
                    break
        except BaseException as error:  # not swallowed: raised again where the pictures are taken
            self._failure = error
        with self._changed:
            self._ended = True
            self._changed.notify()
