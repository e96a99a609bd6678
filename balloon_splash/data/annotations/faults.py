"""Faults of annotation files, and the log that collects them."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from enum import Enum

from tabulate import tabulate

from balloon_splash.data.annotations.limits import DEFAULT_LIMITS
from balloon_splash.errors import AnnotationError

ROWS_PER_KIND = 5


class FaultKind(str, Enum):
    """Kinds of faults that annotation files can have; users see the values."""

    # faults of an entry of the file
    BAD_ENTRY = "malformed entry"
    DUPLICATE_NAME = "duplicate name"
    DUPLICATE_ID = "duplicate id"
    DUPLICATE_REGION = "duplicate region"
    REGION_COUNT = "region count differs"
    TOO_MANY_REGIONS = "too many regions"
    # faults of a photo
    UNSAFE_NAME = "name leaves the image folder"
    RESOURCE_FORK = "macOS resource file"
    MISSING_PHOTO = "missing photo"
    UNREADABLE_PHOTO = "unreadable photo"
    SIZE_MISMATCH = "size differs"
    NOTHING_LEFT = "no sound region left"
    NOT_ANNOTATED = "not annotated"
    # faults of a region's shape
    UNKNOWN_SHAPE = "unknown shape"
    POINT = "point without area"
    OPEN_POLYLINE = "open polyline"
    UNEQUAL_LISTS = "unequal coordinate lists"
    TOO_FEW_POINTS = "too few points"
    TOO_MANY_POINTS = "too many points"
    TOO_MANY_CROSSINGS = "crosses itself too often"
    NOT_A_NUMBER = "not a number"
    OUT_OF_RANGE = "number out of range"
    NO_OUTLINE = "box without outline"
    BAD_MASK = "unreadable mask"
    LOST_PART = "part without area"
    ZERO_AREA = "zero area"
    SELF_INTERSECTION = "self-intersection repaired"
    CLIPPED = "clipped to the photo"
    OUTSIDE = "outside the photo"
    # faults of a region's class
    NO_CLASS = "no class"
    AMBIGUOUS_CLASS = "ambiguous class"
    UNKNOWN_CLASS = "unknown class"


# Junk in an archive made on a Mac, and photos not annotated yet: reported, but not a reason to refuse the file even in
# strict mode.
HARMLESS = frozenset({FaultKind.RESOURCE_FORK, FaultKind.NOT_ANNOTATED})


class UnsoundError(Exception):
    """A photo or region cannot be used. Always caught inside this package, where it becomes a :class:`Fault`."""

    def __init__(self, kind: FaultKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(frozen=True)
class Fault:
    """Fault and its place.

    Attributes:
        kind: its kind.
        file: the annotation file.
        photo: the photo's name as the file gives it; ``None`` for a fault of the file itself.
        region: the region's key or position in the file; ``None`` for a fault of the whole photo.
        message: what was found and what was expected.
        dropped: true if the region (or the photo, if ``region`` is ``None``) was left out.
    """

    kind: FaultKind
    file: str
    photo: str | None
    region: str | None
    message: str
    dropped: bool

    def __str__(self) -> str:
        where = self.file
        if self.photo is not None:
            where += f": photo {self.photo!r}"
        if self.region is not None:
            where += f", region {self.region}"
        return f"{where}: {self.kind.value}: {self.message}"


class FaultLog:
    """Log of the faults of one annotation file, which raises at the first one if strict, or at one too many.

    Attributes:
        file: the annotation file, named in reports.
        strict: raise :class:`~balloon_splash.errors.AnnotationError` instead of collecting.
        max_faults: most faults to collect; a file with more is not an annotation file with faults, but something else.
        faults: the faults found, in the order of the file.
    """

    def __init__(
        self, file: str | os.PathLike[str], *, strict: bool = False, max_faults: int = DEFAULT_LIMITS.max_faults
    ) -> None:
        self.file = os.fspath(file)
        self.strict = strict
        self.max_faults = max_faults
        self.faults: list[Fault] = []

    def add(
        self,
        kind: FaultKind,
        message: str,
        *,
        photo: str | None = None,
        region: str | None = None,
        dropped: bool,
        file: str | None = None,
    ) -> None:
        """Note a fault; ``file`` is the annotation file of the photo, if each has its own.

        Raises:
            AnnotationError: the log is strict and the fault is not harmless, or there are too many.
        """
        fault = Fault(kind, file or self.file, photo, region, message, dropped)
        if self.strict and kind not in HARMLESS:
            raise AnnotationError(str(fault))
        if len(self.faults) == self.max_faults:
            raise AnnotationError(f"{self.file}: more than {self.max_faults} faults, which is the limit (max_faults)")
        self.faults.append(fault)

    def __len__(self) -> int:
        return len(self.faults)

    def first(self) -> str:
        """Return the first fault that cost something, or the meaning of there being none."""
        return next(map(str, self.dropped), "no photo with regions in it")

    def counts(self) -> Counter[FaultKind]:
        """Count the faults of each kind."""
        return Counter(fault.kind for fault in self.faults)

    @property
    def dropped(self) -> list[Fault]:
        """Faults that cost a region or a photo."""
        return [fault for fault in self.faults if fault.dropped]

    def table(self) -> str:
        """Return all faults, by kind, as a text table; of a frequent kind the first few and the number of others."""
        rows = []
        for kind, count in self.counts().items():
            shown = [fault for fault in self.faults if fault.kind is kind][:ROWS_PER_KIND]
            for fault in shown:
                photo = "" if fault.photo is None else repr(fault.photo)
                rows.append([kind.value, photo, fault.region or "", "yes" if fault.dropped else "no", fault.message])
            if count > len(shown):
                rows.append([kind.value, f"... and {count - len(shown)} more", "", "", ""])
        headers = ["fault", "photo", "region", "dropped", "what was found"]
        return tabulate(rows, headers, tablefmt="simple", disable_numparse=True)
