"""One thread that owns the model, and forms batches of what several requests ask at the same time."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.errors import UsageError
from balloon_splash.splasher.finder import BoxFinder, Finder

MOST = 4
"""Pictures that the model gets at once."""

Image = npt.NDArray[np.uint8]
Watch = Callable[[int], object]


@dataclass
class _Asked:
    """Pictures of one request, or one picture with boxes, and the answer to come."""

    images: Sequence[Image]
    boxes: npt.NDArray[np.float32] | None = None
    answer: Future[Any] = field(default_factory=Future)


class ModelQueue:
    """A :class:`~balloon_splash.splasher.finder.BoxFinder` that any thread may ask; the model runs in one alone.

    Args:
        finder: the model.
        watch: told how many pictures the model gets, each time.
    """

    def __init__(self, finder: Finder, watch: Watch = lambda count: None) -> None:
        self._finder, self._watch = finder, watch
        self._asked: queue.SimpleQueue[_Asked | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="model", daemon=True)
        self._thread.start()

    @property
    def class_names(self) -> Sequence[str]:
        """Names of all classes that can be found."""
        return self._finder.class_names

    @property
    def alive(self) -> bool:
        """Return whether the model can be asked."""
        return self._thread.is_alive()

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """See :class:`~balloon_splash.splasher.finder.Finder`; waits for the answer."""
        return self._ask(_Asked(images))

    def segment(self, image: Image, boxes: npt.NDArray[np.float32]) -> Detections:
        """See :class:`~balloon_splash.splasher.finder.BoxFinder`; waits for the answer."""
        return self._ask(_Asked([image], boxes))

    def close(self) -> None:
        """End the thread after what was asked so far."""
        self._asked.put(None)
        self._thread.join()

    def _ask(self, asked: _Asked) -> Any:
        self._asked.put(asked)
        return asked.answer.result()

    def _run(self) -> None:
        pending: deque[_Asked | None] = deque()
        while True:
            pending.extend(self._waiting(block=not pending))
            batch = _batch(pending)
            if batch is None:
                return
            self._answer(batch, self._detect if batch[0].boxes is None else self._segment)

    def _waiting(self, *, block: bool) -> Iterator[_Asked | None]:
        """Yield what has been asked meanwhile; wait for one where ``block`` says so."""
        if block:
            yield self._asked.get()
        with contextlib.suppress(queue.Empty):
            while True:
                yield self._asked.get_nowait()

    def _answer(self, batch: Sequence[_Asked], ask: Callable[[Sequence[_Asked]], list[Any]]) -> None:
        """Answer a batch; where it fails, each request by itself, so that one does not take the others with it."""
        try:
            results = ask(batch)
        except BaseException as error:
            if len(batch) == 1:
                batch[0].answer.set_exception(error)
                return
            for each in batch:
                self._answer([each], ask)
            return
        for each, result in zip(batch, results, strict=True):
            each.answer.set_result(result)

    def _detect(self, batch: Sequence[_Asked]) -> list[Any]:
        images = [image for each in batch for image in each.images]
        self._watch(len(images))
        found = iter(self._finder.detect(images))
        return [[next(found) for _ in each.images] for each in batch]

    def _segment(self, batch: Sequence[_Asked]) -> list[Any]:
        (asked,) = batch
        if not isinstance(self._finder, BoxFinder):
            raise UsageError(f"--add-box with {type(self._finder).__name__}; expected a model that can draw in boxes")
        assert asked.boxes is not None
        self._watch(1)
        return [self._finder.segment(asked.images[0], asked.boxes)]


def _batch(pending: deque[_Asked | None]) -> list[_Asked] | None:
    """Take the first of those that wait, and those behind it that join it; None at the end."""
    first = pending.popleft()
    if first is None:
        return None
    batch, count = [first], len(first.images)
    while first.boxes is None and pending:
        following = pending[0]
        if following is None or following.boxes is not None or count + len(following.images) > MOST:
            break
        batch.append(following)
        count += len(following.images)
        pending.popleft()
    return batch
