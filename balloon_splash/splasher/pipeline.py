"""Pipeline whose steps overlap: one thread per step, bounded queues between them.

Threads are enough here: PyAV, OpenCV, NumPy and torch release Python's global lock while they work.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

Stage: TypeAlias = Callable[[Iterator[Any]], Iterator[Any]]
"""Generator function from incoming items to outgoing ones (not necessarily one for one)."""

_END = object()
_POLL_SECONDS = 0.1  # how soon a waiting thread notices that its neighbour has gone


class _ClosedError(Exception):
    """The other end of a channel is closed."""


class _Channel:
    """Bounded queue that either end can close."""

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


class _Step(threading.Thread):
    """Step that moves items from an iterator to a receiver until either end stops or something fails.

    Args:
        items: the items to move.
        deliver: function that takes each item, and ``_END`` after the last.
        inlet: the channel of ``items``, None for the source.
        on_end: function called when the step is over, with its exception or None.
    """

    def __init__(
        self,
        items: Iterable[Any],
        deliver: Callable[[Any], object],
        inlet: _Channel | None,
        on_end: Callable[[BaseException | None], object],
    ) -> None:
        super().__init__()
        self._items = items
        self._deliver = deliver
        self._inlet = inlet
        self._on_end = on_end

    def run(self) -> None:
        failure: BaseException | None = None
        try:
            for item in self._items:
                self._deliver(item)
            self._deliver(_END)
        except _ClosedError:
            pass
        except BaseException as error:  # not swallowed: raised again in the calling thread
            failure = error
        if isinstance(self._items, Generator):
            self._items.close()
        if self._inlet is not None:
            self._inlet.close()  # a step that needs no more items stops those before it
        self._on_end(failure)


def run_pipeline(
    source: Iterable[Any],
    stages: Sequence[Stage],
    sink: Callable[[Any], object],
    *,
    here: int | None = None,
    queue_size: int = 4,
) -> None:
    """Send everything from ``source`` through ``stages`` into ``sink``, all of them running at the same time.

    No more than ``queue_size`` items wait between two steps, so memory does not grow with the length of the source.
    The first exception, wherever it is raised, stops all steps and is raised here; so does ``KeyboardInterrupt``, which
    hits the calling thread: in the step that runs there, or in none. Whichever way it ends, all threads have ended and
    all generators are closed when this returns.

    Args:
        source: the items to process; iterated in its own thread.
        stages: generator functions, from iterator to iterator.
        sink: function called with each result, in order, always in the same thread (not the calling one).
        here: the stage that the calling thread runs itself, counted from 0: one that takes long for a single item, for
            which Ctrl-C would have to wait in another thread. None makes the calling thread wait.
        queue_size: items that may wait between two steps.
    """
    channels = [_Channel(queue_size) for _ in range(len(stages) + 1)]
    failures: list[BaseException] = []
    ended = threading.Semaphore(0)

    def on_end(failure: BaseException | None) -> None:
        if failure is not None:
            failures.append(failure)
            _close(channels)
        ended.release()

    def drain(item: Any) -> None:
        if item is not _END:
            sink(item)

    inputs = [source, *(stage(iter(channel)) for stage, channel in zip(stages, channels, strict=False)), channels[-1]]
    outputs = [*(channel.put for channel in channels), drain]
    steps = [_Step(*ends, on_end) for ends in zip(inputs, outputs, [None, *channels], strict=True)]
    own = None if here is None else steps[here + 1]
    try:
        for step in steps:
            if step is not own:
                step.start()
        if own is not None:
            own.run()
        # Not join(): interrupted by Ctrl-C, it takes a running thread for one that has ended (CPython issue 90882).
        for _ in steps:
            while not ended.acquire(timeout=_POLL_SECONDS):
                pass  # a wait without an end cannot be interrupted on every system
    finally:
        _close(channels)
        for step in steps:
            if step.ident is not None:
                step.join()
    if failures:
        raise failures[0]


def _close(channels: Iterable[_Channel]) -> None:
    for channel in channels:
        channel.close()
