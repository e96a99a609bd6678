"""Progress on the screen, whatever the clock does."""

from __future__ import annotations

import time
from typing import Any

from tqdm import tqdm


class ProgressBar(tqdm):  # type: ignore[type-arg]  # not generic when it runs
    """tqdm by a clock that never jumps.

    By the clock on the wall, the bar would stand still for an hour when that is put back by an hour, as at night by a
    time server.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """As :class:`tqdm.tqdm`."""
        super().__init__(*args, **kwargs)
        if not self.disable:
            self._time = time.monotonic
            self.start_t = self.last_print_t = self._time()
