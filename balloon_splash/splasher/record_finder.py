"""Finder without a model, which looks up the objects that an earlier run recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

from balloon_splash.compositing.detections import Detections
from balloon_splash.errors import MediaError
from balloon_splash.splasher.detection_files import Record, read_detections
from balloon_splash.splasher.finder import Found, NamedImage

NAMED = 3
"""Pictures of a record that an error names."""


class RecordFinder:
    """Finder that looks up the objects of pictures and frames in a record.

    A picture is known by the name under which it was recorded or, failing that, by its file name alone where only one
    picture of the record has it. A frame is known by its time in the video (:func:`frame_name`), so any part of a
    recorded video can be splashed again, even with a larger stride.

    Attributes:
        lowest: the lowest score of an object in the record, 1 if it has none.

    Args:
        path: a file written by :func:`~balloon_splash.splasher.detection_files.recording`.

    Raises:
        MediaError: the record cannot be read.
    """

    record: Record | None = None

    def __init__(self, path: str) -> None:
        self._path = path
        self._found = read_detections(path)
        scores = [float(detections.scores.min()) for detections in self._found.values() if len(detections)]
        self.lowest = min(scores, default=1.0)
        counts = Counter(Path(name).name for name in self._found)
        self._by_file_name = {
            Path(name).name: detections for name, detections in self._found.items() if counts[Path(name).name] == 1
        }

    def find(self, images: Sequence[NamedImage]) -> list[Found]:
        """See :class:`~balloon_splash.splasher.finder.NamedFinder`."""
        return [self._look_up(image) for image in images]

    def _names(self) -> str:
        names = list(self._found)
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        return f"{', '.join(names[:NAMED]) or 'no picture'}{more}"

    def _look_up(self, image: NamedImage) -> Found:
        detections: Detections | None = self._found.get(image.name, self._by_file_name.get(image.file_name))
        if detections is None:
            hint = "expected a record of every requested frame" if "#" in image.name else f"it holds {self._names()}"
            return MediaError(f"{self._path}: no record of {image.name}; {hint}")
        size = image.rgb.shape[:2]
        if detections.size != size:
            return MediaError(
                f"{self._path}: {image.name} is recorded as {detections.size}, found {size} (rows, columns)"
            )
        return detections


def frame_name(video: str, time: Fraction) -> str:
    """Name a frame in records: the file, and the time in the video in the manner of W3C's media fragments.

    Args:
        video: the file.
        time: seconds since the beginning of the video.
    """
    return f"{video}#t={float(time):.6f}"
