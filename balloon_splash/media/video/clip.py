"""Part of a video to read."""

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
        """Time at which it ends."""
        return self.time + self.duration


@dataclass(frozen=True)
class Clip:
    """Part of a video to read.

    Attributes:
        start: seconds from the beginning of the video.
        end: seconds from the beginning of the video, None for its end. The middle of a frame decides whether it is in,
            so that adjoining clips neither share nor lose a frame.
        stride: keep every Nth frame, shown for longer, so that speed and length stay.
        max_frames: number of kept frames after which to stop.

    Raises:
        UsageError: a value out of range.
    """

    start: float = 0.0
    end: float | None = None
    stride: int = 1
    max_frames: int | None = None

    def __post_init__(self) -> None:
        if self.start < 0:
            raise UsageError(f"start is {self.start:g} s; expected 0 or more (--start)")
        if self.end is not None and self.end <= self.start:
            raise UsageError(f"end is {self.end:g} s; expected more than start, {self.start:g} s (--start, --end)")
        if self.stride < 1:
            raise UsageError(f"stride is {self.stride}; expected 1 or more")
        if self.max_frames is not None and self.max_frames < 1:
            raise UsageError(f"max_frames is {self.max_frames}; expected 1 or more")

    @property
    def runs_to_the_end(self) -> bool:
        """True if the video's own end is the clip's."""
        return self.end is None and self.max_frames is None

    def frame_count(self, seconds: Fraction | None, rate: Fraction) -> int | None:
        """Return the approximate number of frames to expect of a video of such length; None if unknown."""
        if seconds is None:
            return self.max_frames
        end = seconds if self.end is None else min(Fraction(self.end), seconds)
        count = max(1, round((end - Fraction(self.start)) * rate / self.stride))
        return count if self.max_frames is None else min(count, self.max_frames)

    def pick(self, pictures: Iterable[Timed[T]]) -> Iterator[Timed[T]]:
        """Yield the pictures in the clip, which come in order; each lasts until the next one kept."""
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
            middle = picture.time + picture.duration / 2  # a float is less exact than a picture's beginning
            if self.end is not None and middle >= self.end:
                return
            if middle >= self.start:
                yield picture
