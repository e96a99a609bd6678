"""The work behind requests about videos: one at a time in a thread, with progress, cancelling and bounds."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from balloon_splash.compositing.look import Look
from balloon_splash.errors import BalloonSplashError
from balloon_splash.media.content import content_suffix
from balloon_splash.media.formats import is_picture, is_video
from balloon_splash.media.inputs import Source
from balloon_splash.media.outputs import video_path
from balloon_splash.media.picture import Picture
from balloon_splash.serve.job_files import SOURCE, Job, JobFiles, JobState
from balloon_splash.serve.metrics import Metrics
from balloon_splash.serve.problems import RequestError, problem_of
from balloon_splash.serve.settings import Settings
from balloon_splash.splasher import outcomes, video_stream
from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.finding import model_finder
from balloon_splash.splasher.from_table import selection_of, video_options_of
from balloon_splash.splasher.video_batch import splash_videos

VIDEO = "video"
A_VIDEO = "a video or animation: MP4, MOV, MKV, WebM, AVI, GIF, WebP and others"

PROGRESS_SECONDS = 0.5
"""Seconds between two states on disk."""


class _StoppedError(Exception):
    """The client has cancelled, the time or the disk is used up, or the service ends."""

    def __init__(self, problem: RequestError | None) -> None:
        super().__init__()
        self.problem = problem


@dataclass(frozen=True)
class Order:
    """Choices for one video.

    Attributes:
        values: all options, by name.
        look: that they ask for.
    """

    values: dict[str, Any]
    look: Look


class VideoDesk:
    """Runs video jobs.

    Args:
        files: the jobs.
        finder: the model.
        settings: bounds.
        metrics: told how each ended.
        ended: called after each.
    """

    def __init__(
        self, files: JobFiles, finder: Finder, settings: Settings, metrics: Metrics, ended: Callable[[], None]
    ) -> None:
        self._ended = ended
        self._files, self._finder, self._settings, self._metrics = files, finder, settings, metrics
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="video")
        self._taken: dict[str, Job] = {}
        self._closing = threading.Event()
        self._sweeper = threading.Thread(target=self._sweep, name="sweeper", daemon=True)
        self._sweeper.start()

    @property
    def full(self) -> bool:
        """Return whether no more can be taken."""
        return len(self._taken) > self._settings.videos_waiting

    @property
    def busy(self) -> bool:
        """Return whether a video is being made, or waits to be."""
        return bool(self._taken)

    def check(self, job: Job, order: Order) -> None:
        """Refuse what could not be made, before it waits for its turn.

        Raises:
            RequestError: names the option.
        """
        try:
            selection_of(order.values).check(self._finder.class_names)
        except BalloonSplashError as error:
            raise problem_of(error, "choices.classes") from None
        try:
            options = video_options_of(order.values)
            options.encoding.choose(self._target(job, order), alpha=order.look.transparent)
        except BalloonSplashError as error:
            raise problem_of(error, "choices") from None

    def begin(self, job: Job, order: Order) -> None:
        """Put a job into the queue.

        Raises:
            RequestError: it was begun before, or the queue is full.
        """
        if self.full:
            self._metrics.refused.inc()
            found = f"{len(self._taken)} videos that wait already"
            raise RequestError(HTTPStatus.TOO_MANY_REQUESTS, None, found, "the same again in a minute", retry_after=60)
        job.claim()
        job.save(replace(job.state(), state="queued"))
        self._taken[job.id] = job
        self._pool.submit(self._run, job, order).add_done_callback(lambda done: self._left(job, done))

    def close(self, seconds: float) -> None:
        """Let the video that is being made end within ``seconds``; those that wait, and it after that, have failed."""
        deadline = time.monotonic() + seconds
        while self._taken and time.monotonic() < deadline:
            time.sleep(0.05)
        self._closing.set()
        self._pool.shutdown()
        self._sweeper.join()

    def _run(self, job: Job, order: Order) -> None:
        state = job.state()
        stop = _Stop(job, self._files, self._settings, self._closing)
        try:
            stop.look()
            job.save(replace(state, state="running"))
            state = self._made(job, replace(state, state="running"), order, stop)
        except _StoppedError as stopped:
            state = replace(state, state="cancelled") if stopped.problem is None else _failed(state, stopped.problem)
            if stopped.problem is None:
                job.delete()
        except RequestError as problem:
            state = _failed(state, problem)
        except BaseException:
            state = _failed(state, RequestError(500, None, "a fault of the service", "the video to be sent again"))
            raise
        finally:
            job.save(state)
            self._metrics.videos.labels(state.state).inc()

    def _made(self, job: Job, state: JobState, order: Order, stop: _Stop) -> JobState:
        last = 0.0

        def progress(frames: int, expected: int | None) -> None:
            nonlocal state, last
            stop.look()
            if time.monotonic() - last >= PROGRESS_SECONDS:
                last = time.monotonic()
                state = replace(state, frames=frames, expected=expected)
                job.save(state)

        options = video_options_of(order.values)
        boxes = [tuple(box) for box in order.values["add_box"]]
        summary = splash_videos(
            [outcomes.Job(_source(job), self._target(job, order), suffix_open=True)],
            model_finder(self._finder, tiles=order.values["tiles"], add_boxes=boxes, note=lambda text: None),
            order.look,
            selection_of(order.values),
            options,
            progress=progress,
        )
        (outcome,) = summary.outcomes
        if outcome.error is not None or outcome.video is None:
            text = str(outcome.error).removeprefix(f"{VIDEO}: ")
            raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, VIDEO, text, A_VIDEO)
        made = outcome.video
        return replace(
            state,
            state="done",
            frames=made.frames,
            expected=made.frames,
            notes=outcome.notes,
            result=made.destination.name,
            name=f"{Path(state.name).stem}_splash{made.destination.suffix}",
        )

    @staticmethod
    def _target(job: Job, order: Order) -> Path:
        encoding = video_options_of(order.values).encoding
        return video_path(job.source, transparent=order.look.transparent, encoding=encoding)

    def _left(self, job: Job, done: Future[None]) -> None:
        self._taken.pop(job.id, None)
        self._ended()
        done.exception()

    def _sweep(self) -> None:
        while not self._closing.wait(1.0):
            for job in list(self._taken.values()):
                job.touch()
            self._files.sweep()


class _Stop:
    """Reasons to stop a video that is being made."""

    def __init__(self, job: Job, files: JobFiles, settings: Settings, closing: threading.Event) -> None:
        self._job, self._files, self._settings, self._closing = job, files, settings, closing
        self._deadline = time.monotonic() + settings.video_seconds
        self._looked = 0.0

    def look(self) -> None:
        """Return if there is none.

        Raises:
            _StoppedError: there is one.
        """
        if time.monotonic() - self._looked < PROGRESS_SECONDS / 2:
            return
        self._looked = time.monotonic()
        if self._job.cancelled:
            raise _StoppedError(None)
        if self._closing.is_set():
            raise _StoppedError(RequestError(503, None, "a service that is stopping", "the video to be sent again"))
        if time.monotonic() > self._deadline:
            found = f"more than {self._settings.video_seconds:g} seconds of work"
            raise _StoppedError(RequestError(503, VIDEO, found, "a shorter video"))
        if self._job.size > self._settings.videos_bytes:
            found = f"a result beyond {self._settings.videos_bytes} bytes"
            raise _StoppedError(RequestError(413, VIDEO, found, "a shorter video"))
        if self._files.size > self._settings.videos_bytes:
            raise _StoppedError(_full_disk(self._files.size))


def first_frame(job: Job, start: float, most_pixels: int) -> Picture:
    """Return the first frame of a video, or of the part that begins at ``start`` seconds.

    Raises:
        RequestError: it cannot be read.
    """
    try:
        frame = video_stream.first_frame(job.source, start)
    except BalloonSplashError as error:
        raise _unreadable(error, job) from None
    height, width = frame.rgb.shape[:2]
    if height * width > most_pixels:
        found, expected = f"frames of {width}x{height} pixels", f"at most {most_pixels:,} pixels"
        raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, VIDEO, found, expected)
    return Picture(frame.rgb)


def keep_upload(files: JobFiles, settings: Settings, name: str, size: int, write: Callable[[Path], None]) -> Job:
    """Return a job with what was uploaded.

    Args:
        files: the jobs.
        settings: bounds.
        name: file name that the client gave.
        size: bytes that were uploaded.
        write: puts the bytes into a file.

    Raises:
        RequestError: the disk is used up, or this is not a video.
    """
    if files.size + size > settings.videos_bytes:
        raise _full_disk(files.size)
    job = files.make("", name)
    try:
        plain = job.folder / SOURCE
        write(plain)
        suffix = content_suffix(plain)
        if not is_video(f"file{suffix}") and not is_picture(f"file{suffix}"):
            raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, VIDEO, "a file that is not a video", A_VIDEO)
        plain.rename(plain.with_suffix(suffix))
        job.save(replace(job.state(), suffix=suffix))
        if not _source(job).is_video:
            raise RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, VIDEO, "a picture that does not move", A_VIDEO)
    except BaseException:
        job.delete()
        raise
    return job


def _full_disk(size: int) -> RequestError:
    found = f"{size} bytes of videos that are kept"
    return RequestError(HTTPStatus.SERVICE_UNAVAILABLE, None, found, "fewer; the same again later", retry_after=60)


def _source(job: Job) -> Source:
    path = job.source
    return Source(VIDEO, Path(path.name), path)


def _unreadable(error: BalloonSplashError, job: Job) -> RequestError:
    text = str(error).replace(str(job.source), VIDEO).removeprefix(f"{VIDEO}: ")
    return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, VIDEO, text, A_VIDEO)


def _failed(state: JobState, problem: RequestError) -> JobState:
    return replace(state, state="failed", error=problem.body.model_dump())
