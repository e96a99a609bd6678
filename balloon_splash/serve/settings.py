"""Bounds and doors of the service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

MIB = 2**20


@dataclass(frozen=True)
class Settings:
    """Bounds on what one client, and all of them, may ask for; and who may ask.

    Attributes:
        token: secret that requests must bring; None asks for none.
        root_path: prefix of all addresses, as a proxy shows them; empty or ``/prefix``.
        hosts: names that a request may call this server by; empty accepts any.
        origins: other sites whose pages may ask (CORS).
        photo_bytes: of an uploaded picture.
        photo_pixels: of an uploaded picture.
        video_bytes: of an uploaded video.
        threads: requests that are worked on at a time.
        waiting: further requests that may wait for their turn.
        seconds: for one request, waiting included.
        video_seconds: for one video.
        videos_waiting: videos that may wait for their turn.
        videos_bytes: of all videos and results on disk.
        keep_seconds: how long a video and its result stay after the last change.
        folder: of the videos.
        urls: whether a photo may be named by its address.
        memory_bytes: size of a worker that is replaced; None lets it grow.
    """

    token: str | None = None
    root_path: str = ""
    hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    photo_bytes: int = 64 * MIB
    photo_pixels: int = 50_000_000
    video_bytes: int = 2048 * MIB
    threads: int = 4
    waiting: int = 32
    seconds: float = 60.0
    video_seconds: float = 3600.0
    videos_waiting: int = 8
    videos_bytes: int = 8192 * MIB
    keep_seconds: float = 3600.0
    folder: str = ""
    urls: bool = False
    memory_bytes: int | None = None

    def to_json(self) -> str:
        """Return a text for a worker process."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Settings:
        """Read what :meth:`to_json` wrote."""
        given: Mapping[str, Any] = json.loads(text)
        return cls(**{field.name: _hashable(given[field.name]) for field in fields(cls)})


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
