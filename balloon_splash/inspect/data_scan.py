"""One look at each photo: whether it can be read, and a fingerprint to find its like."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from balloon_splash.data.instances import DatasetDict
from balloon_splash.errors import MediaError
from balloon_splash.inspect.data_duplicates import Fingerprint, fingerprint
from balloon_splash.inspect.data_source import InspectedDataset, draw_sample, read_photo


@dataclass(frozen=True)
class Scan:
    """What decoding the photos of one dataset showed.

    Attributes:
        dataset: the dataset.
        photos: those that can be read, of those that were looked at.
        fingerprints: one for each of ``photos``.
        unreadable: a line for each photo that cannot be read.
        n_seen: how many were looked at; fewer than the dataset has if it is large.
    """

    dataset: InspectedDataset
    photos: list[DatasetDict]
    fingerprints: list[Fingerprint]
    unreadable: list[str]
    n_seen: int

    @property
    def sampled(self) -> bool:
        """True if some photos of the dataset were not looked at."""
        return self.n_seen < len(self.dataset.photos)


def scan_photos(dataset: InspectedDataset, *, max_photos: int, progress: bool = True) -> Scan:
    """Decode the photos once, one at a time; of more than ``max_photos``, a random sample."""
    chosen = draw_sample(dataset.photos, max_photos)
    readable, fingerprints, unreadable = [], [], []
    for photo in tqdm(chosen, desc=f"photos of {dataset.name}", unit="photo", disable=not progress):
        try:
            image = read_photo(photo)
        except MediaError as error:
            unreadable.append(str(error))
            continue
        readable.append(photo)
        fingerprints.append(fingerprint(image, f"{dataset.name}/{Path(photo['file_name']).name}"))
    return Scan(dataset, readable, fingerprints, unreadable, len(chosen))
