"""Packed model for the runtime: its structure at once, its weights only when something has to be compiled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy.typing as npt

from balloon_splash.errors import WeightsError
from balloon_splash.runtime.structure import Structure
from balloon_splash.weights.packed import Packed, read_about, read_arrays


class PackedFile:
    """File written by ``pack_weights``.

    Attributes:
        class_names: one name per class.
        structure: structure of the model.
        digest: digest of the file's content, as stored in it.
    """

    def __init__(self, file: str | Path | Packed) -> None:
        """Read the structure from the file's metadata.

        Raises:
            WeightsError: damaged, written by a newer version, another program's, or packed without a structure.
        """
        path, about = file if isinstance(file, Packed) else (file, read_about(str(file)))
        self._path = str(path)
        if about is None or about.structure is None:
            raise WeightsError(
                f"{path}: holds no structure, without which only torch can run it; expected a file packed by this "
                "version of pack_weights.py, or --backend torch"
            )
        self.class_names = about.class_names
        self.structure = Structure.from_json(about.structure, f"{path} (written by {about.writer})")
        self.digest = about.digest

    @property
    def weights(self) -> dict[str, npt.NDArray[Any]]:
        """float32 arrays by name, checked by the digest; read anew each time, since a model is compiled once.

        Raises:
            WeightsError: damaged or altered.
        """
        return read_arrays(self._path)[1]
