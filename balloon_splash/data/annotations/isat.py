"""Reader of ISAT's files (https://github.com/yatengLG/ISAT_with_segment_anything, 1.5.2): a JSON for each photo.

``info`` names the photo. An object has a ``category``, a ``group``, a ``segmentation`` (one ring) and a ``layer``:
those of one category and group are parts of one object, as in ISAT's own export to COCO, but for group 0, which stands
for no group. ISAT draws the objects in the order of their layers, and gives the inner outlines that its models find
the category ``__background__``: such a ring is a hole in the objects below it.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from balloon_splash.data.annotations.documents import class_text, items, mapping, read_json, stated_size, text_of
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.per_photo import files_at, read_each
from balloon_splash.data.annotations.polygons import cut_out
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import Polygon, number, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize

ISAT_KEYS = frozenset({"info", "objects"})
BACKGROUND = "__background__"

_USUAL_LAYER = 2  # ISAT's own, where a file has none

Figure = dict[str, Any]
#: Of a ring in the order of drawing: its layer, and its position in the file.
Place = tuple[float, int]


class _Holes:
    """Rings of the background in the order in which they are drawn: by layer, then by position in the file.

    Cutting takes longer than reading: ``most`` bounds how often a ring is cut out of an object, over the whole photo.
    """

    def __init__(self, rings: Mapping[Place, Polygon], most: int) -> None:
        self._places = sorted(rings)
        self._rings = [rings[place] for place in self._places]
        self._lows = np.array([ring.min(axis=0) for ring in self._rings]).reshape(-1, 2)
        self._highs = np.array([ring.max(axis=0) for ring in self._rings]).reshape(-1, 2)
        self._most = self._left = most

    def above(self, place: Place, ring: Polygon) -> list[Polygon]:
        """Return those drawn after a ring whose boxes meet its own.

        Raises:
            UnsoundError: too many were returned so far.
        """
        meet = ((self._lows < ring.max(axis=0)) & (self._highs > ring.min(axis=0))).all(axis=1)
        first = bisect.bisect(self._places, place)
        found = [first + each for each in np.flatnonzero(meet[first:]).tolist()]
        self._left -= len(found)
        if self._left < 0:
            message = f"the background is cut out of the photo's objects more than {self._most} times (max_regions)"
            raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
        return [self._rings[each] for each in found]


def read_isat(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a file, or all ``*.json`` in a folder and those below it, in order of name.

    Raises:
        DatasetError: there is no JSON file.
        AnnotationError: any fault if the log is strict.
    """
    folder = path.parent if path.is_file() else path
    files = files_at(path, ".json", "ISAT")
    photos = read_each(files, lambda file, index: _photo(file, index, folder, faults, options), faults)
    return AnnotationSet(photos, image_root=folder)


def _photo(file: Path, index: int, folder: Path, faults: FaultLog, options: ReadOptions) -> RawPhoto:
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
    beside = (file.parent.relative_to(folder) / name).as_posix()
    holes = _holes(figures, beside, faults, options)
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


def _holes(figures: Sequence[Figure], photo: str, faults: FaultLog, options: ReadOptions) -> _Holes:
    rings: dict[Place, Polygon] = {}
    for position, figure in enumerate(figures):
        if figure.get("category") == BACKGROUND:
            try:
                rings[_place(position, figure)] = _ring(figure, options)
            except UnsoundError as error:  # the hole alone is lost
                faults.add(error.kind, error.message, photo=photo, region=str(position), dropped=True)
    return _Holes(rings, options.limits.max_regions)


def _object(parts: Sequence[tuple[int, Figure]], holes: _Holes, options: ReadOptions) -> RawObject:
    def outline(_size: PhotoSize) -> Outline:
        return Outline([ring for position, figure in parts for ring in _rings(position, figure, holes, options)])

    crowd = all(figure.get("iscrowd") in (True, 1) for _, figure in parts)
    label = class_text(parts[0][1].get("category"), "category")
    return RawObject("+".join(str(position) for position, _ in parts), label, outline, crowd)


def _rings(position: int, figure: Figure, holes: _Holes, options: ReadOptions) -> list[Polygon]:
    outer = _ring(figure, options)
    cut = holes.above(_place(position, figure), outer)
    return cut_out(outer, cut, options.limits) if cut else [outer]


def _ring(figure: Figure, options: ReadOptions) -> Polygon:
    return point_list(figure.get("segmentation"), options.limits.max_points)


def _place(position: int, figure: Figure) -> Place:
    return number(figure.get("layer", _USUAL_LAYER), "layer"), position
