"""One-line errors for failures of a run from outside: numbers, disks, photos, processes."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

from detectron2.data.detection_utils import SizeMismatchError
from detectron2.engine import DefaultTrainer

from balloon_splash.errors import MediaError, TrainingError
from balloon_splash.weights.run_folder import has_run

_LOSS = re.compile(r"'(\w+)': (?:np\.float\d+\()?-?(?:nan|inf)")
_WORKER = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)")


@contextlib.contextmanager
def told_in_one_line(trainer: DefaultTrainer) -> Iterator[None]:
    """Turn failures that are not bugs into a :class:`TrainingError` that names the step.

    By then Detectron2 has written the traceback to the log.

    Raises:
        TrainingError: a loss is not finite; a file cannot be read or written; a photo does not have the size in its
            annotations; a process that loads photos was killed.
    """
    try:
        yield
    except FloatingPointError as error:
        raise TrainingError(
            f"iteration {trainer.iter}: {_divergence(str(error))}; {_next_step(trainer, _LOWER)}"
        ) from error
    except (OSError, EOFError, RuntimeError, MediaError, SizeMismatchError) as error:
        if _interrupted(trainer, error):
            raise KeyboardInterrupt from error
        message = _message(error)
        if message is None:
            raise
        raise TrainingError(f"iteration {trainer.iter}: {message}; {_next_step(trainer, _RESUME)}") from error


@contextlib.contextmanager
def photo_named_in_one_line() -> Iterator[None]:
    """Turn an error about a photo in an evaluation into one line, even if another process loaded the photo.

    Raises:
        MediaError: a photo cannot be read, or does not have the size in its annotations.
    """
    try:
        yield
    except (OSError, MediaError, SizeMismatchError) as error:
        raise MediaError(_last_line(error)) from error


def _message(error: Exception) -> str | None:
    """Return what happened, or None if it is a bug."""
    if isinstance(error, (OSError, MediaError, SizeMismatchError)):
        return _last_line(error)
    if worker := _WORKER.search(str(error)):
        return (
            f"the process that loads photos, {worker[1]}, was killed, as happens when memory runs out (fewer "
            "DATALOADER.NUM_WORKERS need less)"
        )
    return None


def _interrupted(trainer: DefaultTrainer, error: Exception) -> bool:
    """Return whether a process that loads photos ended because all have to, as with ``timeout`` and systemd.

    Raises:
        KeyboardInterrupt: this process learns of it only now.
    """
    if trainer.interruption is not None and trainer.interruption.asked:
        return True
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__context__
    if "Terminated" in str(error):  # by SIGTERM, not by SIGKILL, which the kernel sends when memory runs out
        time.sleep(_HEARD_WITHIN)
    return False


_HEARD_WITHIN = 0.5  # seconds
_RESUME = "--resume continues from the last one"
_LOWER = "expected a run with a lower SOLVER.BASE_LR or longer SOLVER.WARMUP_ITERS"


def _next_step(trainer: DefaultTrainer, advice: str) -> str:
    """Return what to do next; before the first checkpoint there is nothing to resume."""
    if has_run(trainer.cfg.OUTPUT_DIR):
        return f"the checkpoints are sound, {advice}"
    return (
        "no checkpoint is written yet: start again" if advice is _RESUME else f"no checkpoint is written yet; {advice}"
    )


def _divergence(message: str) -> str:
    losses = _LOSS.findall(message)
    if losses:
        return f"{' and '.join(losses)} became infinite or NaN"
    return "the predictions became infinite or NaN"  # of the RPN, checked before any loss


def _last_line(error: Exception) -> str:
    """Return the last line of an error, which says what happened; from another process, the message is a traceback."""
    return str(error).strip().rpartition("\n")[2] or type(error).__name__
