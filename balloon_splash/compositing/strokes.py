"""Brush strokes of a person, over what a model believes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.arrays import Window
from balloon_splash.errors import UsageError

ASPECT_TOLERANCE = 0.02
"""By so much, as a share, the sides of strokes and picture may differ in proportion: a canvas has whole pixels."""

UNDECIDED, MOST_UNDECIDED = 64, 0.1
"""Strength from which a pixel both adds and removes, and the largest share of such pixels: brushes leave none."""


@dataclass(frozen=True)
class Strokes:
    """Corrections of the objects of one picture.

    Attributes:
        add: ``(h, w)`` uint8: 255 where a pixel belongs to the objects, whatever the model says.
        remove: ``(h, w)`` uint8: 255 where it does not.
        name: what errors call them.
    """

    add: npt.NDArray[np.uint8]
    remove: npt.NDArray[np.uint8]
    name: str = "strokes"

    @classmethod
    def painted(
        cls, rgb: npt.NDArray[np.uint8], alpha: npt.NDArray[np.uint8] | None, *, name: str = "strokes"
    ) -> Strokes:
        """Strokes as a picture: green adds, red removes, and opacity is strength.

        Args:
            rgb: ``(h, w, 3)``.
            alpha: ``(h, w)``; None is opaque.
            name: what errors call them.

        Raises:
            UsageError: so much of the picture adds and removes at once that it is a photo, or strokes on white paper.
        """
        add, remove = (np.ascontiguousarray(rgb[..., channel]) for channel in (1, 0))
        if alpha is not None:
            add, remove = (np.asarray(cv2.multiply(each, alpha, scale=1 / 255), np.uint8) for each in (add, remove))
        both = float((np.minimum(add, remove) > UNDECIDED).mean())
        if both > MOST_UNDECIDED:
            raise UsageError(
                f"{name}: {both:.0%} of its pixels are neither green, nor red, nor transparent; "
                "expected brush strokes over the photo, not a picture"
            )
        return cls(add, remove, name)

    def fitted(self, size: tuple[int, int]) -> Strokes:
        """Return the same strokes over a picture of ``size`` (height, width).

        Raises:
            UsageError: its sides have another proportion.
        """
        height, width = size
        own_height, own_width = self.add.shape
        if (own_height, own_width) == size:
            return self
        if abs(own_width * height - own_height * width) > ASPECT_TOLERANCE * own_height * width + max(height, width):
            raise UsageError(
                f"{self.name}: {own_width}x{own_height} pixels; "
                f"expected the size or the proportion of the picture, {width}x{height}"
            )
        add, remove = (
            np.asarray(cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
            for part in (self.add, self.remove)
        )
        return Strokes(add, remove, self.name)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Return ``(x0, y0, x1, y1)`` around all that is added; ``x0 == x1`` where nothing is."""
        x, y, width, height = cv2.boundingRect(self.add)
        return x, y, x + width, y + height

    def corrected(self, probability: npt.NDArray[np.float32], window: Window) -> npt.NDArray[np.float32]:
        """Return the probabilities of a window of the picture, with these strokes over them."""
        add, remove = (part[window].astype(np.float32) / 255 for part in (self.add, self.remove))
        return np.minimum(np.maximum(probability, add), 1 - remove)
