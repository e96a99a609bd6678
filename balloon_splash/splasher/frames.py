"""Look and selection of photos, applied to the frames of a video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from balloon_splash.splash.detections import Detections
from balloon_splash.splash.look import Look
from balloon_splash.splash.select import Selection
from balloon_splash.splasher.video import Pixels, Segment


class FrameSplasher:
    """What finds and composes the frames of one video.

    Confidence and classes decide what is followed from frame to frame; all other conditions hold for what is found
    in a frame once the objects have been followed.

    Args:
        look: edges, background and marks.
        selection: which of the objects keep their colour.

    Attributes:
        kept: numbers of the objects that kept their colour in some frame.
    """

    def __init__(self, look: Look, selection: Selection) -> None:
        self.kept: set[int] = set()
        self._look = look
        self._followed = Selection(confidence=selection.confidence, classes=selection.classes)
        self._shown = replace(selection, confidence=0.0, classes=())

    def candidates(self, segment: Segment) -> Segment:
        """``segment`` without the objects that are not worth following."""

        def chosen(frames: Sequence[Pixels]) -> list[Detections]:
            return [found[self._followed.indices(found)] for found in segment(frames)]

        return chosen

    def compose(self, rgb: Pixels, detections: Detections) -> Pixels:
        """``(H, W, 3)`` frame to its splash, ``(H, W, 4)`` on a transparent ground."""
        objects = detections[self._shown.indices(detections)]
        self.kept.update(objects.numbers.tolist())
        result: Pixels = self._look.apply(rgb, self._look.matte(rgb, objects), objects).astype(rgb.dtype, copy=False)
        return result
