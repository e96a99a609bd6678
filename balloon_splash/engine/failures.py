"""What ends a training from outside, told in one line: numbers, disks, photos, processes."""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator

from detectron2.engine import TrainerBase

from balloon_splash.errors import TrainingError

_LOSS = re.compile(r"'(\w+)': (?:np\.float\d+\()?-?(?:nan|inf)")
_WORKER = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)")


@contextlib.contextmanager
def told_in_one_line(trainer: TrainerBase) -> Iterator[None]:
    """Turn what can happen to any training, and is no bug, into a :class:`TrainingError` that names the step.

    Detectron2 has written the traceback into the log by then.

    Raises:
        TrainingError: a loss is not finite; a file cannot be read or written; a process that loads photos was killed.
    """
    try:
        yield
    except FloatingPointError as error:
        raise TrainingError(f"iteration {trainer.iter}: {_divergence(str(error))}; {_GO_ON_LOWER}") from error
    except OSError as error:
        raise TrainingError(f"iteration {trainer.iter}: {_last_line(error)}; {_GO_ON}") from error
    except RuntimeError as error:
        worker = _WORKER.search(str(error))
        if worker is None:
            raise
        if _interrupted(error):
            raise KeyboardInterrupt from error
        raise TrainingError(
            f"iteration {trainer.iter}: the process that loads photos, {worker[1]}, was killed, as it happens when "
            f"memory runs out (fewer DATALOADER.NUM_WORKERS need less); {_GO_ON}"
        ) from error


def _interrupted(error: RuntimeError) -> bool:
    """Whether the process that loads photos was ended because all are to end, as ``timeout`` and systemd do it.

    Raises:
        KeyboardInterrupt: this process hears of it only now.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt):
            return True
        cause = cause.__context__
    if "Terminated" in str(error):  # by SIGTERM, not SIGKILL, which is what the kernel sends when memory runs out
        time.sleep(_HEARD_WITHIN)
    return False


_HEARD_WITHIN = 0.5  # seconds
_GO_ON = "the checkpoints are sound, --resume goes on from the last one"
_GO_ON_LOWER = "the checkpoints are sound; expected a run with a lower SOLVER.BASE_LR or longer SOLVER.WARMUP_ITERS"


def _divergence(message: str) -> str:
    losses = _LOSS.findall(message)
    if losses:
        return f"{' and '.join(losses)} became infinite or NaN"
    return "the predictions became infinite or NaN"  # of the proposals, which Detectron2 notices before any loss


def _last_line(error: OSError) -> str:
    """Of an error in another process, the message is a whole traceback; the last line of it says what happened."""
    return str(error).strip().rpartition("\n")[2] or type(error).__name__
