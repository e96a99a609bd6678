"""Files by their address, wherever fsspec reaches: this machine, S3, Google Cloud Storage, HDFS and others."""

from __future__ import annotations

import contextlib
import os
import posixpath
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import fsspec
from fsspec.implementations.local import LocalFileSystem

from balloon_splash.errors import MediaError, UsageError
from balloon_splash.files import atomic_path, remove_leftovers
from balloon_splash.web.addresses import without_secrets

Result = TypeVar("Result")

ATTEMPTS, FIRST_PAUSE = 4, 0.5
"""Attempts to read or write a file, and seconds before the second one; later pauses are four times as long each."""

_ATOMIC = frozenset({"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "adl", "memory"})
"""Protocols whose files appear whole; on others a file is written under another name and renamed."""

_LASTING = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)
"""Errors that are the same at the next attempt, unless credentials have expired and new ones may be there."""

_BOUNDS = {"s3": {"config_kwargs": {"connect_timeout": 5, "read_timeout": 60, "retries": {"max_attempts": 2}}}}
"""Bounds on a silent service, in seconds; botocore's own add up to minutes before the first message."""


@dataclass(frozen=True)
class Place:
    """A file or folder.

    Attributes:
        address: a path, or a URL of any protocol that fsspec knows.
    """

    address: str

    @cached_property
    def _opened(self) -> tuple[Any, str]:
        return self._open()

    def _open(self, *, anew: bool = False) -> tuple[Any, str]:
        """Return the file system and the path in it; ``anew`` reads credentials again, which may have changed."""
        protocol = self.address.partition("://")[0] if "://" in self.address else "file"
        try:
            system, path = fsspec.core.url_to_fs(self.address, skip_instance_cache=anew, **_BOUNDS.get(protocol, {}))
        except (ImportError, ValueError) as error:
            raise UsageError(f"{self.name}: {error}") from error
        return system, path

    @property
    def name(self) -> str:
        """Address without passwords and tokens."""
        return without_secrets(self.address)

    @property
    def path(self) -> str:
        """Address as its file system names it, for comparisons within the file system."""
        return self._opened[1].rstrip("/")

    @property
    def local(self) -> Path | None:
        """Path, if it is one of this machine."""
        return Path(self._opened[1]) if isinstance(self._opened[0], LocalFileSystem) else None

    def under(self, relative: str) -> Place:
        """Return the place at ``relative`` below this folder."""
        if self.local is not None:
            return Place(os.path.join(self._opened[1], relative))  # noqa: PTH118  (an address stays a text)
        return Place(posixpath.join(self.address.rstrip("/"), relative))

    def contains(self, other: Place) -> bool:
        """Return whether ``other`` is this folder or lies in it."""
        if type(self._opened[0]) is not type(other._opened[0]):
            return False
        if self.local is not None and other.local is not None:
            return other.local.resolve().is_relative_to(self.local.resolve())
        return f"{other.path}/".startswith(f"{self.path}/")

    def is_folder(self) -> bool:
        """Return whether it exists and is a folder."""
        return bool(self._opened[0].isdir(self._opened[1]))

    def exists(self) -> bool:
        """Return whether there is a file or folder."""
        return bool(self._opened[0].exists(self._opened[1]))

    def files(self, *, recursive: bool = True) -> list[str]:
        """List the files in this folder by their paths relative to it, sorted; none where it does not exist."""
        system, path = self._opened
        system.invalidate_cache()
        found = system.find(path, maxdepth=None if recursive else 1)
        return sorted(each[len(self.path) + 1 :] for each in found if each.startswith(f"{self.path}/"))

    def matches(self) -> list[Place]:
        """List the files that this glob stands for, sorted."""
        system, path = self._opened
        return [Place(str(system.unstrip_protocol(each))) for each in sorted(system.glob(path))]

    def read(self, *, most: int | None = None) -> bytes:
        """Read the bytes of the file.

        Args:
            most: bytes that it may have; None for any number.

        Raises:
            MediaError: cannot be read, even when tried again, or is larger.
        """
        if most is not None:
            size = self._retried(lambda system, path: int(system.size(path) or 0), "read")
            if size > most:
                raise MediaError(f"{self.name}: {size} bytes found, more than {most} are not read")
        return self._retried(lambda system, path: bytes(system.cat_file(path)), "read")

    def fetch(self, target: Path) -> None:
        """Copy the file to this machine.

        Raises:
            MediaError: as :meth:`read`.
        """
        self._retried(lambda system, path: system.get_file(path, str(target)), "read")

    def write(self, data: bytes) -> None:
        """Write the file, whole or not at all; one that exists is replaced.

        Raises:
            MediaError: cannot be written, even when tried again.
        """
        self._retried(lambda system, path: self._write(system, path, data), "written")

    def _write(self, system: Any, path: str, data: bytes) -> None:
        if self.local is not None:
            with atomic_path(self.local, overwrite=True) as temporary:
                temporary.write_bytes(data)
        elif not _ATOMIC.isdisjoint([system.protocol] if isinstance(system.protocol, str) else system.protocol):
            system.pipe_file(path, data)
        else:
            folder, _, name = path.rpartition("/")
            temporary_path = f"{folder}/.{name}.{os.getpid()}.part"
            system.makedirs(folder, exist_ok=True)
            system.pipe_file(temporary_path, data)
            system.mv(temporary_path, path)

    def _retried(self, action: Callable[[Any, str], Result], done: str) -> Result:
        """Return the result of ``action(file system, path)``, tried again where the error may pass.

        A service may be busy for a while, and expired credentials may have been replaced.

        Raises:
            MediaError: it failed for good.
        """
        opened, pause = self._opened, FIRST_PAUSE
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return action(*opened)
            except Exception as error:  # as in `reached`
                failure = f"{self.name}: cannot be {done} ({_reason(error)})"
                if isinstance(error, _LASTING) and "expired" not in str(error):
                    raise MediaError(failure) from error
                if attempt == ATTEMPTS:
                    raise MediaError(f"{failure}, tried {ATTEMPTS} times") from error
            time.sleep(pause)
            pause *= 4
            opened = self._open(anew=True)
        raise AssertionError("unreachable")

    def remove(self) -> None:
        """Remove the file, if it is there."""
        system, path = self._opened
        with contextlib.suppress(FileNotFoundError):
            system.rm_file(path)

    @property
    def folder(self) -> Place:
        """Folder of this file."""
        return Place(self.address.rpartition("/")[0])

    def remove_leftovers(self) -> None:
        """Remove unfinished files of workers that were killed from this folder, if it is one of this machine."""
        if self.local is not None and self.local.is_dir():
            remove_leftovers(self.local)


@contextlib.contextmanager
def reached(place: Place) -> Iterator[None]:
    """Turn the errors of a file system in the block into one line.

    Raises:
        UsageError: there is no such file, folder or bucket, it may not be read, or it does not answer.
    """
    try:
        yield
    except UsageError:
        raise
    except FileNotFoundError as error:
        raise UsageError(f"{place.name}: no such file, folder or bucket") from error
    except PermissionError as error:
        raise UsageError(f"{place.name}: may not be read or written ({_reason(error)})") from error
    except Exception as error:  # each protocol has errors of its own, some of them derived from Exception alone
        raise UsageError(f"{place.name}: cannot be reached ({_reason(error)})") from error


def _reason(error: Exception) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return without_secrets(" ".join(text.split())) or type(error).__name__
