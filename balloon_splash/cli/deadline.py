"""Deadline for an interrupted command, which ends even where Python does not get to handle the signal."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator

from balloon_splash.cli.common import EXIT_INTERRUPTED

TWICE_SECONDS = 0.5
"""Seconds within which two signals count as one: ``timeout`` sends each to a process, and then to its group."""

_LOOK_SECONDS = 0.1
_ENDING = {getattr(signal, name).value for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


@contextlib.contextmanager
def ended_in_time(seconds: float = 7.0, *, patient: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Give the block ``seconds`` to end after SIGINT or SIGTERM; then end the process, and those it started, at once.

    Python handles a signal between two operations of its main thread, and the backward pass of a large model on a CPU
    is one operation that takes a minute. Nothing is lost: files appear whole or not at all.

    Args:
        seconds: time that the block gets; one second after a second SIGINT.
        patient: whether to wait for the block after SIGINT all the same: a person may press Ctrl-C again.
    """
    if threading.current_thread() is not threading.main_thread():  # only the main thread receives signals
        yield
        return
    heard, told = socket.socketpair()
    told.setblocking(False)
    over = threading.Event()
    before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    _in_use.add(told.fileno())
    watch = threading.Thread(target=_watch, args=(heard, over, seconds, patient), daemon=True)
    watch.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        _in_use.discard(told.fileno())
        over.set()
        told.send(b"\0")  # closing would not wake the thread while a child holds a copy of the socket
        watch.join()
        told.close()
        heard.close()


#: Sockets that receive signals; a forked process must not send its own there.
_in_use: set[int] = set()


def _deafen_child() -> None:
    if _in_use:
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_deafen_child)


def _watch(heard: socket.socket, over: threading.Event, seconds: float, patient: Callable[[], bool]) -> None:
    received: list[tuple[float, int]] = []
    while not over.is_set():
        heard.settimeout(_LOOK_SECONDS if received else None)
        with contextlib.suppress(TimeoutError):
            received += [(time.monotonic(), number) for number in heard.recv(64) if number in _ENDING]
        if not received:
            continue
        first, last = received[0][0], received[-1][0]
        by_hand = all(number == signal.SIGINT for _, number in received)
        if by_hand and last - first >= TWICE_SECONDS:
            late = time.monotonic() > last + 1.0
        else:
            late = time.monotonic() > first + seconds and not (by_hand and patient())
        if late and not over.is_set():
            print("interrupted; still busy, ended", file=sys.stderr, flush=True)
            for child in multiprocessing.active_children():
                child.kill()
            os._exit(EXIT_INTERRUPTED)
