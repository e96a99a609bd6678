"""How much an annotation file may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds far above any hand-made file, against damaged or hostile ones.

    The first three are looked at before the file is parsed: what Python makes of a file takes up to a hundred times
    its bytes. All together are to keep reading below 2 GB.

    Attributes:
        max_file_bytes: size of the annotation file; a larger one is refused as a whole.
        max_values: numbers, texts, lists and objects in the file; with more it is refused as a whole.
        max_nesting: lists and objects inside each other; VIA itself needs seven. A file with more is refused.
        max_photos: entries in the file; more are refused as a whole.
        max_faults: faults that are collected; a file with more is refused as a whole.
        max_regions: regions of one photo; a photo with more is dropped.
        max_points: vertices of one polygon; a region with more is dropped.
        max_crossings: how often an outline may cross itself and still be repaired, which takes the longer the more
            crossings there are; a region with more is dropped.
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
