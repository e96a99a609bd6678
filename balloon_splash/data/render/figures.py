"""Figures of any outline and any print, flat or domed: signs, paper flowers, patterned plates, umbrellas, rosettes.

No list of things is ever long enough. These share what balloons lack: corners, cuts, petals, or a print. Drawing them
at random is domain randomisation (Tobin et al. 2017, arXiv:1703.06907).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from balloon_splash.data.render.canvas import (
    FloatArray,
    Points,
    blend,
    bounding_box,
    coverage,
    ellipse,
    fill_polygon,
    fill_rectangle,
    fractal_noise,
    rgb,
)
from balloon_splash.data.render.shading import Light
from balloon_splash.data.render.solids import add_solid

_COLORS = 3  # of a print


def add_disc(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A sign or a printed dot: a flat ellipse, perhaps with a border and something in it."""
    radii = (radius, radius * rng.uniform(0.4, 1))
    turn = rng.uniform(0, np.pi)
    for share in (1.0, rng.uniform(0.8, 0.95), rng.uniform(0.2, 0.6))[: rng.integers(1, 4)]:
        fill_polygon(image, ellipse(center, (radii[0] * share, radii[1] * share), turn), _paint(rng))


def add_figure(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A figure with a print, flat or domed, perhaps with a border, a hole, or on a pole."""
    if rng.random() < 0.25:
        half = radius * rng.uniform(0.03, 0.1)
        fill_rectangle(image, (center[0] - half, center[1]), (2 * half, radius * rng.uniform(1.2, 6)), _paint(rng))
    unit = random_outline(rng)
    if rng.random() < 0.4:
        fill_polygon(image, unit * radius * rng.uniform(1.04, 1.2) + center, _paint(rng))
    outline = unit * radius + center
    albedo = random_print(rng, image.shape[:2], center, radius)
    box = bounding_box(outline, *image.shape[:2])
    if rng.random() < 0.4:
        add_solid(image, outline, albedo, light, rng.uniform(0, 0.6))
    elif box[0] < box[2] and box[1] < box[3]:
        blend(image, albedo[box[1] : box[3], box[0] : box[2]], coverage(outline, box), box)
    if rng.random() < 0.3:
        hole = radius * rng.uniform(0.15, 0.5)
        fill_polygon(image, ellipse(center, (hole, hole * rng.uniform(0.6, 1))), _paint(rng))


def random_outline(rng: np.random.Generator) -> Points:
    """The outline of a figure around the origin, ``(N, 2)``, about 1 from it: petals, corners, a cut round."""
    t = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    reach = np.ones_like(t)
    kind = rng.integers(4)
    if kind == 0:  # petals, or the rays of a star
        waves = np.abs(np.cos(t * rng.integers(3, 12) / 2)) ** rng.uniform(0.3, 1.5)
        reach = 1 - rng.uniform(0.15, 0.7) * (1 - waves)
    elif kind == 1:
        t = np.linspace(0, 2 * np.pi, int(rng.integers(3, 9)), endpoint=False)
        reach = np.ones_like(t)
    outline = np.stack([reach * np.cos(t), reach * np.sin(t) * rng.uniform(0.5, 1)], axis=1)
    if kind == 2:
        outline[:, 1] = np.minimum(outline[:, 1], rng.uniform(-0.1, 0.4))
    turn = rng.choice([0.0, rng.uniform(0, 2 * np.pi)])
    cos, sin = np.cos(turn), np.sin(turn)
    turned: Points = outline @ np.array([[cos, sin], [-sin, cos]])
    return turned


def random_print(
    rng: np.random.Generator, size: tuple[int, ...], center: tuple[float, float], radius: float
) -> FloatArray:
    """Colours ``(H, W, 3)`` of a picture of ``size``: stripes, rings, wedges, checks, dots or grain around a centre."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    x, y = (columns - center[0]) / radius, (rows - center[1]) / radius
    turn = rng.uniform(0, np.pi)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    finer = rng.uniform(1.5, 6)
    palette = np.stack([_paint(rng) for _ in range(_COLORS)])
    kind = rng.integers(7)
    if kind == 6:
        grain = fractal_noise(rng, size[0], size[1], max(radius * rng.uniform(0.1, 1), 2), stretch=rng.choice([1, 5]))
        return palette[0] * (1 - rng.uniform(0.4, 0.9) * grain)[..., None]
    bands: FloatArray = (
        along * finer,
        np.hypot(x, y) * finer,
        np.arctan2(y, x) / np.pi * np.round(finer),
        np.floor(along * finer) + np.floor(across * finer),
        2.0 * (np.hypot(along * finer % 1 - 0.5, across * finer % 1 - 0.5) < rng.uniform(0.2, 0.4)),
        1.0 * (np.abs(along) < rng.uniform(0.08, 0.3)),  # one bar across
    )[kind]
    index: npt.NDArray[np.int64] = np.floor(bands).astype(np.int64) % int(rng.integers(2, _COLORS + 1))
    return palette[index]


def _paint(rng: np.random.Generator) -> FloatArray:
    """A colour; every other one is a grey."""
    return rgb(rng.random(), rng.choice([0.0, rng.random()]), rng.random())
