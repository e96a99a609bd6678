"""How much an annotation file may ask for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds far above any hand-made file, against damaged or hostile ones.

    Attributes:
        max_file_bytes: size of the annotation file; a larger one is refused as a whole.
        max_photos: entries in the file; more are refused as a whole.
        max_regions: regions of one photo; a photo with more is dropped.
        max_points: vertices of one polygon; a region with more is dropped.
    """

    max_file_bytes: int = 256 * 2**20
    max_photos: int = 1_000_000
    max_regions: int = 10_000
    max_points: int = 10_000


DEFAULT_LIMITS = Limits()
