"""A registered dataset as the inspection sees it: its photos, classes and the faults that its reader met."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.structures import BoxMode

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.faults import Fault
from balloon_splash.data.datasets.catalog import AnnotatedDataset, check_registered
from balloon_splash.data.training import reading
from balloon_splash.errors import DatasetError, MediaError
from balloon_splash.inspect.dataset.duplicates import Fingerprint, fingerprint
from balloon_splash.inspect.page.style import Rgb
from balloon_splash.progress import ProgressBar

T = TypeVar("T")


@dataclass(frozen=True)
class InspectedDataset:
    """Dataset under inspection.

    Attributes:
        name: its name in ``DatasetCatalog``.
        photos: Detectron2's dataset dicts.
        class_names: names of the classes in the order of ``category_id``.
        faults: faults that the reader of the annotations found; empty for readers that do not report any.
    """

    name: str
    photos: list[DatasetDict]
    class_names: tuple[str, ...]
    faults: tuple[Fault, ...]


def read_dataset(name: str) -> InspectedDataset:
    """Read a registered dataset.

    Raises:
        DatasetError: it is not registered, empty, or cannot be read.
        AnnotationError: its annotation file cannot be read.
    """
    check_registered(name)
    with dataset_files(name):
        photos, faults = _load(DatasetCatalog[name])
    if not photos:
        raise DatasetError(f"dataset {name!r} has no photos")
    n_classes = 1 + max((obj["category_id"] for photo in photos for obj in photo["annotations"]), default=0)
    numbered = [f"class {index}" for index in range(n_classes)]
    class_names = MetadataCatalog.get(name).get("thing_classes", numbered)
    return InspectedDataset(name, photos, tuple(class_names), faults)


@contextmanager
def dataset_files(name: str) -> Iterator[None]:
    """Report a missing file of a dataset, COCO's for instance, as the user's error while the dataset is read.

    Raises:
        DatasetError: a file of the dataset cannot be opened.
    """
    try:
        yield
    except OSError as error:
        raise DatasetError(f"dataset {name!r} cannot be read: {error}") from error


def _load(dataset: Callable[[], list[DatasetDict]]) -> tuple[list[DatasetDict], tuple[Fault, ...]]:
    """Return the photos, and the faults that a reader of ours found; others only return photos."""
    if isinstance(dataset, AnnotatedDataset):
        photos, report = dataset.load()
        return photos, tuple(report.faults.faults)
    return dataset(), ()


def read_photo(photo: DatasetDict) -> Rgb:
    """Read the upright photo, ``(H, W, 3)`` RGB.

    Raises:
        MediaError: it cannot be decoded, or does not have the size in the dataset.
    """
    name = photo["file_name"]
    image = reading.read_photo(name)
    found, expected = image.shape[:2], (photo["height"], photo["width"])
    if found != expected:
        raise MediaError(f"{name}: {found[1]} x {found[0]} pixels found, {expected[1]} x {expected[0]} expected")
    return image


def objects_of(photo: DatasetDict) -> list[dict[str, Any]]:
    """Return the annotations that a model learns from: all but COCO's crowd regions."""
    return [obj for obj in photo["annotations"] if not obj.get("iscrowd", 0)]


def boxes_of(photo: DatasetDict) -> npt.NDArray[np.float64]:
    """Return the stored boxes of the photo's objects, ``(N, 4)`` XYXY pixels."""
    boxes = [BoxMode.convert(obj["bbox"], obj["bbox_mode"], BoxMode.XYXY_ABS) for obj in objects_of(photo)]
    return np.array(boxes, dtype=np.float64).reshape(-1, 4)


def draw_sample(items: Sequence[T], count: int, *, seed: int = 0) -> list[T]:
    """Draw at most ``count`` of ``items`` at random, in their order; the same for the same seed."""
    if len(items) <= count:
        return list(items)
    chosen = np.sort(np.random.default_rng(seed).choice(len(items), count, replace=False))
    return [items[index] for index in chosen]


@dataclass(frozen=True)
class Scan:
    """Result of decoding the photos of one dataset.

    Attributes:
        dataset: the dataset.
        photos: the photos that can be read, of those inspected.
        fingerprints: one for each of ``photos``.
        unreadable: one line per photo that cannot be read.
        n_seen: number of photos inspected; fewer than the dataset has if it is large.
    """

    dataset: InspectedDataset
    photos: list[DatasetDict]
    fingerprints: list[Fingerprint]
    unreadable: list[str]
    n_seen: int

    @property
    def sampled(self) -> bool:
        """True if some photos of the dataset were not inspected."""
        return self.n_seen < len(self.dataset.photos)


def scan_photos(dataset: InspectedDataset, *, max_photos: int, progress: bool = True) -> Scan:
    """Decode the photos once, one at a time; of more than ``max_photos``, a random sample."""
    chosen = draw_sample(dataset.photos, max_photos)
    readable, fingerprints, unreadable = [], [], []
    for photo in ProgressBar(chosen, desc=f"photos of {dataset.name}", unit="photo", disable=not progress):
        try:
            image = read_photo(photo)
        except MediaError as error:
            unreadable.append(str(error))
            continue
        readable.append(photo)
        fingerprints.append(fingerprint(image, f"{dataset.name}/{Path(photo['file_name']).name}"))
    return Scan(dataset, readable, fingerprints, unreadable, len(chosen))
