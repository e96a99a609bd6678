"""Progress: a bar on a screen, an occasional line in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TextIO

from tqdm import tqdm

LOG_SECONDS = 30.0
"""Least seconds between two lines in a log; shorter work leaves none."""


class ProgressBar(tqdm):  # type: ignore[type-arg]  # not generic when it runs
    """Progress bar, a :class:`tqdm.tqdm`, on stderr, by a clock that never jumps; it writes whole lines to a log.

    By the wall clock, the bar would stand still for an hour when that is set back by an hour. In a file, carriage
    returns would turn thousands of updates into one line.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of :class:`tqdm.tqdm`."""
        if not sys.stderr.isatty():
            kwargs = {"mininterval": LOG_SECONDS, "delay": LOG_SECONDS, "miniters": 1, **kwargs}
        super().__init__(*args, **{"file": sys.stderr, **kwargs})
        if not self.disable:
            self._time = time.monotonic
            self.start_t = self.last_print_t = self._time()

    def close(self) -> None:
        """End the bar; a log already has all of its lines."""
        if not self.disable and not self.fp.isatty():
            self.delay = float("inf")  # makes tqdm believe that it has nothing to clear
        super().close()

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Return a printer that overwrites one line of a screen, and adds lines to anything else."""
        if file.isatty():
            return tqdm.status_printer(file)

        def add_line(status: str) -> None:
            if status.strip():
                print(status, file=file, flush=True)

        return add_line


def say(line: str, file: TextIO | None = None) -> None:
    """Print a line to ``file``, by default stderr, above the bars, if any; in a log, tqdm would repeat them."""
    if sys.stderr.isatty():
        tqdm.write(line, file=file or sys.stderr)
    else:
        print(line, file=file or sys.stderr, flush=True)
