"""Photos on which the ranges of an int8 model are measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog

from balloon_splash.errors import BalloonSplashError, ConfigError
from balloon_splash.runtime.artifacts import digest_of_files

COUNT = 40
"""Number of photos that is enough: more change the ranges little."""

Prepare = Callable[[Path], "npt.NDArray[np.float32]"]
"""Function from a photo to the ``(1, C, H, W)`` tensor that the network sees."""


@dataclass(frozen=True)
class Calibration:
    """Calibration photos and their reader.

    Attributes:
        photos: photos chosen by the user; empty stands for those that the model was trained on.
        training: the name of the dataset that it was trained on.
        prepare: function that reads a photo.
    """

    photos: tuple[Path, ...]
    training: str
    prepare: Prepare

    @classmethod
    def from_config(cls, cfg: CfgNode, photos: Sequence[str | Path], prepare: Prepare) -> Calibration:
        """Calibrate with the first of the configuration's training sets."""
        return cls(tuple(map(Path, photos)), cfg.DATASETS.TRAIN[0] if cfg.DATASETS.TRAIN else "", prepare)

    @property
    def key(self) -> str:
        """Return the cache key of this calibration.

        Training photos are identified by the name of their dataset, so a cached model needs no photos.

        Raises:
            ConfigError: one of the chosen photos cannot be read.
        """
        if not self.photos:
            return f"training photos {self.training} {COUNT}"
        try:
            return f"photos {digest_of_files(self.photos)}"
        except OSError as error:
            raise ConfigError(f"{error.filename}: cannot be read for calibration ({error.strerror})") from error

    def images(self) -> list[npt.NDArray[np.float32]]:
        """Return all photos as the network sees them.

        Raises:
            ConfigError: there are none.
            MediaError: one cannot be read.
        """
        return [self.prepare(path) for path in self.photos or self._training_photos()]

    def _training_photos(self) -> list[Path]:
        hint = "expected the photos that the model was trained on, or others to calibrate on (--calibration)"
        if self.training not in DatasetCatalog:
            raise ConfigError(f"precision int8: no dataset {self.training!r} is known; {hint}")
        try:
            entries = DatasetCatalog.get(self.training)
        except BalloonSplashError as error:
            raise ConfigError(f"precision int8: {error}; {hint}") from error
        step = max(len(entries) / COUNT, 1)
        return [Path(entries[int(index * step)]["file_name"]) for index in range(min(COUNT, len(entries)))]
