"""Layout of balloon datasets on disk, and folders that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from balloon_splash.errors import DatasetError
from balloon_splash.files import swap_folder

SPLITS = ("train", "val")
VIA_FILE = "via_region_data.json"  # in each split, beside its photos
ROOT_VARIABLE = "DETECTRON2_DATASETS"


def datasets_root() -> Path:
    """Return the folder of all datasets: ``$DETECTRON2_DATASETS``, as for Detectron2's own, or ``datasets``."""
    return Path(os.environ.get(ROOT_VARIABLE, "datasets")).expanduser()


@contextlib.contextmanager
def atomic_dataset_folder(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Path]:
    """Yield an empty folder beside ``path``; move it there once the block ends without an error.

    Args:
        path: the final folder of the dataset, with ``train`` and ``val``; it may exist if it is empty.
        overwrite: replace an existing dataset. Only a dataset: a folder that holds anything else is left alone.

    Raises:
        DatasetError: ``path`` is taken.
    """
    target = Path(path).resolve()  # through links, so that a linked folder is filled where it really is
    _check_free(target, overwrite)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workplace = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent))
    except OSError as error:
        raise DatasetError(f"{target}: cannot be made there ({error.strerror})") from error
    try:
        fresh = workplace / "new"
        fresh.mkdir()  # with plain permissions, unlike the private folder around it
        yield fresh
        if target.exists():
            _check_free(target, overwrite)  # check again: it may have been filled meanwhile
            swap_folder(fresh, target, workplace / "old")
        else:
            fresh.rename(target)
    finally:
        shutil.rmtree(workplace)


def _check_free(target: Path, overwrite: bool) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise DatasetError(f"{target}: a file is there; expected a folder or nothing")
    held = sorted(entry.name for entry in target.iterdir())
    if held and not overwrite:
        raise DatasetError(f"{target}: not empty; expected another folder, or --overwrite to replace its content")
    foreign = [name for name in held if name not in SPLITS]
    if foreign:
        raise DatasetError(f"{target}: holds {foreign[0]!r} besides {' and '.join(SPLITS)}; not replaced")
