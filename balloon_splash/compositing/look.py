"""The look of a splash: every choice about edges, background and marks in one value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from balloon_splash.compositing.arrays import Image, Matte
from balloon_splash.compositing.backgrounds import BackgroundLike, background_from
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.effects import apply_effect, cut_out
from balloon_splash.compositing.matte import matte
from balloon_splash.compositing.overlay import draw_overlay
from balloon_splash.compositing.strokes import Strokes
from balloon_splash.wording import counted

TRANSPARENT = "transparent"
GREY = frozenset({"grey", "gray"})


@dataclass(frozen=True)
class Look:
    """Choices about edges, background and marks; the defaults are the article's: hard edges on a grey ground.

    Attributes:
        background: as :func:`~balloon_splash.compositing.effects.apply_effect` takes it, or ``"transparent"``.
        invert: keep the colour outside the objects.
        soft, feather, grow, refine: the edge, as :func:`~balloon_splash.compositing.matte.matte` takes it.
        outline: draw a contour around each object.
        labels: write number, class and score at each object.
        strokes: a person's corrections of the objects, in every picture.
    """

    background: BackgroundLike = "grey"
    invert: bool = False
    soft: bool = False
    feather: float = 0.0
    grow: float = 0.0
    refine: int = 0
    outline: bool = False
    labels: bool = False
    strokes: Strokes | None = None

    @property
    def transparent(self) -> bool:
        """True if the result always has an alpha channel, whatever the picture has."""
        return isinstance(self.background, str) and self.background == TRANSPARENT

    @property
    def plain(self) -> bool:
        """True if only the colour outside the objects, or inside, changes."""
        grey = isinstance(self.background, str) and self.background in GREY
        return grey and not (self.outline or self.labels)

    def check(self) -> None:
        """Refuse an unknown background before a model has run.

        Raises:
            UsageError: no such background.
        """
        if not self.transparent:
            background_from(self.background)

    def matte(self, image: Image, detections: Detections) -> Matte:
        """``(H, W)`` matte of the objects in this picture, edges shaped.

        Raises:
            UsageError: the strokes do not fit the picture.
        """
        return matte(
            detections,
            soft=self.soft,
            feather=self.feather,
            grow=self.grow,
            refine=self.refine,
            guide=image,
            strokes=self.strokes,
        )

    @staticmethod
    def explain_nothing(count: int) -> str:
        """Return one line that says why the matte of ``count`` objects is empty."""
        return (
            f"nothing is left of {counted(count, 'object')} after --shrink, --refine and --strokes; "
            "expected fewer pixels or other strokes"
        )

    def apply(self, image: Image, alpha: Matte, detections: Detections) -> Image:
        """Make the finished picture.

        Args:
            image: ``(H, W, 3)``.
            alpha: ``(H, W)`` matte of ``detections``.
            detections: the objects that were chosen.

        Returns:
            ``(H, W, 3)``, or ``(H, W, 4)`` on a transparent ground.
        """
        if self.transparent:
            result = cut_out(image, alpha, invert=self.invert)
        else:
            result = apply_effect(image, alpha, self.background, invert=self.invert)
        if not (self.outline or self.labels):
            return result
        marked = draw_overlay(result[..., :3].copy(), detections, outline=self.outline, labels=self.labels)
        return np.dstack([marked, result[..., 3:]])
