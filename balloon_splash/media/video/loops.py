"""Number of times that an animation is played."""

from __future__ import annotations

from pathlib import Path

from balloon_splash.errors import MediaError
from balloon_splash.media.formats import ANIMATED
from balloon_splash.media.opening import DAMAGED, open_image


def plays(path: Path) -> int:
    """Return the number of times to play a GIF or WebP file; 0, also for any other file, plays it for ever."""
    try:
        with open_image(path, ANIMATED) as image:
            loop = image.info.get("loop")
            if image.format == "WEBP":
                return int(loop or 0)
    except (*DAMAGED, MediaError):
        return 0
    # GIF counts the repetitions after the first time, and is played once without a count.
    return 1 if loop is None else int(loop) + 1 if loop else 0


def loop_option(suffix: str, times: int) -> dict[str, str]:
    """Return FFmpeg's option to play a file with this suffix so many times, 0 for ever."""
    if suffix == ".webp":
        return {"loop": str(times)}
    if suffix == ".gif":
        return {"loop": "0" if times == 0 else "-1" if times == 1 else str(times - 1)}
    return {}
