"""Records of photos and their objects that every reader of annotations returns, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.annotations.regions import Polygon, Ring, point_list
from balloon_splash.data.annotations.size_cache import PhotoSize

RunLengths: TypeAlias = Mapping[str, Any]  # COCO's: {"size": [height, width], "counts": bytes}


class Outline(NamedTuple):
    """Outline of an object: the union of polygons and masks.

    Attributes:
        rings: ``(N, 2)`` XY pixels each, or flat lists, as in the file: they may be outside the photo or cross
            themselves, and a list may hold anything.
        masks: run lengths of the whole photo.
    """

    rings: Sequence[Ring] = ()
    masks: Sequence[RunLengths] = ()


class RawObject(NamedTuple):
    """Object of a photo.

    Attributes:
        id: its key or position in the file, for errors.
        label: the class; ``None`` where the file has none; an error where it is unclear.
        outline: function that returns the outline for the size of the photo, or raises ``UnsoundError``.
        crowd: COCO's ``iscrowd``: a mask around several objects that are not separated.
    """

    id: str
    label: str | UnsoundError | None
    outline: Callable[[PhotoSize], Outline]
    crowd: bool = False


@dataclass(frozen=True, slots=True)
class RawPhoto:
    """Photo with its objects.

    Attributes:
        index: position in the file, from 0; entries that are dropped count, so that it is stable.
        name: relative to the image folder, with forward slashes; not checked here.
        objects: the sound entries.
        n_listed: objects that the file lists for this photo, sound or not; of a group, one.
        n_bytes: length of the photo's file in bytes, where the annotations have it.
        size: width and height of the photo in pixels, where the annotations have it.
        fallbacks: further names that the photo may have in the image folder.
        file: the annotation file of this photo alone, if each has its own.
    """

    index: int
    name: str
    objects: Sequence[RawObject]
    n_listed: int
    n_bytes: int | None = None
    size: tuple[float, float] | None = None
    fallbacks: tuple[str, ...] = ()
    file: str | None = None

    @property
    def annotated(self) -> bool:
        """True if the file lists an object for this photo, sound or not."""
        return self.n_listed > 0


@dataclass(frozen=True)
class AnnotationSet:
    """Content of an annotation file, or of a folder of them.

    Attributes:
        photos: photos in the order of the file.
        image_root: the folder that the names are relative to, unless the user names another.
        classes: classes that the file declares, in its order; ``None`` where it declares none.
        notes: remarks on the file as a whole, a sentence each.
    """

    photos: Sequence[RawPhoto]
    image_root: Path
    classes: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading an annotation file.

    Attributes:
        class_names: the classes in the order of ``category_id``; ``None`` takes those that the file declares, or else
            all that occur, in order of name.
        class_attribute: attribute of VIA files that holds the class; ``None`` gives all regions the one class of
            ``class_names``.
        keep_empty: keep photos without regions, as negatives.
        close_polylines: read a polyline with open ends as a polygon.
        crowds_as_objects: treat each region marked ``iscrowd`` as one object, as CVAT marks regions from its brush.
        strict: raise at the first fault.
        limits: bounds on the file.
        images: the folder of the photos, for formats without a file that lists them.
    """

    class_names: tuple[str, ...] | None = None
    class_attribute: str | None = None
    keep_empty: bool = False
    close_polylines: bool = False
    crowds_as_objects: bool = False
    strict: bool = False
    limits: Limits = DEFAULT_LIMITS
    images: Path | None = None


DEFAULT_OPTIONS = ReadOptions()


def closed_line(found: object, options: ReadOptions, tool: str) -> Polygon:
    """Return a polyline as a polygon.

    Raises:
        UnsoundError: its ends differ, and such lines are not to be closed; or see :func:`point_list`.
    """
    points = point_list(found, options.limits.max_points, at_least=2)
    if not np.array_equal(points[0], points[-1]) and not options.close_polylines:
        message = f"the ends of the polyline differ; close it in {tool}, or read with close_polylines"
        raise UnsoundError(FaultKind.OPEN_POLYLINE, message)
    return point_list(found, options.limits.max_points)


def labels_of(photos: Sequence[RawPhoto]) -> tuple[str, ...]:
    """Return the classes of all objects, in order of name; unclear labels are reported when they are read."""
    return tuple(sorted({each.label for photo in photos for each in photo.objects if isinstance(each.label, str)}))


def shared_names(photos: Sequence[RawPhoto]) -> set[str]:
    """Return names that a photo may have and another one, too: a file of such a name may be either."""
    owners: dict[str, str] = {}
    names = ((name, photo.name) for photo in photos for name in (photo.name, *photo.fallbacks))
    return {name for name, owner in names if owners.setdefault(name, owner) != owner}
