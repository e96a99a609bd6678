"""What finds the objects of pictures, and what keeps it going where memory is short."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from balloon_splash.errors import BalloonSplashError, MediaError, WeightsError
from balloon_splash.splash.detections import Detections

Found: TypeAlias = "Detections | BalloonSplashError"
"""The objects in one picture, or why they are not known."""

_INSUFFICIENT_MEMORY = -4  # OpenCV's code
_SAID_OF_MEMORY = ("out of memory", "not enough memory", "allocate memory", "bad_alloc", "could not create a memory")


class Finder(Protocol):
    """Whatever finds objects in pictures; :class:`balloon_splash.inference.segmenter.Segmenter` is one."""

    @property
    def class_names(self) -> Sequence[str]:
        """Names of all classes that can be found."""

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        """The objects in each of a batch of pictures ``(H, W, 3)`` RGB uint8, best score first."""


class FrugalFinder:
    """A finder that halves batches which do not fit into memory, and from then on asks for no more at once.

    Args:
        finder: what finds.
        tell: takes one line when batches become smaller.
    """

    def __init__(self, finder: Finder, tell: Callable[[str], object]) -> None:
        self._finder = finder
        self._tell = tell
        self._most: int | None = None

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        """See :class:`Finder`.

        Raises:
            MediaError: not even one of the pictures fits into memory.
            WeightsError: what was found is no numbers.
        """
        detected: list[Detections] = []
        for found in self.detect_each(images):
            if not isinstance(found, Detections):
                raise found
            detected.append(found)
        return detected

    def detect_each(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Found]:
        """As :meth:`detect`, but a picture that does not fit into memory does not take the others with it.

        Raises:
            WeightsError: what was found is no numbers.
        """
        detected: list[Found] = []
        while rest := images[len(detected) :]:
            batch = rest[: self._most]
            found = self._try(batch)
            if found is not None:
                detected += found
            elif len(batch) == 1:
                detected.append(_does_not_fit(batch[0]))
            else:
                self._most = len(batch) // 2
                self._tell(f"out of memory: batches of {len(batch)} pictures become batches of {self._most}")
        return detected

    def _try(self, batch: Sequence[npt.NDArray[np.uint8]]) -> list[Detections] | None:
        """What is found, or None if memory did not suffice. Returns first, so that nothing of the attempt is held."""
        try:
            found = self._finder.detect(batch)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            return None
        for detections in found:
            _check_numbers(detections)
        return found


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy, OpenCV or torch says that memory ran out.

    torch raises a class of its own on a GPU, but a plain ``RuntimeError`` on a CPU.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if getattr(error, "code", None) == _INSUFFICIENT_MEMORY:
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _SAID_OF_MEMORY)


def _does_not_fit(image: npt.NDArray[np.uint8]) -> MediaError:
    size = f"{image.shape[1]}x{image.shape[0]}"
    return MediaError(f"out of memory with a single picture of {size} pixels; expected more memory, or a smaller model")


def _check_numbers(detections: Detections) -> None:
    if not all(np.isfinite(values).all() for values in (detections.scores, detections.boxes, detections.soft_masks)):
        raise WeightsError("the model finds objects whose scores, boxes or masks are NaN or infinite; expected numbers")
