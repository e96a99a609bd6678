"""Kind of a file by its content, where its name does not say."""

from __future__ import annotations

from pathlib import Path

from balloon_splash.errors import MediaError
from balloon_splash.media.formats import READABLE, SUFFIXES, register_plugins
from balloon_splash.media.opening import DAMAGED, open_image

_CONTAINERS = {"matroska": ".mkv", "avi": ".avi", "mpegts": ".ts", "mpeg": ".mpg", "asf": ".wmv"}
_USUAL_CONTAINER = ".mp4"


def content_suffix(path: Path) -> str:
    """Return the suffix that suits a file's content: of a picture, of a video, or none."""
    register_plugins()
    try:
        with open_image(path, READABLE) as image:
            kind = "JPEG" if image.format == "MPO" else image.format
            return next((suffix for suffix, name in SUFFIXES.items() if name == kind), "")
    except (*DAMAGED, MediaError):
        return _container_suffix(path)


def _container_suffix(path: Path) -> str:
    import av  # which photos do not need

    from balloon_splash.media.video.opening import open_input

    try:
        with open_input(path) as container:
            if not container.streams.video:
                return ""
            return _CONTAINERS.get(container.format.name.partition(",")[0], _USUAL_CONTAINER)
    except (MediaError, av.FFmpegError, OSError):
        return ""  # its reader will report it
