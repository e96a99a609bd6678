"""Window that shows pictures, through OpenCV."""

from __future__ import annotations

import os
import sys

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.errors import MediaError

ESCAPE = 27
CLOSING_KEYS = frozenset({ESCAPE, ord("q")})


class Window:
    """Window, which appears with the first picture.

    Args:
        title: its title.

    Raises:
        MediaError: there is no screen.
    """

    def __init__(self, title: str) -> None:
        # OpenCV's toolkit does not report a missing screen, it ends the process.
        if sys.platform == "linux" and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise MediaError(f"{title}: no screen to show it on; expected DISPLAY or WAYLAND_DISPLAY to be set")
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")  # about fonts that are not needed
        self._title = title
        self._shown = False

    def __enter__(self) -> Window:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            cv2.destroyWindow(self._title)

    def show(self, rgb: npt.NDArray[np.uint8]) -> bool:
        """Show ``(H, W, 3)``, or the colours of ``(H, W, 4)``.

        Returns:
            False once the user has closed the window, or pressed Esc or q.

        Raises:
            MediaError: this build of OpenCV has no windows.
        """
        try:
            cv2.imshow(self._title, cv2.cvtColor(rgb[..., :3], cv2.COLOR_RGB2BGR))
            self._shown = True
            key = cv2.waitKey(1)
            visible = cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1
        except cv2.error as error:
            raise MediaError(f"{self._title}: OpenCV cannot open a window ({error.err})") from error
        self._shown = visible
        return visible and key not in CLOSING_KEYS
