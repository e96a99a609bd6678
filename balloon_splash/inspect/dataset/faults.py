"""Faults of the annotations, each with its photo and the place in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path

from detectron2.data import MetadataCatalog
from matplotlib.figure import Figure

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.faults import Fault
from balloon_splash.inspect.dataset.samples import draw_objects
from balloon_splash.inspect.dataset.source import InspectedDataset
from balloon_splash.inspect.page.style import photo_grid, shorten

MAX_ROWS = 100


def fault_rows(dataset: InspectedDataset, unreadable: Sequence[str]) -> list[list[object]]:
    """Return rows ``dataset, fault, photo, region, dropped, what was found``: at most 100, then the number left out."""
    rows: list[list[object]] = [
        [dataset.name, "unreadable photo", "", "", "no", message] for message in unreadable[:MAX_ROWS]
    ]
    for fault in dataset.faults[: MAX_ROWS - len(rows)]:
        dropped = "yes" if fault.dropped else "no"
        rows.append([dataset.name, fault.kind.value, fault.photo or "", fault.region or "", dropped, fault.message])
    rest = len(unreadable) + len(dataset.faults) - len(rows)
    if rest:
        rows.append([dataset.name, f"and {rest} more", "", "", "", ""])
    return rows


def faulty_photos(dataset: InspectedDataset, readable: Sequence[DatasetDict]) -> list[tuple[DatasetDict, list[Fault]]]:
    """Return the photos with faults that are still in the dataset, each with its faults."""
    root = Path(MetadataCatalog.get(dataset.name).get("image_root", ""))
    by_photo: dict[str, list[Fault]] = {}
    for fault in dataset.faults:
        if fault.photo is not None:
            by_photo.setdefault(_composed(root / fault.photo), []).append(fault)
    named = ((photo, by_photo.get(_composed(Path(photo["file_name"])), [])) for photo in readable)
    return [(photo, faults) for photo, faults in named if faults]


def _composed(path: Path) -> str:
    """Return the path with accents as single characters: annotation files and disks write them differently."""
    return unicodedata.normalize("NFC", str(path))


def faults_figure(photos: Sequence[tuple[DatasetDict, list[Fault]]], dataset_name: str) -> Figure:
    """Draw photos as they were read despite their faults, each under its name and the kinds of its faults."""
    titles = [
        f"{shorten(Path(photo['file_name']).name)}: {', '.join(sorted({fault.kind.value for fault in faults}))}"
        for photo, faults in photos
    ]
    return photo_grid([draw_objects(photo, dataset_name) for photo, _ in photos], titles)
