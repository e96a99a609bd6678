"""Interruption of a run: the current step ends, and a checkpoint keeps all steps so far."""

from __future__ import annotations

import signal
import sys
import threading
import time
from pathlib import Path
from types import FrameType
from typing import Any

from detectron2.engine import HookBase

from balloon_splash.weights.checkpoint import SafeCheckpointer
from balloon_splash.wording import counted

_TWICE_SECONDS = 0.5
"""Seconds within which two signals count as one: ``timeout`` sends each to a process, and then to its group."""

_waiting = threading.Event()


def is_waiting() -> bool:
    """Return whether an interrupted run is ending its step, or writing its checkpoint, at this moment."""
    return _waiting.is_set()


class KeepInterrupted(HookBase):
    """Hook that saves a checkpoint where a run of one process is interrupted.

    SIGINT, SIGTERM and SIGHUP (where it is not ignored) let the current step end, because half a step cannot be
    resumed; outside steps, as in an evaluation, and at a second signal, they end the run at once. The hook has to come
    after all hooks that change the content of a checkpoint, and before those that evaluate.

    Attributes:
        asked: whether the run was interrupted.
    """

    def __init__(self, checkpointer: SafeCheckpointer) -> None:
        """Save by ``checkpointer``, as ``model_<step>.pth``."""
        self.asked = False
        self._checkpointer = checkpointer
        self._in_step = False
        self._complete: int | None = None
        self._asked_at = 0.0
        self._before: dict[int, Any] = {}

    def before_train(self) -> None:
        """Listen for signals; only the main thread can."""
        if threading.current_thread() is threading.main_thread():
            names = ("SIGINT", "SIGTERM", "SIGHUP")
            numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
            self._before = {
                number: signal.signal(number, self._hear)
                for number in numbers
                if signal.getsignal(number) is not signal.SIG_IGN
            }

    def before_step(self) -> None:
        """Note that a step begins."""
        self._in_step = True

    def after_step(self) -> None:
        """Note that a step is complete, so that a run can resume from it."""
        self._in_step = False
        self._complete = self.trainer.iter
        if self.asked:
            raise KeyboardInterrupt

    def after_train(self) -> None:
        """Save an interrupted run, unless its last complete step is already saved."""
        try:
            if self.asked and self._complete is not None:
                path = Path(self._checkpointer.save_dir, f"model_{self._complete:07d}.pth")
                if not path.exists():
                    self.trainer.iter = self._complete
                    self._checkpointer.save(path.stem, iteration=self._complete)
                print(f"saved: {path}, after {counted(self._complete + 1, 'step')}", file=sys.stderr)
        finally:
            _waiting.clear()
            for number, handler in self._before.items():
                signal.signal(number, handler)

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked and now - self._asked_at < _TWICE_SECONDS:
            return
        again, self.asked, self._asked_at = self.asked, True, now
        if again or not self._in_step:
            raise KeyboardInterrupt
        _waiting.set()
        what = "Ctrl-C again ends" if number == signal.SIGINT else "another signal ends"
        print(f"interrupted: saving a checkpoint after this step; {what} at once", file=sys.stderr)
