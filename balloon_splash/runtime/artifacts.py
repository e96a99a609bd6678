"""Cache of artifacts that take time to make from a model: folders of files that are checked before use.

The name of a folder is a digest of everything on which its content depends, so artifacts of other weights, another
configuration or another version are never found. A list of digests is beside the files; if one of them differs or is
missing, the folder is made anew. Of each kind the cache keeps :data:`MOST_BYTES`; what was used longest ago is removed.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.files import cache_folder

if TYPE_CHECKING:
    from torch import nn

logger = logging.getLogger(__name__)

FORMAT = 1
MANIFEST = "manifest.json"

MOST_BYTES = 2**30
"""Size of all artifacts of a kind; compiled models take 45 MB to 250 MB each."""

_USED_LATELY = 3600.0
"""Seconds for which an artifact stays, however many there are: another process may be about to read it."""

_temporaries: list[tempfile.TemporaryDirectory[str]] = []
"""Temporary folders, removed when the process ends."""


def digest(parts: Mapping[str, str]) -> str:
    """Return a name for what depends on ``parts``: 32 hexadecimal digits."""
    text = json.dumps({"format": FORMAT, **parts}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def digest_of_weights(module: nn.Module) -> str:
    """Return the SHA-256 of all parameters and buffers of a module, with their names, types and shapes."""
    sha = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        array = tensor.detach().cpu().contiguous().numpy()
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(array)
    return sha.hexdigest()


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the contents of files, in their order.

    Raises:
        OSError: one cannot be read.
    """
    sha = hashlib.sha256()
    for path in paths:
        sha.update(_sha256(path).encode())
    return sha.hexdigest()


def artifact(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """Return the folder of an artifact; make it if it is missing or damaged.

    Args:
        kind: the folder of the cache for artifacts of this kind.
        key: see :func:`digest`.
        make: function that writes the artifact's files, without folders, into the empty folder it gets.

    Returns:
        The folder; where the cache cannot be written, a temporary one that ends with this process.

    Raises:
        OSError: the disk is full.
    """
    target = cache_folder() / kind / key
    if target.is_dir():
        if _is_whole(target):
            with contextlib.suppress(OSError):  # a cache that is only read
                os.utime(target)
            return target
        logger.warning("%s is damaged; it is made anew", target)
        _remove(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{key}.", suffix=".part", dir=target.parent))
    except OSError as error:
        _note(f"{target.parent}: cannot be written ({error.strerror}); nothing is kept for the next run")
        return _temporary(make)
    try:
        fresh = workplace / key
        fresh.mkdir()
        make(fresh)
        (fresh / MANIFEST).write_text(json.dumps({path.name: _sha256(path) for path in sorted(fresh.iterdir())}))
        with contextlib.suppress(OSError):  # another process was faster: its result is as good
            fresh.rename(target)
        if not _is_whole(target):
            raise OSError(f"{target}: cannot be stored there")
    finally:
        shutil.rmtree(workplace, ignore_errors=True)
    _forget_old(target.parent)
    return target


def _forget_old(folder: Path) -> None:
    """Remove what was used longest ago, until :data:`MOST_BYTES` are left, and leftovers of killed runs."""
    now, size = time.time(), 0
    with contextlib.suppress(OSError):  # another process removes the same
        for used, each in sorted(((path.stat().st_mtime, path) for path in folder.iterdir()), reverse=True):
            size += sum(path.stat().st_size for path in each.rglob("*"))
            if now - used > _USED_LATELY and (size > MOST_BYTES or each.name.startswith(".")):
                _remove(each)


@functools.cache
def _note(text: str) -> None:
    """Warn once."""
    logger.warning(text)


def _temporary(make: Callable[[Path], None]) -> Path:
    folder = tempfile.TemporaryDirectory(prefix="balloon-splash-")
    _temporaries.append(folder)
    make(Path(folder.name))
    return Path(folder.name)


def _is_whole(folder: Path) -> bool:
    """Return whether all files exist, unchanged since they were written."""
    try:
        listed = json.loads((folder / MANIFEST).read_text())
        return bool(listed) and all(_sha256(folder / name) == expected for name, expected in listed.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sha256(path: Path) -> str:
    sha = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            sha.update(block)
    return sha.hexdigest()


def _remove(folder: Path) -> None:
    """Move a folder away in one step, then delete it, so that no process finds half of it."""
    away = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".old", dir=folder.parent))
    with contextlib.suppress(OSError):  # another process was faster
        folder.rename(away / folder.name)
    shutil.rmtree(away, ignore_errors=True)
