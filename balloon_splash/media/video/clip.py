"""Which part of a video is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, TypeVar

from balloon_splash.errors import UsageError

T = TypeVar("T")


@dataclass(frozen=True)
class Timed(Generic[T]):
    """Something shown from ``time`` on for ``duration``, both in seconds and exact."""

    content: T
    time: Fraction
    duration: Fraction

    @property
    def end(self) -> Fraction:
        """When it is gone."""
        return self.time + self.duration


@dataclass(frozen=True)
class Clip:
    """Which part of a video is wanted.

    Attributes:
        start: seconds from the beginning of the video.
        end: seconds from the beginning of the video, None for its end. Frames are in or out by their middle, so
            that clips which meet share no frame and lose none.
        stride: keep every so manyth frame; they are shown for longer instead, so speed and length stay.
        max_frames: stop after so many kept frames.

    Raises:
        UsageError: a value out of range.
    """

    start: float = 0.0
    end: float | None = None
    stride: int = 1
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise UsageError(f"start is {self.start} s; expected 0 or more")
        if self.end is not None and self.end <= self.start:
            raise UsageError(f"end is {self.end} s; expected more than start, {self.start} s")
        if self.stride < 1:
            raise UsageError(f"stride is {self.stride}; expected 1 or more")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"max_frames is {self.max_frames}; expected 1 or more")

    @property
    def runs_to_the_end(self) -> bool:
        """Whether the video's own end is the clip's."""
        return self.end is None and self.max_frames is None

    def frame_count(self, seconds: Fraction | None, rate: Fraction) -> int | None:
        """How many frames to expect, roughly, of a video of such length; None if nothing tells."""
        if seconds is None:
            return self.max_frames
        end = seconds if self.end is None else min(Fraction(self.end), seconds)
        count = max(1, round((end - Fraction(self.start)) * rate / self.stride))
        return count if self.max_frames is None else min(count, self.max_frames)

    def pick(self, pictures: Iterable[Timed[T]]) -> Iterator[Timed[T]]:
        """Yield the wanted ones of ``pictures``, which come in order; each lasts until the next one kept."""
        kept: Timed[T] | None = None
        count = 0
        end = Fraction(0)
        for index, picture in enumerate(self._between(pictures)):
            if index % self.stride == 0:
                if kept is not None:
                    yield replace(kept, duration=picture.time - kept.time)
                if count == self.max_frames:
                    return
                kept = picture
                count += 1
            end = picture.end
        if kept is not None:
            yield replace(kept, duration=end - kept.time)

    def _between(self, pictures: Iterable[Timed[T]]) -> Iterator[Timed[T]]:
        for picture in pictures:
            middle = picture.time + picture.duration / 2  # no float is as exact as a picture's beginning
            if self.end is not None and middle >= self.end:
                return
            if middle >= self.start:
                yield picture
