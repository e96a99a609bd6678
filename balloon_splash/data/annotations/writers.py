"""Writers of annotation files for VIA 2, COCO, LabelMe and YOLO-seg."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image

from balloon_splash.data.annotations.masks import Mask, area_of, box_of, decode_mask, mask_polygons, merged
from balloon_splash.data.annotations.records import RunLengths
from balloon_splash.data.annotations.regions import Polygon
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.data.annotations.submission import submission_text
from balloon_splash.errors import DatasetError, OutputExistsError
from balloon_splash.files import atomic_path
from balloon_splash.wording import counted

CLASS_ATTRIBUTE = "class"  #: Attribute of VIA's regions that holds the class.


@dataclass(frozen=True)
class WrittenObject:
    """Object to write: polygons, ``(N, 2)`` XY pixels each, or a mask."""

    label: str
    rings: Sequence[Polygon] = ()
    mask: RunLengths | None = None
    crowd: bool = False

    def polygons(self) -> list[Polygon]:
        """Return the polygons; those of a mask follow the edges of its pixels."""
        return list(self.rings) if self.mask is None else mask_polygons(decode_mask(self.mask))

    def drawn(self, width: int, height: int) -> Mask:
        """Return the mask, ``(height, width)`` bool."""
        flat = [ring.ravel().tolist() for ring in self.rings]
        return decode_mask(self.mask or merged([], flat, PhotoSize(width, height, decoded=False)))


@dataclass(frozen=True)
class WrittenPhoto:
    """Photo to write: its name relative to the image folder, its present path, its upright size, its objects."""

    name: str
    path: Path
    width: int
    height: int
    objects: Sequence[WrittenObject]


Writer = Callable[[Sequence[WrittenPhoto], Sequence[str], Path], Iterator[tuple[Path, str]]]


def write_annotations(
    photos: Sequence[WrittenPhoto], class_names: Sequence[str], target: Path, to: str, *, overwrite: bool = False
) -> list[str]:
    """Write annotations.

    Args:
        photos: photos with their objects.
        class_names: names in the order of their numbers in COCO and YOLO.
        target: a file for ``via2``, ``coco`` and ``submission``, a folder for ``labelme`` and ``yolo``.
        to: a name in :data:`WRITERS`.
        overwrite: replace existing files.

    Returns:
        One line per feature that the format cannot hold.

    Raises:
        DatasetError: two photos would share a file.
        OutputExistsError: a file exists, and ``overwrite`` is false.
    """
    files = list(WRITERS[to](photos, class_names, target))
    paths = Counter(path for path, _ in files)
    twice = next((path for path, count in paths.items() if count > 1), None)
    if twice is not None:
        raise DatasetError(f"{twice}: the file of {paths[twice]} photos of one name; expected names that differ")
    taken = next((path for path in paths if path.exists()), None)
    if taken is not None and not overwrite:
        raise OutputExistsError.at(taken)
    for path, text in files:
        with atomic_path(path, overwrite=overwrite) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(_losses(photos, to))


def _losses(photos: Sequence[WrittenPhoto], to: str) -> Iterator[str]:
    objects = [each for photo in photos for each in photo.objects]
    crowds = sum(each.crowd for each in objects)
    if to == "submission":
        classes = {each.label for each in objects}
        if len(classes) > 1:
            yield f"the names of {len(classes)} classes"
    if crowds and to != "coco":
        yield f"the mark of {counted(crowds, 'crowd')} (iscrowd 1), an object like any other in the file"
    if to in ("via2", "yolo"):
        masks = sum(each.mask is not None for each in objects)
        parts = sum(len(each.polygons()) > 1 for each in objects)
        if masks:
            yield f"{counted(masks, 'mask')}, in place of which the file has polygons along the edges of the pixels"
        if parts:
            several = f"{counted(parts, 'object')} of several parts, or with a hole"
            yield f"{several}, in place of which the file has one object per part"


def write_via2(photos: Sequence[WrittenPhoto], _names: Sequence[str], target: Path) -> Iterator[tuple[Path, str]]:
    """Write VIA 2's JSON export; the class is the attribute ``class``."""
    entries = {}
    for photo in photos:
        size = photo.path.stat().st_size if photo.path.is_file() else -1
        regions = [
            {
                "shape_attributes": {
                    "name": "polygon",
                    "all_points_x": _numbers(ring[:, 0]),
                    "all_points_y": _numbers(ring[:, 1]),
                },
                "region_attributes": {CLASS_ATTRIBUTE: each.label},
            }
            for each in photo.objects
            for ring in each.polygons()
        ]
        entries[f"{photo.name}{size}"] = {
            "filename": photo.name, "size": size, "regions": regions, "file_attributes": {}
        }  # fmt: skip
    yield target, json.dumps(entries, indent=1)


def write_coco(photos: Sequence[WrittenPhoto], names: Sequence[str], target: Path) -> Iterator[tuple[Path, str]]:
    """Write COCO's instances JSON; every id counts from 1."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, photo in enumerate(photos, 1):
        images.append({"id": number, "file_name": photo.name, "width": photo.width, "height": photo.height})
        size = PhotoSize(photo.width, photo.height, decoded=False)
        for each in photo.objects:
            lengths = (
                merged([], [ring.ravel().tolist() for ring in each.rings], size) if each.mask is None else each.mask
            )
            x0, y0, x1, y1 = box_of(lengths)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": names.index(each.label) + 1,
                    "segmentation": _coco_segmentation(each),
                    "bbox": [x0, y0, x1 - x0, y1 - y0],
                    "area": area_of(lengths),
                    "iscrowd": int(each.crowd),
                }
            )
    categories = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(names, 1)]
    yield target, json.dumps({"images": images, "annotations": annotations, "categories": categories})


def _coco_segmentation(each: WrittenObject) -> Any:
    if each.mask is None:
        return [_numbers(ring.ravel()) for ring in each.rings]
    counts = each.mask["counts"]
    return {"size": list(each.mask["size"]), "counts": counts.decode() if isinstance(counts, bytes) else counts}


def write_labelme(photos: Sequence[WrittenPhoto], _names: Sequence[str], target: Path) -> Iterator[tuple[Path, str]]:
    """Write LabelMe's files, one JSON per photo; parts of one object share a ``group_id``, masks stay masks."""
    for photo in photos:
        path = target / Path(photo.name).with_suffix(".json")
        document: dict[str, Any] = {
            "version": "5.5.0",
            "flags": {},
            "shapes": [shape for group, each in enumerate(photo.objects, 1) for shape in _labelme_shapes(each, group)],
            "imagePath": os.path.relpath(photo.path, path.parent).replace(os.sep, "/"),
            "imageData": None,
            "imageHeight": photo.height,
            "imageWidth": photo.width,
        }
        yield path, json.dumps(document, indent=1)


def _labelme_shapes(each: WrittenObject, group: int) -> Iterator[dict[str, Any]]:
    common = {"label": each.label, "description": "", "flags": {}}
    if each.mask is not None:
        mask = decode_mask(each.mask)
        x0, y0, x1, y1 = (round(value) for value in box_of(each.mask))
        buffer = BytesIO()
        Image.fromarray(mask[y0:y1, x0:x1]).save(buffer, "PNG")
        painted = base64.b64encode(buffer.getvalue()).decode()
        corners = [[x0, y0], [x1 - 1, y1 - 1]]
        yield {**common, "shape_type": "mask", "points": corners, "group_id": None, "mask": painted}
        return
    for ring in each.rings:
        group_id = group if len(each.rings) > 1 else None
        points = [_numbers(point) for point in ring]
        yield {**common, "shape_type": "polygon", "points": points, "group_id": group_id, "mask": None}


def write_yolo(photos: Sequence[WrittenPhoto], names: Sequence[str], target: Path) -> Iterator[tuple[Path, str]]:
    """Write Ultralytics' YOLO-seg: ``labels/*.txt`` and ``data.yaml``; the photos belong in ``images``."""
    for photo in photos:
        size = np.array((photo.width, photo.height))
        lines = [
            " ".join([str(names.index(each.label)), *(f"{value:.8g}" for value in (ring / size).ravel())])
            for each in photo.objects
            for ring in each.polygons()
        ]
        yield (target / "labels" / photo.name).with_suffix(".txt"), "".join(f"{line}\n" for line in lines)
    about = {"path": ".", "train": "images", "val": "images", "names": dict(enumerate(names))}
    yield target / "data.yaml", yaml.safe_dump(about, sort_keys=False, allow_unicode=True)


def _numbers(values: Any) -> list[float]:
    """Return whole pixels as integers, as the tools write them."""
    return [int(value) if value.is_integer() else value for value in np.asarray(values, np.float64).tolist()]


def write_runs(photos: Sequence[WrittenPhoto], _names: Sequence[str], target: Path) -> Iterator[tuple[Path, str]]:
    """Yield ``submit.csv`` of the nucleus competition; ``<id>/images/a.png`` has its folder's id, others their stem."""
    masks: dict[str, list[Mask]] = {}
    for photo in photos:
        folder, _, inside = photo.name.rpartition("/images/")
        name = Path(folder).name if folder and "/" not in inside else Path(photo.name).stem
        if name in masks:
            raise DatasetError(f"{photo.name}: another photo has the id {name}, too; expected ids that differ")
        masks[name] = [each.drawn(photo.width, photo.height) for each in photo.objects]
    yield target, submission_text(masks)


WRITERS: dict[str, Writer] = {
    "via2": write_via2,
    "coco": write_coco,
    "labelme": write_labelme,
    "yolo": write_yolo,
    "submission": write_runs,
}
