"""Limits on the size of annotation files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds far above any hand-made file, against damaged or hostile ones.

    The first three are checked before the file is parsed, because parsed objects take up to a hundred times its bytes.
    Together they keep reading below 2 GB.

    Attributes:
        max_file_bytes: bytes of the annotation file; a larger one is refused.
        max_values: numbers, texts, lists and objects in the file; one with more is refused.
        max_nesting: depth of lists and objects; VIA itself needs seven. A file with more is refused.
        max_photos: entries in the file; one with more is refused.
        max_faults: faults in the file; one with more is refused.
        max_regions: regions of one photo; a photo with more is dropped.
        max_points: vertices of one polygon; a region with more is dropped.
        max_crossings: self-crossings of an outline that is repaired, whose time grows with them; a region with more is
            dropped.
    """

    max_file_bytes: int = 128 * 2**20
    max_values: int = 10_000_000
    max_nesting: int = 100
    max_photos: int = 1_000_000
    max_faults: int = 100_000
    max_regions: int = 10_000
    max_points: int = 10_000
    max_crossings: int = 1_000


DEFAULT_LIMITS = Limits()
