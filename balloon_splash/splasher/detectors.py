"""Where the objects of photos and videos come from: a model, or the file of an earlier run."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Protocol

from balloon_splash.errors import MediaError
from balloon_splash.media.inputs import Source
from balloon_splash.media.picture import Picture
from balloon_splash.media.video.frames import Frame
from balloon_splash.splash.detections import Detections
from balloon_splash.splasher.detection_files import Record, read_detections
from balloon_splash.splasher.finder import Finder, Found, FrugalFinder
from balloon_splash.splasher.video_stream import Segment


class Detector(Protocol):
    """Finds the objects of photos and videos."""

    def photos(self, sources: Sequence[Source], pictures: Sequence[Picture]) -> list[Found]:
        """The objects in each of a batch of photos."""

    def video(self, source: Source) -> Segment:
        """What finds the objects in frames of one video.

        Raises (when called with frames):
            MediaError: they are not known.
        """


class ModelDetector:
    """Runs a model, in smaller batches where memory does not suffice.

    Args:
        finder: the model.
        record: gets everything that is found, frames by the names of :func:`frame_name`; None keeps no record.
        tell: takes one line when batches become smaller.
    """

    def __init__(
        self, finder: Finder, record: Record | None = None, tell: Callable[[str], object] = warnings.warn
    ) -> None:
        self._finder = FrugalFinder(finder, tell)
        self._record = record

    def photos(self, sources: Sequence[Source], pictures: Sequence[Picture]) -> list[Found]:
        """See :class:`Detector`."""
        found = self._finder.detect_each([picture.rgb8 for picture in pictures])
        for index, (source, detections) in enumerate(zip(sources, found, strict=True)):
            if not isinstance(detections, Detections):
                found[index] = MediaError(f"{source.name}: {detections}")
            elif self._record is not None:
                self._record(source.name, detections)
        return found

    def video(self, source: Source) -> Segment:
        """See :class:`Detector`."""

        def segment(frames: Sequence[Frame]) -> list[Detections]:
            found = self._finder.detect([frame.rgb for frame in frames])
            if self._record is not None:
                for frame, detections in zip(frames, found, strict=True):
                    self._record(frame_name(source.name, frame.source_time), detections)
            return found

        return segment


class RecordedDetector:
    """Looks up what an earlier run found.

    Pictures are known by the name they were recorded under or, failing that, by their file name alone, where only one
    picture of the record has it. Frames are known by their time in the video, so any part of what was recorded can be
    read, also with a larger stride.

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

    def video(self, source: Source) -> Segment:
        """See :class:`Detector`."""

        def segment(frames: Sequence[Frame]) -> list[Detections]:
            return [
                self._look_up(
                    frame_name(source.name, frame.source_time),
                    frame_name(source.relative.name, frame.source_time),
                    (frame.rgb.shape[0], frame.rgb.shape[1]),
                )
                for frame in frames
            ]

        return segment

    def _look_up(self, name: str, file_name: str, size: tuple[int, int]) -> Detections:
        detections = self._found.get(name, self._by_file_name.get(file_name))
        if detections is None:
            hint = "; expected a record of every frame that is asked for" if "#" in name else ""
            raise MediaError(f"{self._path}: nothing is recorded of {name}{hint}")
        if detections.size != size:
            raise MediaError(f"{self._path}: {name} is recorded as {detections.size}, found {size} (rows, columns)")
        return detections


def frame_name(video: str, time: Fraction) -> str:
    """What a frame is called in records: the file, and its time in the video in the manner of W3C's media fragments.

    Args:
        video: the file.
        time: seconds since the beginning of the video.
    """
    return f"{video}#t={float(time):.6f}"
