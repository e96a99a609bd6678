"""FFmpeg's and the system's errors, as one line that names the file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import av

from balloon_splash.errors import MediaError


@contextlib.contextmanager
def media_errors(path: Path, failure: str) -> Iterator[None]:
    """Turn errors of FFmpeg and of the file system into ``MediaError("<path>: <failure>: <reason>")``."""
    try:
        yield
    except (av.FFmpegError, OSError) as error:
        raise MediaError(f"{path}: {failure}: {error.strerror or error}") from error
