"""How often an animation is played."""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

_GIF_TRAILER = b";"
_TAIL_BYTES = 4096  # some writers fill up the last block with zeros


def plays(path: Path) -> int:
    """How many times a GIF or WebP file is to be played; 0 is for ever, and so is what any other file gets."""
    try:
        with Image.open(path, formats=["GIF", "WEBP"]) as image:
            loop = image.info.get("loop")
            if image.format == "WEBP":
                return int(loop or 0)
    except (OSError, ValueError, SyntaxError, EOFError):
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


def is_cut_off(path: Path) -> bool:
    """Whether a GIF file lacks its end, which FFmpeg passes over in silence."""
    with path.open("rb") as file:
        file.seek(-min(_TAIL_BYTES, path.stat().st_size), os.SEEK_END)
        return not file.read().rstrip(b"\0").endswith(_GIF_TRAILER)
