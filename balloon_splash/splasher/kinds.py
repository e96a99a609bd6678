"""Kinds of pictures in Python: paths, bytes, Pillow images and arrays, to a :class:`Picture` and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.media.formats import is_video
from balloon_splash.media.outputs import splash_path
from balloon_splash.media.picture import Picture
from balloon_splash.media.reading import from_pil, read_picture
from balloon_splash.media.writing import encode_picture, write_picture
from balloon_splash.web.addresses import without_secrets

AnyImage: TypeAlias = str | Path | bytes | Image.Image | npt.NDArray[Any]


def to_picture(image: AnyImage) -> Picture:
    """Read a picture of any kind.

    Args:
        image: the path of a file, the bytes of a file, a Pillow image, or an array ``(H, W)`` grey, ``(H, W, 3)`` RGB
            or ``(H, W, 4)`` RGBA, uint8 or uint16.

    Raises:
        TypeError: ``image`` is of another kind.
        MediaError: not a picture that can be read.
    """
    if isinstance(image, (str, Path)) and is_video(image):
        raise MediaError(f"{image}: a video found, expected a picture; Splasher.video takes it")
    if isinstance(image, str) and "://" in image:
        raise MediaError(f"{without_secrets(image)}: an address found, expected a file; splash_inputs takes it")
    if isinstance(image, (str, Path)) and Path(image).is_dir():
        raise MediaError(f"{image}: a folder found, expected a picture; splash_inputs takes it")
    if isinstance(image, (str, Path, bytes)):
        return read_picture(image)
    if isinstance(image, Image.Image):
        return from_pil(image)
    if isinstance(image, np.ndarray):
        return _from_array(image)
    raise TypeError(f"{type(image).__name__} found; expected a path, bytes, a Pillow image or a NumPy array")


def like(image: AnyImage, result: Picture, *, overwrite: bool) -> AnyImage:
    """Give ``result`` the kind of ``image``; for a path, write ``<stem>_splash.<ext>`` beside it and return its path.

    Raises:
        MediaError: the file cannot be written.
        OutputExistsError: it already exists, and ``overwrite`` is false.
    """
    if isinstance(image, (str, Path)):
        target = splash_path(Path(image), result.format)
        write_picture(result, target, overwrite=overwrite)
        return type(image)(target)
    if isinstance(image, bytes):
        return encode_picture(result).data
    return _to_pil(result) if isinstance(image, Image.Image) else _to_array(result)


def _from_array(array: npt.NDArray[Any]) -> Picture:
    channels = array.shape[2] if array.ndim == 3 else 1 if array.ndim == 2 else 0
    if channels not in (1, 3, 4) or array.dtype not in (np.uint8, np.uint16) or array.size == 0:
        raise MediaError(
            f"array of shape {array.shape} and type {array.dtype} found; "
            "expected (H, W), (H, W, 3) or (H, W, 4) of uint8 or uint16"
        )
    if channels == 1:
        return Picture(np.dstack([array.reshape(array.shape[:2])] * 3))
    alpha = np.ascontiguousarray(array[..., 3]) if channels == 4 else None
    return Picture(np.ascontiguousarray(array[..., :3]), alpha)


def _to_array(picture: Picture) -> npt.NDArray[Any]:
    return picture.rgb if picture.alpha is None else np.dstack([picture.rgb, picture.alpha])


def _to_pil(picture: Picture) -> Image.Image:
    """Return a Pillow image with 8 bits per channel: Pillow has 16 bits for single channels only."""
    if picture.rgb.dtype == np.uint16:
        image = Image.fromarray(picture.rgb8)
    else:
        image = Image.fromarray(_to_array(picture))
    metadata = picture.metadata
    info = {"exif": metadata.exif, "icc_profile": metadata.icc, "dpi": metadata.dpi}
    image.info.update({key: value for key, value in info.items() if value is not None})
    return image
