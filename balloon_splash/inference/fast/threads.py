"""Threads for several photos at a time, each on its share of the processor's cores.

Much of a two-stage model cannot use more than one core: choosing proposals, pooling, pasting. Two photos on one core
each are faster than one after the other on two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST = 4
"""Most workers: each holds the activations of a photo."""


@dataclass(frozen=True)
class Share:
    """A worker's share of the processor.

    Attributes:
        workers: number of workers side by side.
        threads: threads for the computations of each.
    """

    workers: int
    threads: int


_share: ContextVar[Share | None] = ContextVar("share", default=None)


def current_share() -> Share:
    """Return the share of the calling thread: all, unless it is one of several workers."""
    return _share.get() or Share(1, torch.get_num_threads())


class SideBySide:
    """Pool of a few threads, each of which computes on its share of torch's threads."""

    def __init__(self) -> None:
        """Divide torch's current threads."""
        self._threads = torch.get_num_threads()
        workers = min(self._threads, MOST)
        self._share = Share(workers, self._threads // workers)
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="model", initializer=self._take_share)

    @property
    def workers(self) -> int:
        """Number of photos processed at a time."""
        return self._share.workers

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Map ``function`` over the items, in order; raise the first error."""
        if len(items) == 1 or self.workers == 1:
            return [function(item) for item in items]
        try:
            return list(self._pool.map(function, items))
        finally:
            # A worker's number also becomes that of all later threads.
            torch.set_num_threads(self._threads)

    def _take_share(self) -> None:
        torch.set_num_threads(self._share.threads)
        _share.set(self._share)
