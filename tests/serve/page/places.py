"""Places in the photo of the tests, and the tests' patience."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

PATIENCE = 30_000  # milliseconds
HEIGHT, WIDTH = 360, 480
FIRST, SECOND, THIRD = (120, 120), (360, 120), (240, 270)  # x, y in the picture: two red discs and a blue one
MISSED = (60, 300)  # a yellow one, which the model does not find unless it is pointed at
MISSED_RADIUS = 36
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}

Open = Callable[..., "Page"]
