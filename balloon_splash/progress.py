"""Progress: a bar on a screen, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

LOG_SECONDS = 30.0
"""A log receives a line no more often than this; work that is shorter leaves none."""


class ProgressBar(tqdm):  # type: ignore[type-arg]  # not generic when it runs
    """A :class:`tqdm.tqdm` on stderr by a clock that never jumps, which writes whole lines where no screen is.

    By the clock on the wall, the bar would stand still for an hour when that is put back by an hour, as at night by a
    time server. In a file, carriage returns would make one line of thousands.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As :class:`tqdm.tqdm`."""
        if not sys.stderr.isatty():
            kwargs = {"mininterval": LOG_SECONDS, "delay": LOG_SECONDS, "miniters": 1, **kwargs}
        super().__init__(*args, **{"file": sys.stderr, **kwargs})
        if not self.disable:
            self._time = time.monotonic
            self.start_t = self.last_print_t = self._time()

    def close(self) -> None:
        """End the bar; a log has all of its lines already."""
        if not self.disable and not self.fp.isatty():
            self.delay = float("inf")  # by which tqdm decides that nothing was shown that it would have to clear
        super().close()

    @staticmethod
    def status_printer(file: Any) -> Callable[[str], None]:
        """Overwrite one line of a screen; add lines to anything else."""
        if file.isatty():
            return tqdm.status_printer(file)

        def add_line(status: str) -> None:
            if status.strip():
                print(status, file=file, flush=True)

        return add_line


def say(line: str) -> None:
    """Print a line to stderr, above the bars if there are any; in a log, tqdm would repeat each bar after it."""
    if sys.stderr.isatty():
        tqdm.write(line, file=sys.stderr)
    else:
        print(line, file=sys.stderr, flush=True)
