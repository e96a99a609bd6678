"""Reader of RectLabel's XML (https://rectlabel.com/help#output_format), and X-AnyLabeling's VOC: a file for each photo.

A file is ``<annotation>`` with ``filename``, ``size`` and an ``object`` for each object: its ``name``, and as outline a
``polygon`` (``x1``, ``y1``, ``x2``, ...) or a ``cubic_bezier``, in which the curve leaves point 1 towards ``x1_c1`` and
comes in to it from ``x1_c2``. A ``bndbox`` stands beside these, or alone.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from balloon_splash.data.annotations.cvat import parse_xml
from balloon_splash.data.annotations.documents import stated_size
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.per_photo import files_at, read_each
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import Polygon, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.wording import counted

_ROOT = re.compile(rb"\s*(<\?xml[^>]*\?>)?\s*<annotation[\s>]")
_AT = np.linspace(0, 1, 16, endpoint=False)  # points along each curve
#: Weights of the four control points of a cubic curve at each point, ``(16, 4)``.
_BERNSTEIN = np.stack([(1 - _AT) ** 3, 3 * (1 - _AT) ** 2 * _AT, 3 * (1 - _AT) * _AT**2, _AT**3], axis=1)


def is_rectlabel(start: bytes) -> bool:
    """Return whether a file that begins with ``start`` has ``<annotation>`` as its root."""
    return _ROOT.match(start) is not None


def read_rectlabel(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a file, or all ``*.xml`` in a folder and those below it, in order of name.

    Raises:
        DatasetError: there is no XML file.
        AnnotationError: any fault if the log is strict.
    """
    folder = path.parent if path.is_file() else path
    files = files_at(path, ".xml", "RectLabel")
    photos = read_each(files, lambda file, index: _photo(file, index, folder, options), faults, named="RectLabel")
    return AnnotationSet(photos, image_root=folder)


def _photo(file: Path, index: int, folder: Path, options: ReadOptions) -> RawPhoto:
    root = parse_xml(file, options)
    name = (root.findtext("filename") or "").strip().replace("\\", "/")
    if root.tag != "annotation" or not name:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"<{root.tag[:40]}> without filename; expected <annotation> with one")
    found = root.findall("object")
    if len(found) > options.limits.max_regions:
        message = f"{len(found)} objects; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    base = posixpath.basename(name)
    beside = posixpath.normpath(posixpath.join(file.parent.relative_to(folder).as_posix(), base))
    return RawPhoto(
        index=index,
        name=beside,
        objects=[_object(position, each, options) for position, each in enumerate(found)],
        n_listed=len(found),
        size=_size(root),
        fallbacks=(posixpath.join(posixpath.dirname(posixpath.dirname(beside)), base), base),
        file=str(file),
    )


def _size(root: ElementTree.Element) -> tuple[float, float] | None:
    found = stated_size(root.findtext("size/width"), root.findtext("size/height"))
    return found if found is None or found[0] > 0 else None


def _object(position: int, found: ElementTree.Element, options: ReadOptions) -> RawObject:
    label = (found.findtext("name") or "").strip()
    told = label or UnsoundError(FaultKind.NO_CLASS, "the object has no name")

    def outline(_size: PhotoSize) -> Outline:
        rings = [_points(each, "", options) for each in found.findall("polygon")]
        rings += [_curve(each, options) for each in found.findall("cubic_bezier")]
        if rings:
            return Outline(rings)
        if found.find("line") is not None:
            raise UnsoundError(FaultKind.OPEN_POLYLINE, "a line has no area; draw a polygon")
        if found.find("pixels") is not None:
            message = "pixels are in another file; expected a polygon, or RectLabel's COCO export, which has them"
            raise UnsoundError(FaultKind.NO_OUTLINE, message)
        raise UnsoundError(FaultKind.NO_OUTLINE, "a box or key points alone; expected a polygon or cubic_bezier")

    return RawObject(str(position), told, outline)


def _points(shape: ElementTree.Element, suffix: str, options: ReadOptions) -> Polygon:
    """Return the points ``x1``, ``y1``, ``x2``, ... of a shape, or, by suffix, their handles ``x1_c1``, ..."""
    by_tag = {each.tag: each.text for each in shape}
    pairs: list[tuple[float, float]] = []
    try:
        while f"x{len(pairs) + 1}{suffix}" in by_tag:
            x, y = (by_tag.get(f"{axis}{len(pairs) + 1}{suffix}") for axis in "xy")
            pairs.append((float(x or "nothing"), float(y or "nothing")))
    except ValueError as error:
        message = f"point {len(pairs) + 1}{suffix}: {error}; expected two numbers"
        raise UnsoundError(FaultKind.NOT_A_NUMBER, message) from error
    if len(pairs) < 3:
        raise UnsoundError(FaultKind.TOO_FEW_POINTS, f"{counted(len(pairs), 'point')}; a polygon needs 3")
    return point_list(pairs, options.limits.max_points, at_least=1)


def _curve(shape: ElementTree.Element, options: ReadOptions) -> Polygon:
    starts, leaving, arriving = (_points(shape, suffix, options) for suffix in ("", "_c1", "_c2"))
    if not len(starts) == len(leaving) == len(arriving):
        message = f"{len(starts)} points with {len(leaving)} and {len(arriving)} handles; expected two for each point"
        raise UnsoundError(FaultKind.UNEQUAL_LISTS, message)
    ends, arriving = np.roll(starts, -1, axis=0), np.roll(arriving, -1, axis=0)
    controls = np.stack((starts, leaving, arriving, ends), axis=1)
    return np.einsum("sc,ncd->nsd", _BERNSTEIN, controls).reshape(-1, 2)
