"""Reader of ISAT's files (https://github.com/yatengLG/ISAT_with_segment_anything, 1.5.2): a JSON for each photo.

``info`` names the photo. An object has a ``category``, a ``group``, a ``segmentation`` (one ring) and a ``layer``:
those of one category and group are parts of one object, as in ISAT's own export to COCO, but for group 0, which stands
for no group. ISAT draws the objects in the order of their layers, and gives the inner outlines that its models find
the category ``__background__``: such a ring is a hole in the objects below it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from balloon_splash.data.annotations.documents import items, mapping, read_json, stated_size, text_of
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.polygons import cut_out
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import Polygon, number, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError, DatasetError

PHOTO_KEYS = frozenset({"info", "objects"})
BACKGROUND = "__background__"

Figure = dict[str, Any]


def read_isat(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a file, or all ``*.json`` in a folder and those below it, in order of name.

    Raises:
        DatasetError: there is no JSON file.
        AnnotationError: any fault if the log is strict.
    """
    folder = path.parent if path.is_file() else path
    files = [path] if path.is_file() else sorted(path.rglob("[!.]*.json"))
    if not files:
        raise DatasetError(f"{path}: no JSON file found; expected one of ISAT for each photo")
    photos = []
    for index, file in enumerate(files):
        try:
            photos.append(_photo(file, index, folder, options))
        except (AnnotationError, UnsoundError) as error:
            kind = error.kind if isinstance(error, UnsoundError) else FaultKind.BAD_ENTRY
            faults.add(kind, str(error).removeprefix(f"{file}: "), dropped=True, file=str(file))
    return AnnotationSet(photos, image_root=folder)


def _photo(file: Path, index: int, folder: Path, options: ReadOptions) -> RawPhoto:
    document = mapping(read_json(file, options.limits), "the file")
    info = mapping(document.get("info"), "info")
    name = text_of(info.get("name"), "info.name").replace("\\", "/")
    figures = [mapping(each, "an object") for each in items(document.get("objects"), "objects")]
    groups: dict[object, list[tuple[int, Figure]]] = {}
    for position, figure in enumerate(figures):
        if figure.get("category") != BACKGROUND:
            groups.setdefault(_group(position, figure), []).append((position, figure))
    if len(figures) > options.limits.max_regions:
        message = f"{len(figures)} objects; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    holes = [each for each in figures if each.get("category") == BACKGROUND]
    beside = (file.parent.relative_to(folder) / name).as_posix()
    return RawPhoto(
        index=index,
        name=beside,
        objects=[_object(parts, holes, options) for parts in groups.values()],
        n_listed=len(groups),
        size=stated_size(info.get("width"), info.get("height")),
        fallbacks=(name,) if name != beside else (),
        file=str(file),
    )


def _group(position: int, figure: Figure) -> object:
    group, category = figure.get("group"), figure.get("category")
    return (str(category), group) if isinstance(group, int | str) and group not in (0, "0", "") else position


def _object(parts: Sequence[tuple[int, Figure]], holes: Sequence[Figure], options: ReadOptions) -> RawObject:
    name = parts[0][1].get("category")
    label: str | UnsoundError = UnsoundError(FaultKind.NO_CLASS, f"category is {reprlib.repr(name)}, expected a text")
    if isinstance(name, str) and name.strip():
        label = name.strip()

    def outline(_size: PhotoSize) -> Outline:
        return Outline([ring for _, figure in parts for ring in _rings(figure, holes, options)])

    crowd = all(figure.get("iscrowd") in (True, 1) for _, figure in parts)
    return RawObject("+".join(str(position) for position, _ in parts), label, outline, crowd)


def _rings(figure: Figure, holes: Sequence[Figure], options: ReadOptions) -> list[Polygon]:
    outer, layer = _ring(figure, options), _layer(figure)
    above = [_ring(each, options) for each in holes if _layer(each) > layer]
    cut = [each for each in above if _boxes_meet(each, outer)]
    return cut_out(outer, cut, options.limits) if cut else [outer]


def _ring(figure: Figure, options: ReadOptions) -> Polygon:
    return point_list(figure.get("segmentation"), options.limits.max_points)


def _layer(figure: Figure) -> float:
    return number(figure.get("layer", 0), "layer")


def _boxes_meet(first: Polygon, second: Polygon) -> bool:
    return bool((first.min(axis=0) < second.max(axis=0)).all() and (second.min(axis=0) < first.max(axis=0)).all())
