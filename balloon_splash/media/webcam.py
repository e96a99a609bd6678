"""Frames of a webcam, through OpenCV."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.errors import MediaError


class Webcam:
    """Open webcam.

    Args:
        index: its number, counted from 0.

    Raises:
        MediaError: there is none, or another program holds it.
    """

    def __init__(self, index: int) -> None:
        self._index = index
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our own error follows in one line
        try:
            self._capture = cv2.VideoCapture(index)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if not self._capture.isOpened():
            raise MediaError(f"webcam {index}: cannot be opened; expected one that is plugged in and not in use")
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # show the present, not the past while the model ran

    def __enter__(self) -> Webcam:
        return self

    def __exit__(self, *_: object) -> None:
        self._capture.release()

    def frames(self) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield ``(H, W, 3)`` RGB frames without end.

        Raises:
            MediaError: it was unplugged.
        """
        while True:
            there, frame = self._capture.read()
            if not there:
                raise MediaError(f"webcam {self._index}: sends no more pictures")
            yield np.asarray(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), np.uint8)
