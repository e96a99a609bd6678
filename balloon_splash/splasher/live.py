"""Live splash of a webcam in a window."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.media.webcam import Webcam
from balloon_splash.media.window import Window
from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.frames import FrameSplasher


def splash_webcam(
    index: int,
    load: Callable[[], Finder],
    look: Look,
    selection: Selection,
    *,
    max_frames: int | None = None,
) -> int:
    """Show the splash until the window is closed, or Esc or q is pressed.

    Each frame is splashed by itself: following objects needs frames ahead, and would delay the picture.

    Args:
        index: number of the webcam, counted from 0.
        load: function that loads the model; called once screen and webcam are known to exist.
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        max_frames: number of frames after which to stop.

    Returns:
        the number of frames shown.

    Raises:
        MediaError: there is no screen or no such webcam, or it was unplugged.
    """
    shown = 0
    frames = FrameSplasher(look, selection, followed=False)
    with Window(f"webcam {index}") as window, Webcam(index) as webcam:
        finder = load()
        selection.check(finder.class_names)
        for rgb in islice(webcam.frames(), max_frames):
            (found,) = finder.detect([rgb])
            shown += 1
            if not window.show(frames.compose(rgb, frames.candidates(found))):
                break
    return shown
