"""Where the objects of photos and videos come from: a model, or the file of an earlier run."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from balloon_splash.errors import BalloonSplashError, MediaError
from balloon_splash.media.inputs import Source
from balloon_splash.media.picture import Picture
from balloon_splash.media.video.clip import Clip
from balloon_splash.splash.detections import Detections
from balloon_splash.splasher.detection_files import Record, read_detections
from balloon_splash.splasher.splasher import Finder
from balloon_splash.splasher.video import Pixels, Segment

Found: TypeAlias = "Detections | BalloonSplashError"
"""The objects in one photo, or why they are not known."""


class Detector(Protocol):
    """Finds the objects of photos and videos."""

    def photos(self, sources: Sequence[Source], pictures: Sequence[Picture]) -> list[Found]:
        """The objects in each of a batch of photos."""

    def video(self, source: Source, clip: Clip) -> Segment:
        """What finds the objects in the frames of a part of one video, which must come in order.

        Raises (when called with frames):
            MediaError: they are not known.
        """


@dataclass(frozen=True)
class ModelDetector:
    """Runs a model.

    Attributes:
        finder: the model.
        record: gets everything that is found, frames by the names of :func:`frame_name`; None keeps no record.
    """

    finder: Finder
    record: Record | None = None

    def photos(self, sources: Sequence[Source], pictures: Sequence[Picture]) -> list[Found]:
        """See :class:`Detector`."""
        found = self.finder.detect([picture.rgb8 for picture in pictures])
        if self.record is not None:
            for source, detections in zip(sources, found, strict=True):
                self.record(source.name, detections)
        return list(found)

    def video(self, source: Source, clip: Clip) -> Segment:
        """See :class:`Detector`."""
        record = self.record
        if record is None:
            return self.finder.detect
        numbers = itertools.count(step=clip.stride)

        def segment(frames: Sequence[Pixels]) -> list[Detections]:
            found = self.finder.detect(frames)
            for detections in found:
                record(frame_name(source.name, next(numbers), clip.start), detections)
            return found

        return segment


class RecordedDetector:
    """Looks up what an earlier run found.

    Pictures are known by the name they were recorded under or, failing that, by their file name alone, where only one
    picture of the record has it. A video may be read with a larger stride than it was recorded with, but from the
    same start on: where a frame stands behind another start, its name does not tell.

    Args:
        path: a file as :func:`~balloon_splash.splasher.detection_files.recording` writes it.

    Raises:
        MediaError: it cannot be read.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._found = read_detections(path)
        counts = Counter(Path(name).name for name in self._found)
        self._by_file_name = {
            Path(name).name: detections for name, detections in self._found.items() if counts[Path(name).name] == 1
        }

    def photos(self, sources: Sequence[Source], pictures: Sequence[Picture]) -> list[Found]:
        """See :class:`Detector`."""
        found: list[Found] = []
        for source, picture in zip(sources, pictures, strict=True):
            try:
                found.append(self._look_up(source.name, source.relative.name, picture.size))
            except MediaError as error:
                found.append(error)
        return found

    def video(self, source: Source, clip: Clip) -> Segment:
        """See :class:`Detector`."""
        numbers = itertools.count(step=clip.stride)

        def segment(frames: Sequence[Pixels]) -> list[Detections]:
            return [
                self._look_up(
                    frame_name(source.name, number, clip.start),
                    frame_name(source.relative.name, number, clip.start),
                    (frame.shape[0], frame.shape[1]),
                )
                for frame, number in zip(frames, numbers, strict=False)
            ]

        return segment

    def _look_up(self, name: str, file_name: str, size: tuple[int, int]) -> Detections:
        detections = self._found.get(name, self._by_file_name.get(file_name))
        if detections is None:
            hint = "; expected a record with the same --start, and every frame that is asked for" if "#" in name else ""
            raise MediaError(f"{self._path}: nothing is recorded of {name}{hint}")
        if detections.size != size:
            raise MediaError(f"{self._path}: {name} is recorded as {detections.size}, found {size} (rows, columns)")
        return detections


def frame_name(video: str, number: int, start: float = 0.0) -> str:
    """What a frame is called in records.

    Args:
        video: the file.
        number: of the frame, counted from 0 at ``start``.
        start: where in the video, in seconds, the part begins that is read.
    """
    return f"{video}#{f'{start}s+' if start else ''}{number:06d}"
