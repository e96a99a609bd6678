"""Limits on the size of pictures and videos."""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, fields

from balloon_splash.errors import UsageError

PREFIX = "BALLOON_SPLASH_"


@dataclass(frozen=True)
class MediaLimits:
    """Bounds against damaged and hostile files; what exceeds one is refused before it is decoded.

    Each has an environment variable, ``BALLOON_SPLASH_`` and its name in capitals, for users who trust a file.

    Attributes:
        max_pixels: pixels of one picture. By default Pillow's limit for a warning.
        max_file_bytes: bytes of a picture file, which is read as a whole.
        max_frame_pixels: pixels of one frame of a video; by default 8K, of which a dozen frames are in memory at a
            time.
        max_frames: frames of a video, or samples of one of its tracks; by default 46 hours at 60 frames per second.
    """

    max_pixels: int = 89_478_485
    max_file_bytes: int = 2**30
    max_frame_pixels: int = 40_000_000
    max_frames: int = 10_000_000


_VARIABLES = {bound.name: PREFIX + bound.name.upper() for bound in fields(MediaLimits)}


def media_limits() -> MediaLimits:
    """Return the default bounds, or those of the environment.

    Raises:
        UsageError: a variable does not hold a positive whole number.
    """
    return _limits_of(tuple(os.environ.get(variable) for variable in _VARIABLES.values()))


@functools.lru_cache(maxsize=1)
def _limits_of(texts: tuple[str | None, ...]) -> MediaLimits:
    """Return the bounds that the texts of the variables set."""
    chosen = {}
    for (bound, variable), text in zip(_VARIABLES.items(), texts, strict=True):
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and 0 < int(text[:20]) < 2**63):
            raise UsageError(f"{variable} is {text[:40]!r}; expected a whole number, 1 or more")
        chosen[bound] = int(text)
    return MediaLimits(**chosen)
