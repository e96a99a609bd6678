"""Key frames, the frames of a video that a model sees; between them, optical flow carries what it found.

Key frames are the first and the last frame of each scene, every Nth frame, and one earlier where too little of the
picture can be traced to the last one. Where two of them disagree (only one has an object, a mask does not arrive where
it was found, the flow of an object contradicts itself on the way) the model also looks half way, and so on until they
agree or are close. An object thus appears, leaves or is hidden where the model saw it. Where no object is sure, but one
nearly, the model looks half way, too: the fewer looks, the fewer of them find an object sure.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import chain, islice, pairwise
from typing import Generic, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.arrays import Image
from balloon_splash.compositing.carry import Bridge
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.flow import Flow, Small, flow_between, shrink
from balloon_splash.compositing.smoothing import scene_changes

LEAST_TRACED = 0.5
"""Least share of the picture traced to the last key frame; with less, the frame becomes a key frame."""

LEAST_EXPLAINED, LEAST_TRUST = 0.75, 0.1
"""Of a :class:`~balloon_splash.compositing.carry.Bridge`; with less, the model looks between its key frames."""

CLOSE = 3
"""Largest distance, in frames, of key frames that are close: between them the model looks only where each has an object
that the other lacks, one that moved too fast for flow."""

USUAL_INTERVAL = 8
"""Default number of frames from one key frame to the next; docs/benchmarks.md has the figures."""

CONTINUING = 0.5
"""Share of the lowest score that continues an object from one key frame to the next, though it could not begin one.

The idea is that of ByteTrack (Zhang et al., ECCV 2022). Where the model sees every frame, it finds such an object again
soon enough.
"""

LONGEST_INTERVAL = 60
"""Most frames from one key frame to the next: all of them wait in memory."""

HELD_FRAMES = 24
"""Most frames that wait for the model at once, unless a single interval is longer."""


class TimedPicture(Protocol):
    """A frame of a video."""

    @property
    def rgb(self) -> Image:
        """``(H, W, 3)``."""

    @property
    def time(self) -> Fraction:
        """Seconds since the beginning."""


F = TypeVar("F", bound=TimedPicture)

Undecided: TypeAlias = Callable[[Sequence[Detections]], bool]
"""Function from the objects of two key frames to whether one more look could decide about one of them."""


@dataclass(frozen=True)
class Step(Generic[F]):
    """A frame, with the flow from the one before.

    Attributes:
        frame: the frame.
        flow: from the frame before; None where a scene begins, where every frame is a key frame, and once it was used.
        begins_scene: whether it is the first one, or the first one after a cut.
        is_key: whether the model looks at it.
    """

    frame: F
    flow: Flow | None
    begins_scene: bool
    is_key: bool


def steps_of(frames: Iterable[F], every: int) -> Iterator[Step[F]]:
    """Give each frame its flow, and choose all key frames except the last of each scene, which cannot be foreseen.

    Args:
        frames: one after the other, all of one size.
        every: frames from one key frame to the next, at most.
    """
    before: Small | None = None
    traced: npt.NDArray[np.float32] | None = None
    since = 0
    for frame in frames:
        small = (
            shrink(frame.rgb) if every > 1 or frame.rgb.dtype != np.uint8 else frame.rgb.astype(np.uint8, copy=False)
        )
        begins_scene = before is None or scene_changes(before, small)
        flow = None
        if begins_scene or before is None:
            traced = None
        elif every > 1:
            flow = flow_between(before, small, (frame.rgb.shape[0], frame.rgb.shape[1]))
            trust = flow.backward[..., 2]
            traced = trust if traced is None else flow.origin(traced) * trust
        since += 1
        is_key = traced is None or since >= every or float(traced.mean()) < LEAST_TRACED
        if is_key:
            since, traced = 0, None
        yield Step(frame, flow, begins_scene, is_key)
        before = small


def find_between(
    steps: Iterator[Step[F]],
    detect: Callable[[Sequence[F]], list[Detections]],
    *,
    every: int,
    batch_size: int,
    undecided: Undecided = lambda found: False,
) -> Iterator[tuple[Step[F], Detections]]:
    """Yield the objects of each frame: found by ``detect`` in key frames, carried from either side in the others.

    Args:
        steps: as :func:`steps_of` gives them.
        detect: the model.
        every: frames from one key frame to the next, at most.
        batch_size: frames that ``detect`` gets at once, at most.
        undecided: where this holds for two key frames that are not close, the model also looks half way.

    Yields:
        each step, with its final ``is_key`` and without its flow, and the objects in it.
    """
    looks_at_once = batch_size if every == 1 else max(min(batch_size, HELD_FRAMES // every), 1)
    whole = _with_ends(steps)
    model = _Model(detect, batch_size, undecided)
    last: list[Step[F]] = []
    seen: dict[int, Detections] = {}
    while found := _found(last, list(_until(whole, looks_at_once)), seen, model):
        last, seen = [found[-1][0]], {0: found[-1][1]}
        while found:  # what has been given away is not held: a frame of 1080p has 6 MB
            yield found.popleft()


@dataclass(frozen=True)
class _Model(Generic[F]):
    """Finder of objects, and the rule by which it is asked once more.

    Attributes:
        detect: the model.
        batch_size: frames that it gets at once, at most.
        undecided: see :func:`find_between`.
    """

    detect: Callable[[Sequence[F]], list[Detections]]
    batch_size: int
    undecided: Undecided


def _found(
    last: list[Step[F]], steps: list[Step[F]], seen: dict[int, Detections], model: _Model[F]
) -> deque[tuple[Step[F], Detections]]:
    """Return ``steps`` with their objects; ``last`` is the key frame before them, which was already ``seen``."""
    window = _Window([*last, *steps], seen, model)
    window.look([index for index, step in enumerate(window.steps) if step.is_key and index not in seen])
    pairs = enumerate(zip(window.steps, window.fill(), strict=True))
    done = ((replace(step, flow=None, is_key=index in window.seen), found) for index, (step, found) in pairs)
    return deque(islice(done, len(last), None))


class _Window(Generic[F]):
    """Steps from a key frame to a later one.

    Args:
        steps: the steps.
        seen: the objects of the steps that the model has already seen, by index; receives those of the others.
        model: the model.
    """

    def __init__(self, steps: list[Step[F]], seen: dict[int, Detections], model: _Model[F]) -> None:
        self.steps, self.seen, self._model = steps, seen, model

    def look(self, indices: Sequence[int]) -> None:
        """Run the model on some of the steps."""
        size = self._model.batch_size
        for start in range(0, len(indices), size):
            batch = indices[start : start + size]
            self.seen.update(zip(batch, self._model.detect([self.steps[index].frame for index in batch]), strict=True))

    def fill(self) -> list[Detections]:
        """Return the objects of every step; where key frames disagree or leave it open, run the model between first."""
        carried: dict[int, Detections] = {}
        gaps = self._gaps()
        while gaps:
            middles = set()
            for first, last in gaps:
                bridge = self._bridge(first, last)
                if _is_doubtful(bridge, last - first) or self._is_undecided(first, last):
                    middles.add((first + last) // 2)
                else:
                    between = bridge.between(_times(self.steps[first : last + 1]))
                    carried.update(zip(range(first + 1, last), between, strict=True))
            self.look(sorted(middles))
            gaps = [gap for gap in self._gaps() if not middles.isdisjoint(gap)]
        return [self.seen[index] if index in self.seen else carried[index] for index in range(len(self.steps))]

    def _gaps(self) -> list[tuple[int, int]]:
        """Return neighbouring key frames with frames between them."""
        return [(first, last) for first, last in pairwise(sorted(self.seen)) if last - first > 1]

    def _is_undecided(self, first: int, last: int) -> bool:
        return last - first > CLOSE and self._model.undecided([self.seen[first], self.seen[last]])

    def _bridge(self, first: int, last: int) -> Bridge:
        flows = [step.flow for step in self.steps[first + 1 : last + 1] if step.flow is not None]
        return Bridge(self.seen[first], self.seen[last], flows)


def _with_ends(steps: Iterator[Step[F]]) -> Iterator[Step[F]]:
    """Yield all steps; the last one before a cut, and of all, is a key frame, too."""
    for step, after in pairwise(chain(steps, [None])):
        if step is not None:
            yield replace(step, is_key=step.is_key or after is None or after.begins_scene)


def _until(steps: Iterator[Step[F]], key_frames: int) -> Iterator[Step[F]]:
    """Yield steps up to and including the one that is the last of so many key frames."""
    while key_frames and (step := next(steps, None)) is not None:
        key_frames -= step.is_key
        yield step


def _is_doubtful(bridge: Bridge, frames: int) -> bool:
    torn = max(bridge.explained) < LEAST_EXPLAINED
    return torn or (frames > CLOSE and (min(bridge.explained) < LEAST_EXPLAINED or bridge.trust < LEAST_TRUST))


def _times(steps: Sequence[Step[F]]) -> list[float]:
    """Return the relative times of the frames between the first (0) and the last (1)."""
    begin, end = steps[0].frame.time, steps[-1].frame.time
    return [float((step.frame.time - begin) / (end - begin)) for step in steps[1:-1]]
