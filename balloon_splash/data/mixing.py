"""What the ways of putting something into a training photo have in common: some photos get it, others do not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from torch.utils.data import Dataset


class MixedPhotos(Dataset[dict[str, Any]], ABC):
    """A dataset of mapped photos, some of which are changed after the mapping."""

    def __init__(self, dataset: Dataset[dict[str, Any]], probability: float) -> None:
        """Change photos of ``dataset``.

        Args:
            dataset: gives ``image`` ``(3, H, W)`` uint8 and ``instances`` with ``gt_masks`` as ``BitMasks``.
            probability: of a photo to be changed.
        """
        self.dataset = dataset
        self.probability = probability

    def __len__(self) -> int:
        return len(self.dataset)  # type: ignore[arg-type]  # torch leaves __len__ out of Dataset

    def __getitem__(self, index: int) -> dict[str, Any]:
        photo = self.dataset[index]
        return self.mix(photo) if np.random.random() < self.probability else photo

    @abstractmethod
    def mix(self, photo: dict[str, Any]) -> dict[str, Any]:
        """A changed photo, with what can be seen of its instances; ``photo`` itself stays as it is."""
