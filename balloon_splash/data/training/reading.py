"""Reading of photos for training and evaluation, as the splash reads them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from detectron2.data.detection_utils import convert_PIL_to_numpy
from detectron2.utils.file_io import PathManager
from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.media.reading import read_picture


def read_photo(file_name: str, image_format: str = "RGB") -> npt.NDArray[np.uint8]:
    """Read a photo, upright.

    For 8-bit photos, these are the pixels of Detectron2's ``read_image``, which turns a 16-bit one into a white page,
    and a TIFF twice; CMYK goes through its profile, as for the splash.

    Args:
        file_name: a path, or a name of one of Detectron2's path handlers.
        image_format: ``INPUT.FORMAT``.

    Returns:
        ``(H, W, 3)``, or the result of Detectron2's ``convert_PIL_to_numpy`` for formats other than RGB and BGR.

    Raises:
        MediaError: it is missing, damaged, too large, or has neither 8 nor 16 bits per channel.
    """
    try:
        with PathManager.open(file_name, "rb") as stream:
            data = stream.read()
    except OSError as error:
        raise MediaError(f"{file_name}: cannot be read ({error.strerror or error})") from error
    rgb = read_picture(data, name=file_name).rgb8
    if image_format == "RGB":
        return rgb
    if image_format == "BGR":
        return rgb[:, :, ::-1]
    converted: npt.NDArray[np.uint8] = convert_PIL_to_numpy(Image.fromarray(rgb), image_format)
    return converted
