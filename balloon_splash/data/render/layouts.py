"""Layouts of balloons: alone, in a bunch, adrift, as a garland, packed, close.

And of hot-air balloons: aloft, ashore, launched in a crowd.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Spot = tuple[float, float, float, float]  # x, y, radius in pixels, angle in radians

_MOST_LAUNCHED = 60


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


Plan = Callable[[np.random.Generator, int, int], Layout]
"""Function that draws a layout for a picture of this height and width."""


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


def ceiling(rng: np.random.Generator, height: int, width: int) -> Layout:
    """Balloons packed side by side, over all of the picture or its upper part."""
    radius = rng.uniform(0.07, 0.24) * height
    pitch, depth = radius * rng.uniform(1.3, 1.9), rng.choice([1.1, rng.uniform(0.4, 1)]) * height
    spots = [
        (x + rng.normal(0, 0.3) * radius, y + rng.normal(0, 0.3) * radius, radius * rng.uniform(0.8, 1.2), angle)
        for y in np.arange(0, depth, pitch)
        for x in np.arange(0, width + pitch, pitch)
        for angle in rng.uniform(-np.pi, np.pi, 1)
    ]
    return Layout([spots[index] for index in rng.permutation(len(spots))], Strings.NONE)


def close(rng: np.random.Generator, height: int, width: int) -> Layout:
    """Balloons as large as half the picture, which cover one another and which the border cuts."""
    spots = [
        (rng.uniform(0, 1) * width, rng.uniform(0, 0.9) * height, rng.uniform(0.2, 0.5) * height, rng.normal(0, 0.4))
        for _ in range(int(rng.integers(2, 12)))
    ]
    return Layout(spots, Strings.GATHERED if rng.random() < 0.3 else Strings.NONE)


def large_bunch(rng: np.random.Generator, height: int, width: int) -> Layout:
    """A bunch that fills the picture."""
    radius = rng.uniform(0.1, 0.22) * height
    middle = np.array([rng.uniform(0.4, 0.6) * width, rng.uniform(0.35, 0.5) * height])
    offsets = rng.normal(0, 1, (int(rng.integers(8, 26)), 2)) * (1.6 * radius, 1.4 * radius)
    spots = [
        (x, y, radius * rng.uniform(0.75, 1.15), -dx / radius * 0.2 + rng.normal(0, 0.1))
        for (x, y), dx in zip(middle + offsets, offsets[:, 0], strict=True)
    ]
    return Layout(spots, Strings.GATHERED)


def aloft(rng: np.random.Generator, height: int, width: int) -> Layout:
    """One hot-air balloon, of any size up to one that the border cuts."""
    radius = rng.uniform(0.08, rng.choice([0.3, 0.6])) * height
    center = rng.uniform(0.05, 0.95) * width, rng.uniform(0.15, 0.7) * height
    return Layout([(*center, radius, rng.normal(0, 0.04))], Strings.NONE)


def fleet(rng: np.random.Generator, height: int, width: int) -> Layout:
    """Hot-air balloons in the sky, from near ones to dots."""
    nearest = rng.uniform(0.03, 0.25)
    radii = np.sort(np.exp(rng.uniform(np.log(0.011), np.log(nearest), int(rng.integers(3, 26)))))[::-1] * height
    spots = [
        (rng.uniform(0, 1) * width, rng.uniform(0.02, 0.85) * height, radius, rng.normal(0, 0.04)) for radius in radii
    ]
    return Layout(spots, Strings.NONE)


def ashore(rng: np.random.Generator, height: int, width: int) -> Layout:
    """Hot-air balloons side by side before they rise: upright, or still lying as they are filled."""
    floor, radius = rng.uniform(0.7, 1.05) * height, rng.uniform(0.1, 0.32) * height
    lying = rng.random() < 0.35
    spots = []
    for _ in range(int(rng.integers(1, 7))):
        own = radius * rng.uniform(0.7, 1.2)
        angle = rng.choice([-1, 1]) * rng.uniform(0.9, 1.6) if lying else rng.normal(0, 0.06)
        spots.append((rng.uniform(0, 1) * width, floor - own * (0.8 if lying else 1.6), own, angle))
    return Layout(spots, Strings.NONE)


def launch(rng: np.random.Generator, height: int, width: int) -> Layout:
    """Hot-air balloons in rows on a field: near ones hide far ones, some still lie, some have risen."""
    horizon, slope = rng.uniform(-0.2, 0.5) * height, rng.uniform(0.18, 0.9)
    pitch, lying, risen = (
        rng.uniform(1.2, 3),
        rng.choice([0, rng.uniform(0, 0.5)]),
        rng.choice([0, rng.uniform(0, 0.5)]),
    )
    floor = height * rng.uniform(0.9, 1.5)
    spots: list[Spot] = []
    while floor > horizon + 0.06 * height and len(spots) < _MOST_LAUNCHED:
        radius = (floor - horizon) * slope / 2
        for x in np.arange(rng.uniform(-1, 1) * radius, width + radius, pitch * radius):
            own = radius * rng.uniform(0.75, 1.15)
            lies = rng.random() < lying
            y = floor - own * (0.75 if lies else 1.6) - (rng.random() < risen) * rng.uniform(0, 3) * own
            angle = rng.choice([-1, 1]) * rng.uniform(0.9, 1.7) if lies else rng.normal(0, 0.06)
            spots.append((x + rng.normal(0, 0.3) * own, y + rng.normal(0, 0.15) * own, own, angle))
        floor -= radius * rng.uniform(0.4, 1.2)
    return Layout(spots, Strings.NONE)
