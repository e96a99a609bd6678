"""Cache of the sizes of photos between runs.

It holds what would take opening a file: width, height and whether the pixels were decoded once. An entry is valid as
long as the photo's length and time of change are the same. JSON, never pickle: a file in the cache folder can at worst
be ignored.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from balloon_splash.files import atomic_path, cache_folder

logger = logging.getLogger(__name__)

FORMAT = "balloon-splash photo sizes 2"


@dataclass(frozen=True)
class PhotoStamp:
    """Stamp by which a photo counts as unchanged: its length in bytes and its time of change in nanoseconds."""

    n_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class PhotoSize:
    """Width and height in pixels, upright; ``decoded`` if all pixels were read once, not only the header."""

    width: int
    height: int
    decoded: bool


class SizeCache:
    """Sizes of the photos of one image folder.

    Attributes:
        path: the JSON file that holds them between runs.
    """

    def __init__(self, image_root: Path) -> None:
        self._root = str(image_root.resolve())
        digest = hashlib.sha256(self._root.encode("utf-8", "surrogateescape")).hexdigest()
        self.path = cache_folder() / "photo_sizes" / f"{digest[:32]}.json"
        self._photos = self._read()
        self._changed = False

    def get(self, name: str, stamp: PhotoStamp) -> PhotoSize | None:
        """Return the size of the photo ``name``, if it is known and the photo has not changed."""
        found = self._photos.get(name)
        if not isinstance(found, list) or found[:2] != [stamp.n_bytes, stamp.mtime_ns]:
            return None
        match found[2:]:
            case [int(width), int(height), bool(decoded)]:
                return PhotoSize(width, height, decoded)
        return None

    def put(self, name: str, stamp: PhotoStamp, size: PhotoSize) -> None:
        """Remember the size of the photo ``name``."""
        self._photos[name] = [stamp.n_bytes, stamp.mtime_ns, size.width, size.height, size.decoded]
        self._changed = True

    def save(self) -> None:
        """Write new entries. A cache that cannot be written costs time, nothing else."""
        if not self._changed:
            return
        try:
            with atomic_path(self.path, overwrite=True) as temporary:
                document = {"format": FORMAT, "root": self._root, "photos": self._photos}
                temporary.write_text(json.dumps(document), encoding="utf-8")
        except OSError as error:
            logger.debug("The sizes of the photos could not be kept in %s: %s", self.path, error)
        self._changed = False

    def _read(self) -> dict[str, Any]:
        try:
            document = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):  # missing, unreadable or damaged
            return {}
        match document:
            case {"format": fmt, "root": root, "photos": dict(photos)} if fmt == FORMAT and root == self._root:
                return photos
        return {}
