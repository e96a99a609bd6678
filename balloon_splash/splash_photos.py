"""Many photos in one go: reading, model and writing overlap, and one bad photo does not stop the others."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TypeVar

from balloon_splash.errors import BalloonSplashError, UsageError
from balloon_splash.media.inputs import Source
from balloon_splash.media.picture import Picture
from balloon_splash.media.reading import read_picture
from balloon_splash.splash.detections import Detections
from balloon_splash.splash.records import read_detections
from balloon_splash.splasher import Splashed

WORKERS = 4
AHEAD = 4
"""So many batches may wait between two stages: memory does not grow with the number of photos."""

Item = TypeVar("Item")

Detect = Callable[[Sequence[Source], Sequence[Picture]], list[Detections]]
"""The objects in each of a batch of pictures."""

Finish = Callable[[Source, Path | None, Picture, Detections], tuple[Splashed, tuple[str, ...]]]
"""Make and write everything that comes of one picture; returns it, and what could not be kept."""


@dataclass(frozen=True)
class Job:
    """A photo and where its splash goes; None is standard output."""

    source: Source
    target: Path | None


@dataclass(frozen=True)
class Outcome:
    """What became of one photo.

    Attributes:
        job: the photo.
        error: one line, if it failed.
        found: all objects in it.
        kept: how many of them kept their colour.
        notes: what could not be kept of the file.
    """

    job: Job
    error: str | None = None
    found: Detections | None = None
    kept: int = 0
    notes: tuple[str, ...] = ()


@dataclass
class Summary:
    """What became of all photos."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Outcome]:
        """The photos that gave no splash."""
        return [outcome for outcome in self.outcomes if outcome.error is not None]

    @property
    def done(self) -> list[Outcome]:
        """The photos that did."""
        return [outcome for outcome in self.outcomes if outcome.error is None]


def splash_photos(
    jobs: Sequence[Job],
    detect: Detect,
    finish: Finish,
    *,
    batch_size: int = 1,
    allow_private: bool = False,
    report: Callable[[Outcome], None] = lambda outcome: None,
) -> Summary:
    """Read, detect, splash and write.

    Args:
        jobs: the photos and their targets.
        detect: the model, or a file of what it found earlier; called from this thread only.
        finish: makes and writes the results of one photo; called from several threads.
        batch_size: so many photos go through the model at once.
        allow_private: URLs may lead to addresses inside the local network.
        report: called once for each photo, in order, when it is done or has failed.

    Returns:
        one outcome for each job, in order. Errors that a user can mend become outcomes; others are raised.
    """
    start = time.monotonic()
    summary = Summary()
    with ThreadPoolExecutor(WORKERS) as pool:
        try:
            for future in _pipeline(pool, jobs, detect, finish, batch_size, allow_private):
                outcome = future.result()
                summary.outcomes.append(outcome)
                report(outcome)
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)  # do not start what nobody waits for
            raise
    summary.seconds = time.monotonic() - start
    return summary


def _pipeline(
    pool: ThreadPoolExecutor, jobs: Sequence[Job], detect: Detect, finish: Finish, batch_size: int, allow_private: bool
) -> Iterator[Future[Outcome]]:
    """The outcomes to come, in order; at most ``AHEAD`` batches are read, and as many written, ahead."""
    waiting: deque[Future[Outcome]] = deque()
    reading = _ahead((pool.submit(_read, job, allow_private) for job in jobs), AHEAD * batch_size)
    for batch in _batches(reading, batch_size):
        read = [future.result() for future in batch]
        good = [(job, picture) for job, picture in read if isinstance(picture, Picture)]
        found = iter(detect([job.source for job, _ in good], [picture for _, picture in good]) if good else ())
        for job, picture in read:
            if isinstance(picture, Picture):
                waiting.append(pool.submit(_finish, finish, job, picture, next(found)))
            else:
                waiting.append(pool.submit(Outcome, job, error=str(picture)))
        while len(waiting) > AHEAD * batch_size:
            yield waiting.popleft()
    yield from waiting


def _read(job: Job, allow_private: bool) -> tuple[Job, Picture | BalloonSplashError]:
    try:
        return job, read_picture(job.source.read(allow_private=allow_private), name=job.source.name)
    except BalloonSplashError as error:
        return job, error


def _finish(finish: Finish, job: Job, picture: Picture, detections: Detections) -> Outcome:
    try:
        splashed, notes = finish(job.source, job.target, picture, detections)
    except (BalloonSplashError, FileExistsError) as error:
        return Outcome(job, error=str(error))
    return Outcome(job, found=detections, kept=len(splashed.chosen), notes=(*picture.notes, *notes))


def _ahead(items: Iterable[Item], count: int) -> Iterator[Item]:
    """The same items; up to ``count`` of them are drawn before the first is asked for."""
    iterator = iter(items)
    ready = deque(islice(iterator, count))
    while ready:
        ready.extend(islice(iterator, 1))
        yield ready.popleft()


def _batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def recorded(path: str) -> Detect:
    """What an earlier run found, in the place of the model.

    Pictures are looked up by the name they were recorded under or, failing that, by their file name alone.

    Raises:
        MediaError: the file cannot be read. The returned function raises UsageError for a picture that the file does
            not know, or that has another size now.
    """
    found = read_detections(path)
    by_file_name = {Path(name).name: detections for name, detections in found.items()}

    def look_up(source: Source, picture: Picture) -> Detections:
        detections = found.get(source.name, by_file_name.get(source.relative.name))
        if detections is None:
            raise UsageError(f"{path}: nothing is recorded of {source.name}")
        if detections.size != picture.size:
            raise UsageError(
                f"{path}: {source.name} is recorded as {detections.size}, found {picture.size} (rows, columns)"
            )
        return detections

    return lambda sources, pictures: [look_up(s, p) for s, p in zip(sources, pictures, strict=True)]
