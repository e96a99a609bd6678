"""Photos as Detectron2 reads them; one that cannot be read is a user's error."""

from __future__ import annotations

from detectron2.data.detection_utils import read_image
from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.inspect.page.style import Rgb

#: What reading a damaged, missing or oversized photo raises: decoders add ValueError and SyntaxError to OSError.
UNREADABLE = (OSError, ValueError, SyntaxError, Image.DecompressionBombError)


def read_photo(file_name: str) -> Rgb:
    """``(H, W, 3)`` RGB photo, upright.

    Raises:
        MediaError: it cannot be decoded.
    """
    try:
        image: Rgb = read_image(file_name, format="RGB")
    except UNREADABLE as error:
        raise unreadable(file_name, error) from error
    return image


def unreadable(file_name: str, error: Exception) -> MediaError:
    """The one line that says which photo is damaged, and how."""
    return MediaError(f"{file_name}: cannot be read: {' '.join(str(error).split())}")
