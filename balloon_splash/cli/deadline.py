"""An interrupted command ends, also where Python does not come to look at the signal."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator

from balloon_splash.cli.common import EXIT_INTERRUPTED

_ENDING = {getattr(signal, name).value for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)}


@contextlib.contextmanager
def ended_in_time(seconds: float = 7.0) -> Iterator[None]:
    """Give the block ``seconds`` to end after SIGINT or SIGTERM; then end the process, and those it started, at once.

    Python handles a signal between two operations of its main thread, and the backward pass of a large model on a CPU
    is one operation that takes a minute. Nothing is lost with it: files appear whole or not at all.
    """
    if threading.current_thread() is not threading.main_thread():  # only that one hears of signals
        yield
        return
    heard, told = socket.socketpair()
    told.setblocking(False)
    over = threading.Event()
    before = signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    _in_use.add(told.fileno())
    watch = threading.Thread(target=_watch, args=(heard, over, seconds), daemon=True)
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


#: The sockets that signals are told to; a process forked off must not tell its own signals there.
_in_use: set[int] = set()


def _deafen_child() -> None:
    if _in_use:
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_deafen_child)


def _watch(heard: socket.socket, over: threading.Event, seconds: float) -> None:
    while not over.is_set():
        numbers = heard.recv(64)
        if not _ENDING.isdisjoint(numbers) and not over.wait(seconds):
            print(f"interrupted; still busy after {seconds:.0f} seconds, ended", file=sys.stderr, flush=True)
            for child in multiprocessing.active_children():
                child.kill()
            os._exit(EXIT_INTERRUPTED)
