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

import numpy as np

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


class _Holes:
    """Rings of the background with their layers, ``(N,)``.

    Cutting takes longer than reading: ``most`` bounds how often a ring is cut out of an object, over the whole photo.
    """

    def __init__(self, rings: Sequence[Polygon], layers: Sequence[float], most: int) -> None:
        self._rings = rings
        self._layers = np.array(layers)
        self._lows = np.array([ring.min(axis=0) for ring in rings]).reshape(-1, 2)
        self._highs = np.array([ring.max(axis=0) for ring in rings]).reshape(-1, 2)
        self._most = self._left = most

    def above(self, layer: float, ring: Polygon) -> list[Polygon]:
        """Return those above a layer whose boxes meet that of a ring.

        Raises:
            UnsoundError: too many were returned so far.
        """
        meet = ((self._lows < ring.max(axis=0)) & (self._highs > ring.min(axis=0))).all(axis=1)
        found = np.flatnonzero(meet & (self._layers > layer)).tolist()
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
    files = [path] if path.is_file() else sorted(path.rglob("[!.]*.json"))
    if not files:
        raise DatasetError(f"{path}: no JSON file found; expected one of ISAT for each photo")
    photos = []
    for index, file in enumerate(files):
        try:
            photos.append(_photo(file, index, folder, faults, options))
        except (AnnotationError, UnsoundError) as error:
            kind = error.kind if isinstance(error, UnsoundError) else FaultKind.BAD_ENTRY
            faults.add(kind, str(error).removeprefix(f"{file}: "), dropped=True, file=str(file))
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
    rings, layers = [], []
    for position, figure in enumerate(figures):
        if figure.get("category") == BACKGROUND:
            try:
                ring, layer = _ring(figure, options), _layer(figure)
            except UnsoundError as error:  # the hole alone is lost
                faults.add(error.kind, error.message, photo=photo, region=str(position), dropped=True)
            else:
                rings.append(ring)
                layers.append(layer)
    return _Holes(rings, layers, options.limits.max_regions)


def _object(parts: Sequence[tuple[int, Figure]], holes: _Holes, options: ReadOptions) -> RawObject:
    name = parts[0][1].get("category")
    label: str | UnsoundError = UnsoundError(FaultKind.NO_CLASS, f"category is {reprlib.repr(name)}, expected a text")
    if isinstance(name, str) and name.strip():
        label = name.strip()

    def outline(_size: PhotoSize) -> Outline:
        return Outline([ring for _, figure in parts for ring in _rings(figure, holes, options)])

    crowd = all(figure.get("iscrowd") in (True, 1) for _, figure in parts)
    return RawObject("+".join(str(position) for position, _ in parts), label, outline, crowd)


def _rings(figure: Figure, holes: _Holes, options: ReadOptions) -> list[Polygon]:
    outer, layer = _ring(figure, options), _layer(figure)
    cut = holes.above(layer, outer)
    return cut_out(outer, cut, options.limits) if cut else [outer]


def _ring(figure: Figure, options: ReadOptions) -> Polygon:
    return point_list(figure.get("segmentation"), options.limits.max_points)


def _layer(figure: Figure) -> float:
    return number(figure.get("layer", 0), "layer")
