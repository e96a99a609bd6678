"""How often an animation is played."""

from __future__ import annotations

from pathlib import Path

from balloon_splash.errors import MediaError
from balloon_splash.media.formats import ANIMATED
from balloon_splash.media.opening import DAMAGED, open_image


def plays(path: Path) -> int:
    """How many times a GIF or WebP file is to be played; 0 is for ever, and so is what any other file gets."""
    try:
        with open_image(path, ANIMATED) as image:
            loop = image.info.get("loop")
            if image.format == "WEBP":
                return int(loop or 0)
    except (*DAMAGED, MediaError):
        return 0
    # GIF counts the repetitions after the first time, and without a count is played once.
    return 1 if loop is None else int(loop) + 1 if loop else 0


def loop_option(suffix: str, times: int) -> dict[str, str]:
    """FFmpeg's option for a file with this suffix to be played so many times, 0 for ever."""
    if suffix == ".webp":
        return {"loop": str(times)}
    if suffix == ".gif":
        return {"loop": "0" if times == 0 else "-1" if times == 1 else str(times - 1)}
    return {}
