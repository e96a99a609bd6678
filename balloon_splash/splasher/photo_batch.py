"""Batches of photos: each is read, searched, splashed and written; one bad photo does not stop the others.

Reading, model and writing overlap.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import TypeVar

import cv2

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.errors import BalloonSplashError, MediaError
from balloon_splash.media.inputs import Source
from balloon_splash.media.picture import Picture
from balloon_splash.media.reading import read_picture
from balloon_splash.splasher.finder import Found, NamedFinder, NamedImage, is_out_of_memory
from balloon_splash.splasher.outcomes import Job, Outcome, Summary
from balloon_splash.splasher.splasher import Splashed, splash_picture

WORKERS = 4
AHEAD = 4
"""Most batches that wait between two stages: memory does not grow with the number of photos."""

AHEAD_BYTES = 2**29
"""Most bytes of pictures that wait between two stages, or one picture: of large ones fewer than ``AHEAD`` says."""

Item = TypeVar("Item")

Write = Callable[[Job, Splashed], "tuple[str, ...]"]
"""Function that writes the results of one photo, and returns what could not be kept."""


def splash_photos(
    jobs: Sequence[Job],
    finder: NamedFinder,
    look: Look,
    selection: Selection,
    write: Write,
    *,
    batch_size: int = 1,
    allow_private: bool = False,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> Summary:
    """Splash each photo.

    Args:
        jobs: the photos and their targets.
        finder: the model, or a record; called from this thread only.
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        write: function that writes the results of one photo; called from several threads.
        batch_size: number of photos that go through the model at once.
        allow_private: let URLs lead to addresses inside the local network.
        report: function called once per photo, in order, when it is done or has failed.

    Returns:
        one outcome for each job, in order. Errors that a user can mend become outcomes; others are raised.
    """
    start = time.monotonic()
    summary = Summary()
    writing: deque[Future[Outcome]] = deque()
    pool = ThreadPoolExecutor(WORKERS)
    finish = partial(_finish, look, selection, write)
    try:
        for future in _pipeline(pool, jobs, finder, finish, batch_size, allow_private, writing):
            outcome = future.result()
            summary.outcomes.append(outcome)
            report(outcome)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)  # do not start work that nobody waits for
        # Finish files that have been started; do not wait for a slow server.
        wait([future for future in writing if not future.cancelled()])
        raise
    pool.shutdown()
    summary.seconds = time.monotonic() - start
    return summary


def _pipeline(
    pool: ThreadPoolExecutor,
    jobs: Sequence[Job],
    finder: NamedFinder,
    finish: Callable[[Job, Picture | BalloonSplashError, Found], Outcome],
    batch_size: int,
    allow_private: bool,
    waiting: deque[Future[Outcome]],
) -> Iterator[Future[Outcome]]:
    """Yield outcomes in order; at most ``AHEAD`` batches are read ahead, and as many are ``waiting`` to be written.

    What is written is yielded after the next batch at the latest, so that progress shows it.
    For large pictures it is fewer, see ``AHEAD_BYTES``.
    """
    largest = 0

    def room() -> int:
        """Return how many more pictures may wait; the size of those not yet read is unknown."""
        return max(1, min(AHEAD * batch_size, AHEAD_BYTES // largest)) if largest else batch_size

    reading = _ahead((pool.submit(_read, job, allow_private) for job in jobs), room)
    for batch in _batches(reading, batch_size):
        read = [future.result() for future in batch]
        batch.clear()  # the futures hold the pictures
        good = [(job, picture) for job, picture in read if isinstance(picture, Picture)]
        largest = max([largest, *(picture.rgb.nbytes for _, picture in good)])
        found = iter(finder.find([_named(job.source, picture) for job, picture in good]) if good else ())
        for job, picture in read:
            detections = next(found) if isinstance(picture, Picture) else picture
            waiting.append(pool.submit(finish, job, picture, detections))
        del read, good, picture  # runs while the next ones are read
        while waiting and (waiting[0].done() or len(waiting) > room()):
            yield waiting[0]  # stays there until it is done
            waiting.popleft()
    while waiting:
        yield waiting[0]
        waiting.popleft()


def _named(source: Source, picture: Picture) -> NamedImage:
    return NamedImage(source.name, source.relative.name, picture.visible8)


def _read(job: Job, allow_private: bool) -> tuple[Job, Picture | BalloonSplashError]:
    try:
        return job, read_picture(job.source.read(allow_private=allow_private), name=job.source.name)
    except BalloonSplashError as error:
        return job, error
    except MemoryError:
        return job, _too_large(job)


def _finish(
    look: Look, selection: Selection, write: Write, job: Job, picture: Picture | BalloonSplashError, found: Found
) -> Outcome:
    """Splash and write one photo, or pass on its error or that of its detections."""
    if not isinstance(picture, Picture) or not isinstance(found, Detections):
        return Outcome(job, error=str(found))
    try:
        splashed = splash_picture(picture, found, look, selection)
        notes = write(job, splashed)
    except BalloonSplashError as error:
        return Outcome(job, error=str(error))
    except (MemoryError, cv2.error) as error:
        if not is_out_of_memory(error):
            raise
        return Outcome(job, error=str(_too_large(job)))
    nothing = splashed.explain_nothing(selection)
    return Outcome(job, found=len(found), kept=len(splashed.chosen), notes=(*picture.notes, *nothing, *notes))


def _too_large(job: Job) -> MediaError:
    return MediaError(f"{job.source.name}: out of memory; expected a smaller picture, or fewer at once")


def _ahead(items: Iterable[Item], room: Callable[[], int]) -> Iterator[Item]:
    """Yield the same items, with as many drawn ahead as there is ``room`` for."""
    iterator = iter(items)
    ready: deque[Item] = deque()
    while True:
        ready.extend(islice(iterator, max(0, room() + 1 - len(ready))))  # one of them has been yielded
        if not ready:
            return
        yield ready.popleft()


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
