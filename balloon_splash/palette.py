"""Palette of everything that is drawn: colours distinct for any colour vision.

From Okabe and Ito, "Color Universal Design" (2008, https://jfly.uni-koeln.de/color/), RGB from 0 to 255; without their
black, because photos have dark grounds.
"""

from __future__ import annotations

from typing import TypeAlias

Color: TypeAlias = tuple[int, int, int]

ORANGE: Color = (230, 159, 0)
SKY: Color = (86, 180, 233)
GREEN: Color = (0, 158, 115)
YELLOW: Color = (240, 228, 66)
BLUE: Color = (0, 114, 178)
RED: Color = (213, 94, 0)
PURPLE: Color = (204, 121, 167)

#: The most conspicuous on a photo come first.
PALETTE: tuple[Color, ...] = (ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE)
