"""Layouts of balloons: alone, in a bunch, adrift, as a garland."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Spot = tuple[float, float, float, float]  # x, y, radius in pixels, angle in radians


class Strings(enum.Enum):
    """Strings of a layout."""

    NONE = enum.auto()
    LOOSE = enum.auto()
    GATHERED = enum.auto()


@dataclass(frozen=True)
class Layout:
    """Places for balloons, those in front first, and the kind of their strings."""

    spots: list[Spot]
    strings: Strings


def single(rng: np.random.Generator, height: int, width: int) -> Layout:
    """One balloon, large."""
    radius = rng.uniform(0.14, 0.34) * height
    center = rng.uniform(0.25, 0.75) * width, rng.uniform(0.35, 0.55) * height
    return Layout([(*center, radius, rng.normal(0, 0.15))], Strings.LOOSE)


def bunch(rng: np.random.Generator, height: int, width: int) -> Layout:
    """Balloons held in one hand: crowded, leaning outwards."""
    radius = rng.uniform(0.07, 0.15) * height
    middle = np.array([rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.45) * height])
    spots = []
    for _ in range(int(rng.integers(4, 14))):
        offset = rng.normal(0, 1, 2) * (1.5 * radius, 1.2 * radius)
        x, y = middle + offset
        spots.append((x, y, radius * rng.uniform(0.8, 1.15), -offset[0] / radius * 0.2 + rng.normal(0, 0.08)))
    return Layout(spots, Strings.GATHERED)


def scatter(rng: np.random.Generator, height: int, width: int) -> Layout:
    """Balloons adrift, near and far."""
    count, nearest = int(rng.integers(3, 12)), rng.uniform(0.08, 0.2)
    radii = np.sort(rng.uniform(0.018, nearest, count))[::-1] * height
    spots = [
        (rng.uniform(0.03, 0.97) * width, rng.uniform(0.05, 0.85) * height, radius, rng.normal(0, 0.25))
        for radius in radii
    ]
    return Layout(spots, Strings.LOOSE if rng.random() < 0.6 else Strings.NONE)


def row(rng: np.random.Generator, height: int, width: int) -> Layout:
    """A garland: balloons along an arch, each overlapping the next."""
    radius = rng.uniform(0.05, 0.1) * height
    start, end = rng.uniform(-0.05, 0.2) * width, rng.uniform(0.8, 1.05) * width
    middle, sag = rng.uniform(0.2, 0.5) * height, rng.uniform(-0.3, 0.3) * height
    count = int((end - start) / (radius * rng.uniform(1.3, 1.9)))
    spots = [
        (
            start + (end - start) * t + rng.normal(0, 0.2) * radius,
            middle + sag * (4 * t * (1 - t) - 0.5) + rng.normal(0, 0.35) * radius,
            radius * rng.uniform(0.75, 1.2),
            rng.uniform(-1.2, 1.2),
        )
        for t in (np.arange(count) + 0.5) / count
    ]
    return Layout(spots, Strings.NONE)


LAYOUTS: tuple[Callable[[np.random.Generator, int, int], Layout], ...] = (single, bunch, scatter, row)
