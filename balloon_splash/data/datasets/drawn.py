"""Drawn pictures without files: when Detectron2 opens a name, the picture behind it is drawn."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from iopath.common.file_io import PathHandler
from PIL import Image

Draw = Callable[[str], "npt.NDArray[np.uint8] | None"]


@dataclass(frozen=True)
class Numbered:
    """Square pictures by number, named ``PREFIX SPLIT/000000.png``.

    Attributes:
        prefix: prefix of the names, such as ``shapes://``.
        splits: number of pictures in each split.
        side: length of each edge in pixels.
    """

    prefix: str
    splits: Mapping[str, int]
    side: int

    def parse(self, path: str) -> tuple[str, int] | None:
        """Return split and number of a picture by its name; None if there is no such picture."""
        match = re.fullmatch(rf"{re.escape(self.prefix)}(\w+)/(\d{{6}})\.png", path, re.ASCII)
        if match is None or int(match[2]) >= self.splits.get(match[1], 0):
            return None
        return match[1], int(match[2])

    def dicts(self, split: str, annotations: Callable[[int], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Return a split's Detectron2 dataset dicts; ``annotations`` returns those of a picture by its number."""
        return [
            {
                "file_name": f"{self.prefix}{split}/{index:06d}.png",
                "image_id": index,
                "height": self.side,
                "width": self.side,
                "annotations": annotations(index),
            }
            for index in range(self.splits[split])
        ]


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
