"""Photos and their objects as a reader of annotations hands them on, whatever the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from balloon_splash.data.annotations.faults import UnsoundError
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.annotations.regions import Polygon
from balloon_splash.data.annotations.size_cache import PhotoSize

RunLengths: TypeAlias = Mapping[str, Any]  # COCO's: {"size": [height, width], "counts": bytes}


@dataclass(frozen=True)
class Outline:
    """Where an object is: the union of polygons and masks.

    Attributes:
        rings: ``(N, 2)`` XY pixels each, as the file has them: they may lie outside the photo or cross themselves.
        masks: run lengths of the whole photo.
    """

    rings: Sequence[Polygon] = ()
    masks: Sequence[RunLengths] = ()


@dataclass(frozen=True)
class RawObject:
    """One object of a photo.

    Attributes:
        id: its key or position in the file, for errors.
        label: the class; ``None`` where the file tells none; an error where it cannot be told.
        outline: gives the outline for the size of the photo, or raises ``UnsoundError``.
        crowd: COCO's ``iscrowd``: a mask around several objects that are not told apart.
    """

    id: str
    label: str | UnsoundError | None
    outline: Callable[[PhotoSize], Outline]
    crowd: bool = False


@dataclass(frozen=True)
class RawPhoto:
    """One photo.

    Attributes:
        index: position in the file, from 0; entries that are dropped count, so that it is stable.
        name: relative to the image folder, with forward slashes; not checked here.
        objects: the sound entries.
        n_listed: objects that the file lists for this photo, sound or not; of a group, one.
        n_bytes: length of the photo's file, where the annotations tell it.
        size: width and height of the photo, where the annotations tell it.
        fallbacks: further names under which the photo may lie in the image folder.
        file: the annotation file of this photo alone, where each has its own.
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
        """The file lists an object for this photo, sound or not."""
        return self.n_listed > 0


@dataclass(frozen=True)
class AnnotationSet:
    """All that an annotation file, or a folder of them, holds.

    Attributes:
        photos: in the order of the file.
        image_root: the folder that the names are relative to, unless the user names another.
        classes: those that the file declares, in its order; ``None`` where it declares none.
    """

    photos: Sequence[RawPhoto]
    image_root: Path
    classes: tuple[str, ...] | None = field(default=None)


@dataclass(frozen=True)
class ReadOptions:
    """What to make of an annotation file.

    Attributes:
        class_names: the classes in the order of ``category_id``; ``None`` takes those that the file declares, or else
            all that occur, in order of name.
        class_attribute: of VIA files, the attribute that holds the class; ``None`` gives all regions the one class of
            ``class_names``.
        keep_empty: keep photos without regions, as negatives.
        close_polylines: read a polyline with open ends as a polygon.
        crowds_as_objects: take each region marked ``iscrowd`` for one object, as what CVAT's brush painted is.
        strict: raise at the first fault.
        limits: how much the file may ask for.
        images: the folder of the photos, for formats whose photos are listed in no file.
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


def labels_of(photos: Sequence[RawPhoto]) -> tuple[str, ...]:
    """The classes of all objects, in order of name; labels that cannot be told are reported once they are read."""
    return tuple(sorted({each.label for photo in photos for each in photo.objects if isinstance(each.label, str)}))
