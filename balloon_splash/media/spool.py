"""Pipes as files: videos are read in several passes, and piped data has no name that gives its type."""

from __future__ import annotations

import contextlib
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from balloon_splash.errors import MediaError
from balloon_splash.media.content import content_suffix
from balloon_splash.media.fetch import VIDEO_RULES
from balloon_splash.media.inputs import Source

_CHUNK = 1 << 16


@contextlib.contextmanager
def spooled(sources: Sequence[Source]) -> Iterator[list[Source]]:
    """Yield the same sources, with pipes as temporary files with the suffix of their content while the block runs.

    Raises:
        MediaError: the data is too large, or the disk is full.
    """
    with contextlib.ExitStack() as stack:
        yield [_spool(source, stack) if source.is_pipe else source for source in sources]


def copy_stream(stream: BinaryIO, path: Path, *, name: str, max_bytes: int = VIDEO_RULES.max_bytes) -> None:
    """Write all data of ``stream`` to a file.

    Args:
        stream: a pipe, for instance.
        path: the file.
        name: its name in errors.
        max_bytes: largest size.

    Raises:
        MediaError: there is more data than that, or the disk is full.
    """
    size = 0
    try:
        with path.open("wb") as file:
            while piece := stream.read(_CHUNK):
                size += len(piece)
                if size > max_bytes:
                    raise MediaError(f"{name}: larger than {max_bytes // 2**20} MiB")
                file.write(piece)
    except OSError as error:
        raise MediaError(f"{name}: cannot be stored in {path.parent} ({error.strerror})") from error


def _spool(source: Source, stack: contextlib.ExitStack) -> Source:
    path = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="balloon_splash_"))) / source.relative.name
    with sys.stdin.buffer if source.path is None else source.path.open("rb") as stream:
        copy_stream(stream, path, name=source.name)
    return replace(source, relative=Path(path.stem + content_suffix(path)), path=None, spool=path)


def send_to_stdout(path: Path) -> None:
    """Write a whole file to standard output."""
    with path.open("rb") as file:
        shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()
