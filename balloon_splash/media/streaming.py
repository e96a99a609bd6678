"""A pipeline whose steps overlap: one thread a step, bounded queues between them.

Threads are enough here: PyAV, OpenCV, NumPy and torch let go of Python's global lock while they work.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

Stage: TypeAlias = Callable[[Iterator[Any]], Iterator[Any]]
"""A generator function: what comes in, one after the other, to what goes out (not necessarily one for one)."""

_END = object()
_POLL_SECONDS = 0.1  # how soon a waiting thread notices that its neighbour has gone


class _ClosedError(Exception):
    """The other end of a channel has gone."""


class _Channel:
    """A bounded queue that either end can close."""

    def __init__(self, size: int) -> None:
        self._items: queue.Queue[Any] = queue.Queue(size)
        self._closed = threading.Event()

    def close(self) -> None:
        self._closed.set()

    def put(self, item: Any) -> None:
        while not self._closed.is_set():
            try:
                return self._items.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
        raise _ClosedError

    def __iter__(self) -> Iterator[Any]:
        while not self._closed.is_set():
            try:
                item = self._items.get(timeout=_POLL_SECONDS)
            except queue.Empty:
                continue
            if item is _END:
                return
            yield item
        raise _ClosedError


def run_pipeline(
    source: Iterable[Any], stages: Sequence[Stage], sink: Callable[[Any], object], *, queue_size: int = 4
) -> None:
    """Send everything from ``source`` through ``stages`` into ``sink``, all of them at work at the same time.

    No more than ``queue_size`` items wait between two steps, so memory does not grow with the length of the source.
    The first exception, wherever it is raised, stops all steps and is raised here; so does an exception in the
    calling thread (``KeyboardInterrupt``), which never strikes inside a step. Whichever way it ends, every thread
    has ended, and the generators are closed, when this returns.

    Args:
        source: what to process; iterated in a thread of its own.
        stages: generator functions, from iterator to iterator.
        sink: called with each result, in order, always in the same thread (not the calling one).
        queue_size: items that may wait between two steps.
    """
    channels = [_Channel(queue_size) for _ in range(len(stages) + 1)]
    failures: list[BaseException] = []
    ended = threading.Semaphore(0)

    def drain(item: Any) -> None:
        if item is not _END:
            sink(item)

    def work(items: Iterable[Any], deliver: Callable[[Any], None], inlet: _Channel | None) -> None:
        try:
            for item in items:
                deliver(item)
            deliver(_END)
        except _ClosedError:
            pass
        except BaseException as error:  # not swallowed: raised again in the calling thread
            failures.append(error)
            _close(channels)
        finally:
            if isinstance(items, Generator):
                items.close()
            if inlet is not None:
                inlet.close()  # a step that needs no more sends those before it home
            ended.release()

    inputs = [source, *(stage(iter(channel)) for stage, channel in zip(stages, channels, strict=False)), channels[-1]]
    outputs = [*(channel.put for channel in channels), drain]
    inlets = [None, *channels]
    threads = [threading.Thread(target=work, args=step) for step in zip(inputs, outputs, inlets, strict=True)]
    try:
        for thread in threads:
            thread.start()
        # Not join(): interrupted by Ctrl-C, it takes a running thread for one that has ended (CPython issue 90882).
        for _ in threads:
            while not ended.acquire(timeout=_POLL_SECONDS):
                pass  # a wait without an end cannot be interrupted on every system
    finally:
        _close(channels)
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    if failures:
        raise failures[0]


def _close(channels: Iterable[_Channel]) -> None:
    for channel in channels:
        channel.close()
