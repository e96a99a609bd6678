"""Finders: models or records that find the objects in pictures, by name where needed, within the memory available."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.errors import BalloonSplashError, MediaError, WeightsError
from balloon_splash.splasher.detection_files import Record

Found: TypeAlias = "Detections | BalloonSplashError"
"""Objects in one picture, or why they are not known."""

_INSUFFICIENT_MEMORY = -4  # OpenCV's error code
_SAID_OF_MEMORY = ("out of memory", "not enough memory", "allocate memory", "bad_alloc", "could not create a memory")


@runtime_checkable
class Finder(Protocol):
    """Model that finds objects in pictures: :class:`balloon_splash.runtime.finder.OpenVinoFinder`, or with torch
    :class:`balloon_splash.inference.segmenter.Segmenter`.
    """

    @property
    def class_names(self) -> Sequence[str]:
        """Names of all classes that can be found."""

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        """Find the objects in each of a batch of pictures.

        Args:
            images: ``(H, W, 3)`` RGB uint8 each, of any sizes.

        Returns:
            one :class:`Detections` per picture, best score first, boxes XYXY in pixels of the picture.
        """


@runtime_checkable
class BoxFinder(Finder, Protocol):
    """Finder that also draws the mask of an object in a given box."""

    def segment(self, image: npt.NDArray[np.uint8], boxes: npt.NDArray[np.float32]) -> Detections:
        """Segment one object per box, whether or not :meth:`detect` would have found it there.

        Args:
            image: ``(H, W, 3)`` RGB uint8.
            boxes: ``(N, 4)`` XYXY in pixels, inside the picture and not empty.

        Returns:
            detections in the order of ``boxes``: the refined box of each, its mask, the likeliest class, and its
            probability.
        """


class NamedImage(NamedTuple):
    """Picture, or frame of a video, with its names in records.

    Attributes:
        name: the user's name for it, unique in a run.
        file_name: the name without its folders.
        rgb: ``(H, W, 3)`` RGB uint8.
        video: name of the frame's video, whose first frame comes first; None for a photo.
        time: seconds since the beginning of that video.
    """

    name: str
    file_name: str
    rgb: npt.NDArray[np.uint8]
    video: str | None = None
    time: Fraction = Fraction(0)


AddObjects: TypeAlias = "Callable[[NamedImage, Detections], Detections]"
"""Function from a picture and its detections to these detections and more."""


class NamedFinder(Protocol):
    """Finder that knows pictures by name: a model that keeps a record, or the record itself."""

    @property
    def record(self) -> Record | None:
        """Function that receives the name and the objects of each picture; None where no record is kept."""

    def find(self, images: Sequence[NamedImage]) -> list[Found]:
        """Find the objects in each of a batch of pictures, or why they are not known."""


class ModelFinder:
    """Finder that runs a model, halves batches that do not fit into memory, and keeps to the smaller size from then on.

    Args:
        finder: the model.
        record: receives the name and the objects of each picture; None keeps no record.
        note: receives a message of one line when batches become smaller.
        add: function that adds objects to those of the model before they are recorded; None adds none.
    """

    def __init__(
        self,
        finder: Finder,
        record: Record | None = None,
        note: Callable[[str], object] = warnings.warn,
        *,
        add: AddObjects | None = None,
    ) -> None:
        self._finder = finder
        self.record = record
        self._note = note
        self._add = add
        self._most: int | None = None

    def find(self, images: Sequence[NamedImage]) -> list[Found]:
        """See :class:`NamedFinder`. A picture that does not fit into memory does not fail the others.

        Raises:
            WeightsError: the model finds objects with NaN or infinite numbers.
        """
        found: list[Found] = []
        while rest := images[len(found) :]:
            batch = rest[: self._most]
            detected = self._try([image.rgb for image in batch])
            if detected is not None:
                if self._add is not None:
                    detected = [self._add(image, each) for image, each in zip(batch, detected, strict=True)]
                found += detected
                self._keep(batch, detected)
            elif len(batch) == 1:
                found.append(_does_not_fit(batch[0]))
            else:
                self._most = len(batch) // 2
                self._note(f"out of memory: batches of {len(batch)} pictures become batches of {self._most}")
        return found

    def _try(self, batch: Sequence[npt.NDArray[np.uint8]]) -> list[Detections] | None:
        """Return the objects, or None if memory ran out; by then the attempt has released its own."""
        try:
            found = self._finder.detect(batch)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return None
        for detections in found:
            _check_numbers(detections)
        return found

    def _keep(self, images: Sequence[NamedImage], found: Sequence[Detections]) -> None:
        if self.record is not None:
            for image, detections in zip(images, found, strict=True):
                self.record(image.name, detections)


def detections_of(found: Sequence[Found]) -> list[Detections]:
    """Return the objects in each picture, for callers that need all of them.

    Raises:
        BalloonSplashError: the first error in ``found``.
    """
    detected: list[Detections] = []
    for each in found:
        if not isinstance(each, Detections):
            raise each
        detected.append(each)
    return detected


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python, NumPy, OpenCV or torch says that memory ran out.

    torch raises its own class on a GPU, but a plain ``RuntimeError`` on a CPU.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if getattr(error, "code", None) == _INSUFFICIENT_MEMORY:
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _SAID_OF_MEMORY)


def _does_not_fit(image: NamedImage) -> MediaError:
    height, width = image.rgb.shape[:2]
    return MediaError(
        f"{image.name}: out of memory with a single picture of {width}x{height} pixels; "
        "expected more memory, or a smaller model"
    )


def _check_numbers(detections: Detections) -> None:
    if not all(np.isfinite(values).all() for values in (detections.scores, detections.boxes, detections.soft_masks)):
        raise WeightsError("the model finds objects whose scores, boxes or masks are NaN or infinite; expected numbers")
