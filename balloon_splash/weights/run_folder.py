"""The folder of a run: sole use of it, the checkpoint to resume from, and the pruning of old checkpoints."""

from __future__ import annotations

import contextlib
import logging
import math
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from balloon_splash.errors import UsageError, WeightsError
from balloon_splash.files import atomic_path, locked, remove_leftovers
from balloon_splash.weights.read import read_pth

_NOTE = "last_checkpoint"
_BEST = "model_best.pth"
_FINAL = "model_final.pth"
_NUMBERED = re.compile(r"model_(\d+)\.pth")

logger = logging.getLogger(__name__)


def has_run(folder: str | Path) -> bool:
    """Return whether there is a run to resume, or to be overwritten."""
    return Path(folder, _NOTE).is_file() or bool(_resumable(Path(folder))) or Path(folder, _BEST).is_file()


def check_run_folder(folder: str, *, resume: bool) -> None:
    """Keep a run from being overwritten, and a typing error from starting a new run instead of resuming one.

    Raises:
        UsageError: the folder already holds a run and ``resume`` is false, or holds none and it is true.
    """
    if resume and not has_run(folder):
        raise UsageError(f"{folder}: nothing to resume; expected a checkpoint (last_checkpoint, model_*.pth) there")
    if not resume and has_run(folder):
        last = _noted(Path(folder))
        raise UsageError(
            f"{folder} holds a run already (last checkpoint {last.name if last else 'unknown'}); "
            "expected --resume to continue it, or another OUTPUT_DIR"
        )


@contextlib.contextmanager
def sole_use(folder: str) -> Iterator[None]:
    """Make the folder of a run, keep other processes out of it meanwhile, and clear what a killed one left.

    Raises:
        UsageError: it cannot be made or written to, or another process runs there.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UsageError(
            f"OUTPUT_DIR {folder}: cannot be written ({error.strerror}); expected a folder that can"
        ) from error
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(Path(folder, ".lock"), timeout=0))
        except TimeoutError:
            raise UsageError(f"OUTPUT_DIR {folder}: another process runs there; expected one at a time") from None
        remove_leftovers(Path(folder))
        yield


def note_last(path: Path) -> None:
    """Note ``path`` as the checkpoint from which the run in its folder resumes; it has to be on the disk already."""
    with atomic_path(path.with_name(_NOTE), overwrite=True, durable=True) as note:
        note.write_text(path.name)


def newest_sound(folder: Path) -> Path:
    """Return the checkpoint to resume from: the one noted last or, if it is damaged, the newest sound one.

    A warning names each one that is skipped. The best one lags behind, so it counts only where no other is left.

    Raises:
        WeightsError: there is none.
    """
    noted = _noted(folder)
    others = sorted((path for path in _resumable(folder) if path != noted), key=_iteration, reverse=True)
    best = [path for path in [folder / _BEST] if path.is_file()]
    for path in [*([noted] if noted else []), *others, *best]:
        try:
            _check_sound(path)
        except WeightsError as error:
            logger.warning("%s; skipped", error)
        else:
            if path != noted:
                logger.warning("resuming from %s", path)
            return path
    raise WeightsError(f"{folder}: no sound checkpoint there; expected one to resume from, or another OUTPUT_DIR")


def prune(folder: Path, keep: int) -> list[Path]:
    """Remove the oldest of the numbered checkpoints, ``model_0000199.pth`` and so on.

    The one noted last stays whatever its number, and so do ``model_best.pth`` and ``model_final.pth``.

    Args:
        folder: the folder of the run.
        keep: number of checkpoints to keep; 0 keeps all.

    Returns:
        The removed files.
    """
    numbered = sorted((path for path in _resumable(folder) if path.name != _FINAL), key=_iteration)
    removed = [path for path in numbered[: -keep or len(numbered)] if path != _noted(folder)] if keep else []
    for path in removed:
        path.unlink(missing_ok=True)
    return removed


def _noted(folder: Path) -> Path | None:
    """Return the path in ``last_checkpoint``, existing or not; None where that file is missing, empty or nonsense."""
    try:
        name = (folder / _NOTE).read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        return None
    return folder / name if name and name == Path(name).name else None


def _resumable(folder: Path) -> list[Path]:
    return [path for path in folder.glob("model_*.pth") if path.name == _FINAL or _NUMBERED.fullmatch(path.name)]


def _iteration(path: Path) -> float:
    """Return the number in the name, else that inside; infinity for a damaged file, so that it is tried and named."""
    number = _NUMBERED.fullmatch(path.name)
    if number:
        return int(number[1])
    try:
        return float(read_pth(str(path))["iteration"])
    except (WeightsError, KeyError, TypeError, ValueError):
        return math.inf


def _check_sound(path: Path) -> None:
    """Raise WeightsError if the file is missing, damaged, or not the checkpoint of a run."""
    if not path.is_file():
        raise WeightsError(f"{path}: missing")
    if not {"model", "iteration"} <= read_pth(str(path)).keys():
        raise WeightsError(f"{path}: not the checkpoint of a run; expected model and iteration in it")
