"""Files that appear whole or not at all, locks between processes, and the cache folder."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import tempfile
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import platformdirs
from filelock import FileLock

from balloon_splash.errors import OutputExistsError

CACHE_VARIABLE = "BALLOON_SPLASH_CACHE"

_NAMES_COMPARED = 1000


def did_you_mean(path: Path) -> str:
    """Return a question about the name most like that of ``path`` in its folder, with a space; empty if none is."""
    try:
        names = [each.name for each in itertools.islice(path.parent.iterdir(), _NAMES_COMPARED)]
    except OSError:
        return ""
    near = get_close_matches(path.name, names, n=1)
    return f"did you mean {path.with_name(near[0])}? " if near else ""


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str], *, overwrite: bool = False, durable: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; move it there once the block ends without an error.

    The temporary file is in the same folder, so that the last step is one rename, and keeps the suffix, by which some
    writers (Pillow, PyAV) choose the format. It is flushed to disk before the rename and removed if the block raises.

    Args:
        path: the final path; missing parent folders are made.
        overwrite: replace an existing file.
        durable: return only once the new name is on the disk as well, so that a file written next cannot outlive this
            one when the power fails.

    Raises:
        OutputExistsError: ``path`` exists and ``overwrite`` is false.
        NotADirectoryError: its folder is a file.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # not our target, for which callers would take it
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
        # mkstemp makes private files; set the permissions of a plain open().
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
    """Remove files that :func:`atomic_path` left directly in ``folder`` when its process was killed.

    Only for a folder to which no other process writes.
    """
    for part in folder.glob(".*.part*"):
        part.unlink(missing_ok=True)


def swap_folder(fresh: Path, target: Path, old: Path) -> None:
    """Replace the folder ``target`` by ``fresh`` and move it to ``old``; if that fails, restore it.

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
    """Move ``source`` to ``target`` unless another process has made ``target`` meanwhile."""
    try:
        os.link(source, target)  # unlike rename, fails if the target exists
    except FileExistsError:
        raise OutputExistsError(f"{target}: made meanwhile by another process; expected a free name") from None
    except OSError:  # a file system without hard links
        source.replace(target)


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a system on which folders cannot be opened, and renames are written through
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def hash_of(path: Path, algorithm: str = "sha256") -> str:
    """Return the hash of a file in hexadecimal, by one of :mod:`hashlib`'s algorithms."""
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


@contextlib.contextmanager
def locked(path: Path, *, timeout: float) -> Iterator[None]:
    """Hold a lock for the length of the block.

    The operating system releases the lock when its process ends, however it ends: the file left behind blocks nobody.

    Args:
        path: the lock file; missing parent folders are made.
        timeout: seconds to wait for another process; 0 does not wait.

    Raises:
        TimeoutError: another process holds it.
        OSError: the lock file cannot be made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path, timeout=timeout):
        yield


def cache_folder() -> Path:
    """Return ``$BALLOON_SPLASH_CACHE``, or else the operating system's cache folder of the user."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen) if chosen else Path(platformdirs.user_cache_dir("balloon-splash", appauthor=False))
