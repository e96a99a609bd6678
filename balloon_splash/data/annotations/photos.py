"""Photos that annotations name: found, checked and measured without decoding them.

*Orientation.* Phones store photos as the sensor saw them and note in EXIF how to turn them. VIA runs in a browser,
which shows the photo upright, so its coordinates are those of the upright photo. Detectron2's ``read_image`` also
turns it upright. The sizes here are upright, too: width and height are swapped for the orientations 5 to 8, and
coordinates are taken as they are.
"""

from __future__ import annotations

import io
import logging
import os
import re
import struct
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.jpeg_size import HEAD, plain_jpeg_size
from balloon_splash.data.annotations.size_cache import PhotoSize, PhotoStamp, SizeCache
from balloon_splash.errors import DatasetError, MediaError
from balloon_splash.media.decoding import EIGHT_BIT_MODES
from balloon_splash.media.formats import READABLE
from balloon_splash.media.limits import media_limits
from balloon_splash.media.opening import DAMAGED, open_image

logger = logging.getLogger(__name__)

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

# EXIF (CIPA DC-008) orientations that exchange rows and columns.
TRANSPOSED = frozenset({5, 6, 7, 8})


@dataclass(frozen=True)
class Photo:
    """File in the image folder; ``name`` is its path inside it."""

    name: str
    path: str
    stamp: PhotoStamp


class PhotoFolder:
    """Folder of photos, found by name, with their sizes.

    A folder is listed once, when the first photo in it is requested; a photo is opened only if the cache does not know
    it in its present state.
    """

    def __init__(self, root: str | os.PathLike[str]) -> None:
        """Find photos in the image folder ``root``.

        Raises:
            DatasetError: there is no such folder.
        """
        self.root = Path(root)
        if not self.root.is_dir():
            raise DatasetError(f"{self.root}: no such image folder")
        self._listings: dict[str, dict[str, os.DirEntry[str]]] = {}
        self._sizes = SizeCache(self.root)

    def find(self, name: str) -> Photo:
        """Find the photo ``name``, a relative path with forward slashes.

        Raises:
            UnsoundError: the name leads out of the folder, is a macOS resource file, or there is no such photo.
        """
        _check_name(name)
        folder, _, base = name.rpartition("/")
        listing = self._listing(folder)
        # macOS archives decompose accents, browsers pass on the disk's form: the same name, other code points.
        entry = listing.get(base) or listing.get(unicodedata.normalize("NFC", base))
        try:
            if entry is not None and entry.is_file():
                status = entry.stat()
                return Photo(name, entry.path, PhotoStamp(status.st_size, status.st_mtime_ns))
        except OSError as error:
            logger.debug("%s: %s", entry, error)
        raise UnsoundError(FaultKind.MISSING_PHOTO, f"no such file in {self.root}")

    def size(self, photo: Photo, *, decode: bool = False) -> PhotoSize:
        """Return width and height of the upright photo.

        Args:
            photo: found by :meth:`find`.
            decode: read all pixels instead of the header alone, for a photo that may be cut short.

        Raises:
            UnsoundError: Pillow cannot read the photo.
        """
        known = self._sizes.get(photo.name, photo.stamp)
        if known is not None and (known.decoded or not decode):
            return known
        # A failure is not cached: its cause (permissions, a missing decoder) need not be in the file.
        size = read_upright_size(photo.path, decode=decode)
        self._sizes.put(photo.name, photo.stamp, size)
        return size

    def save_sizes(self) -> None:
        """Keep the sizes for the next run."""
        self._sizes.save()

    def _listing(self, folder: str) -> dict[str, os.DirEntry[str]]:
        if folder not in self._listings:
            try:
                with os.scandir(self.root / folder) as entries:
                    found = {entry.name: entry for entry in entries}
            except OSError as error:
                raise UnsoundError(FaultKind.MISSING_PHOTO, f"{self.root / folder}: {error.strerror}") from error
            composed = {unicodedata.normalize("NFC", name): entry for name, entry in found.items()}
            self._listings[folder] = composed | found
        return self._listings[folder]


def read_upright_size(path: str | os.PathLike[str], *, decode: bool = False) -> PhotoSize:
    """Read width and height as shown upright, from the header.

    Pillow opens all but plain JPEG files. It has to decode a PNG without EXIF to be sure that there is none; other
    formats are not decoded.

    Args:
        path: the photo.
        decode: read all pixels, too.

    Raises:
        UnsoundError: Pillow cannot read the photo, or takes it for a decompression bomb; or a channel has neither 8 nor
            16 bits.
    """
    if not decode and (plain := _read_plain_size(path)) is not None:
        return plain
    try:
        with open_image(path, READABLE) as image:
            width, height = image.size
            orientation = _orientation(image)
            _check_depth(path, image)
            if decode:
                image.load()
    except (*DAMAGED, MediaError) as error:
        raise UnsoundError(FaultKind.UNREADABLE_PHOTO, f"{path}: {error}") from error
    if orientation in TRANSPOSED and image.format != "TIFF":  # whose size Pillow gives as shown
        width, height = height, width
    return PhotoSize(width, height, decode)


def _read_plain_size(path: str | os.PathLike[str]) -> PhotoSize | None:
    """Return the size of a plain JPEG file of no more pixels than are read."""
    try:
        with io.FileIO(path) as stream:
            size = plain_jpeg_size(stream.read(HEAD))
    except OSError:
        return None
    if size is None or size[0] * size[1] > media_limits().max_pixels:
        return None
    return PhotoSize(*size, decoded=False)


def _check_depth(path: str | os.PathLike[str], image: Image.Image) -> None:
    if image.mode not in EIGHT_BIT_MODES and not image.mode.startswith("I;16"):
        message = f"{path}: pixels of mode {image.mode} found; expected 8 or 16 bits per channel"
        raise UnsoundError(FaultKind.UNREADABLE_PHOTO, message)


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 to 8; 1 if the EXIF block is damaged, as in Detectron2's ``read_image``."""
    try:
        exif = image.getexif()
    except (SyntaxError, ValueError, KeyError, struct.error):
        return 1
    orientation = exif.get(ExifTags.Base.Orientation)
    return orientation if isinstance(orientation, int) else 1


def _check_name(name: str) -> None:
    parts = name.split("/")
    if parts[-1].startswith("._"):
        raise UnsoundError(FaultKind.RESOURCE_FORK, "written by macOS beside a photo, not a photo")
    leaves = name.startswith("/") or ".." in parts or _ADDRESS.match(name)
    if leaves or "\\" in name or "\0" in name:
        message = "expected a path inside the image folder, with forward slashes"
        raise UnsoundError(FaultKind.UNSAFE_NAME, message)
