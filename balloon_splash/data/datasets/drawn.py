"""Drawn pictures without files: when Detectron2 opens a name, the picture behind it is drawn."""

from __future__ import annotations

import functools
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from iopath.common.file_io import PathHandler
from PIL import Image

Draw = Callable[[str], "npt.NDArray[np.uint8] | None"]


class DrawnPictures(PathHandler):
    """Path handler that opens names with a prefix as a PNG or JPEG file, by the end of the name.

    With it, the stock ``DatasetMapper``, ``COCOEvaluator`` and ``Visualizer`` work unchanged.
    """

    def __init__(self, prefix: str, draw: Draw, *, kept: int = 0) -> None:
        """Draw with ``draw``.

        Args:
            prefix: prefix of the names, such as ``shapes://``.
            draw: function from a whole name to ``(H, W, 3)`` RGB, the same on every call, or to None if there is no
                such picture.
            kept: number of encoded pictures to keep.
        """
        super().__init__()
        self._prefix = prefix
        self._draw = draw
        self._encoded = functools.lru_cache(maxsize=kept)(self._encode)

    def _get_supported_prefixes(self) -> list[str]:
        return [self._prefix]

    def _open(self, path: str, mode: str = "r", buffering: int = -1, **kwargs: Any) -> io.BytesIO:
        if mode != "rb":
            raise ValueError(f"{path}: drawn pictures open with mode 'rb', not {mode!r}")
        return io.BytesIO(self._encoded(path))

    def _encode(self, path: str) -> bytes:
        picture = self._draw(path)
        if picture is None:
            raise FileNotFoundError(f"{path}: no such picture; names are {self._prefix}train/000000.* and so on")
        encoded = io.BytesIO()
        Image.fromarray(picture).save(encoded, format="JPEG" if path.endswith(".jpg") else "PNG")
        return encoded.getvalue()

    def _exists(self, path: str, **kwargs: Any) -> bool:
        return self._draw(path) is not None

    def _isfile(self, path: str, **kwargs: Any) -> bool:
        return self._exists(path)
