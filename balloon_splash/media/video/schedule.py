"""Scheduling of threads, protected from an encoder that changes it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextlib.contextmanager
def kept_schedule() -> Iterator[None]:
    """Keep the scheduling policy of this thread, and give it to the threads that start meanwhile.

    SVT-AV1 (in PyAV 18.1), opened by root, makes its threads and the one that opens it real-time threads of the highest
    priority, for good. A computation in such a thread keeps all other processes from its core: tests were seen to
    stop for minutes. ``findings/svt_av1_real_time.sh`` shows it.
    """
    if not _THREADS.is_dir():
        yield
        return
    policy, parameters, before = os.sched_getscheduler(0), os.sched_getparam(0), _threads()
    try:
        yield
    finally:
        for thread in {0} | (_threads() - before):
            with contextlib.suppress(ProcessLookupError):
                os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    return {int(entry.name) for entry in _THREADS.iterdir()}
