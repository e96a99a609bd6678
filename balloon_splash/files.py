"""Files that appear whole or not at all, locks between processes, and the folder for what can be made again."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import platformdirs
from filelock import FileLock

from balloon_splash.errors import OutputExistsError

CACHE_VARIABLE = "BALLOON_SPLASH_CACHE"


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = False, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; move it there once the block ends without an error.

    The temporary file lies in the same folder, so that the last step is one rename, and keeps the suffix, so that
    writers which look at it (Pillow, PyAV) choose the right format. It is flushed to disk before the rename and
    removed if the block raises.

    Args:
        path: where the file shall be; missing parent folders are made.
        overwrite: replace a file that is already there.
        durable: return only once the new name is on the disk, too, so that a file written next cannot outlive this
            one when the power fails.

    Raises:
        OutputExistsError: ``path`` exists and ``overwrite`` is false.
        NotADirectoryError: its folder is a file.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # not our target, which callers would take it for
        raise NotADirectoryError(errno.ENOTDIR, "is a file, expected a folder", str(target.parent)) from None
    if not overwrite and target.exists():
        raise OutputExistsError.at(target)
    handle, name = tempfile.mkstemp(prefix=f".{target.stem[:40]}.", suffix=".part" + target.suffix, dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        # mkstemp makes private files; give the permissions a plain open() would have given.
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        if overwrite:
            temporary.replace(target)
        else:
            _rename_new(temporary, target)
        if durable:
            _sync_folder(target.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what :func:`atomic_path` left directly in ``folder`` when its process was killed.

    Only for a folder that no other process writes to.
    """
    for part in folder.glob(".*.part*"):
        part.unlink(missing_ok=True)


def swap_folder(fresh: Path, target: Path, old: Path) -> None:
    """Put ``fresh`` in the place of the folder ``target``, which moves to ``old``; if that fails, all is as before.

    Raises:
        OSError: one of the folders cannot be renamed.
    """
    target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        old.rename(target)
        raise


def _rename_new(source: Path, target: Path) -> None:
    """Move ``source`` to ``target`` unless another process made ``target`` meanwhile."""
    try:
        os.link(source, target)  # unlike rename, fails if the target exists
    except FileExistsError:
        raise OutputExistsError(f"{target}: made meanwhile by another process; expected a name that is free") from None
    except OSError:  # a file system without hard links
        source.replace(target)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # where a folder cannot be opened, and renames are written through
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hash_of(path: Path, algorithm: str = "sha256") -> str:
    """The hash of a file in hexadecimal, by one of :mod:`hashlib`'s algorithms."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


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


def cache_folder() -> Path:
    """``$BALLOON_SPLASH_CACHE``, or the user's cache folder as the operating system has it."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("balloon-splash", appauthor=False))
