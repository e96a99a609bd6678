"""One process at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock


@contextlib.contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold a lock for the length of the block.

    The operating system gives the lock back when its process ends, however it ends: the file that is left behind
    blocks nobody.

    Args:
        path: the lock file; missing parent folders are made.
        timeout: how many seconds to wait for another process, 0 for not at all.

    Raises:
        TimeoutError: another process holds it.
        OSError: the lock file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=timeout):
        yield
