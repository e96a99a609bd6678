"""Video jobs as folders on disk, which all workers see: what was uploaded, the state, the result."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal, TypeAlias

from balloon_splash.files import atomic_path
from balloon_splash.serve.problems import RequestError

State: TypeAlias = Literal["waiting", "queued", "running", "done", "failed", "cancelled"]

OVER: frozenset[State] = frozenset({"done", "failed", "cancelled"})
"""States in which nothing more happens."""

SILENT_SECONDS = 60.0
"""A process that has not touched its job for so long has gone."""

_ID = re.compile(r"[0-9a-f]{32}")
_STATE, _CLAIM, _CANCEL = "state.json", "claimed", "cancel"
SOURCE = "video"


@dataclass(frozen=True)
class JobState:
    """State of one video.

    Attributes:
        state: where it stands.
        suffix: of the uploaded file, by what is in it.
        frames: written so far.
        expected: frames in all; None if unknown.
        error: why it failed, as the body of an answer.
        notes: what could not be kept of the video.
        result: name of the file with the result.
        name: of the result, for a download.
    """

    state: State
    suffix: str
    name: str
    frames: int = 0
    expected: int | None = None
    error: dict[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())
    result: str | None = None


class Job:
    """The folder of one video."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def id(self) -> str:
        """Return the name that only the client who made it knows."""
        return self.folder.name

    @property
    def source(self) -> Path:
        """Return the uploaded file."""
        return self.folder / f"{SOURCE}{self.state().suffix}"

    def state(self) -> JobState:
        """Read the state; a job whose process has gone has failed.

        Raises:
            RequestError: it has been deleted.
        """
        path = self.folder / _STATE
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            silent = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            raise _unknown() from None
        state = JobState(**{**document, "notes": tuple(document["notes"])})
        if state.state in ("queued", "running") and silent > SILENT_SECONDS:
            gone = RequestError(500, None, "a process that has gone", "the video to be sent again")
            state = replace(state, state="failed", error=gone.body.model_dump())
        return state

    def save(self, state: JobState) -> None:
        """Replace the state; nothing where the folder has been deleted."""
        if not self.folder.is_dir():
            return
        with contextlib.suppress(FileNotFoundError), atomic_path(self.folder / _STATE, overwrite=True) as part:
            part.write_text(json.dumps(asdict(state)), encoding="utf-8")

    def touch(self) -> None:
        """Show that somebody is at work on it."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.folder / _STATE)

    def claim(self) -> None:
        """Begin it, which happens once.

        Raises:
            RequestError: it has been begun.
        """
        try:
            (self.folder / _CLAIM).touch(exist_ok=False)
        except FileExistsError:
            raise RequestError(HTTPStatus.CONFLICT, "id", "a video that was started before", "one that waits") from None
        except FileNotFoundError:
            raise _unknown() from None

    @property
    def cancelled(self) -> bool:
        """Return whether whoever works on it shall stop."""
        return (self.folder / _CANCEL).exists() or not self.folder.is_dir()

    def delete(self) -> None:
        """Remove it, and stop whoever works on it."""
        with contextlib.suppress(FileNotFoundError):
            (self.folder / _CANCEL).touch()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return _size(self.folder)


class JobFiles:
    """The folder of all videos.

    Args:
        folder: made where it is missing, for this user alone.
        keep_seconds: how long a job stays after its last change.
    """

    def __init__(self, folder: Path, keep_seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder, self._keep_seconds = folder, keep_seconds

    def make(self, suffix: str, name: str) -> Job:
        """Return a new job, in which the video is still to be written."""
        job = Job(self._folder / secrets.token_hex(16))
        job.folder.mkdir(mode=0o700)
        job.save(JobState("waiting", suffix, name))
        return job

    def get(self, name: str) -> Job:
        """Return the job of that name.

        Raises:
            RequestError: there is none.
        """
        if not _ID.fullmatch(name):
            raise _unknown()
        job = Job(self._folder / name)
        job.state()
        return job

    def expires(self, job: Job) -> float:
        """Return when it will be removed, in seconds since 1970."""
        for path in (job.folder / _STATE, job.folder):  # which has no state yet while it is made
            with contextlib.suppress(FileNotFoundError):
                return path.stat().st_mtime + self._keep_seconds
        return time.time() + self._keep_seconds

    def sweep(self) -> None:
        """Remove what has expired."""
        for job in self._jobs():
            if self.expires(job) < time.time():
                job.delete()

    @property
    def size(self) -> int:
        """Bytes of all jobs."""
        return _size(self._folder)

    def _jobs(self) -> Iterator[Job]:
        yield from (Job(path) for path in self._folder.iterdir() if _ID.fullmatch(path.name))


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            found = path.stat()
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total


def _unknown() -> RequestError:
    return RequestError(HTTPStatus.NOT_FOUND, "id", "no video of this id", "one that has not expired")
