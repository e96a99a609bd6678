"""Frames of a webcam, through OpenCV."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.errors import MediaError


class Webcam:
    """An open webcam.

    Args:
        index: which one, counted from 0.

    Raises:
        MediaError: there is none, or another program holds it.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what it has to say follows in one line
        try:
            self._capture = cv2.VideoCapture(index)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if not self._capture.isOpened():
            raise MediaError(f"webcam {index}: cannot be opened; expected one that is plugged in and not in use")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # show what is now, not what was while the model ran

    def __enter__(self) -> Webcam:
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    def frames(self) -> Iterator[npt.NDArray[np.uint8]]:
        """``(H, W, 3)`` RGB, one after the other, without end.

        Raises:
            MediaError: it was unplugged.
        """
        while True:
            there, frame = self._capture.read()
            if not there:
                raise MediaError(f"webcam {self._index}: gives no more pictures")
            yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
