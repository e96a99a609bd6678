"""Pictures of round things other than balloons, which a model must learn to leave alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from balloon_splash.data.render.canvas import (
    FloatArray,
    blend,
    bounding_box,
    coverage,
    ellipse,
    fill_polygon,
    fractal_noise,
    rgb,
    stroke,
)
from balloon_splash.data.render.distractors import Painter, add_ball, add_clock, add_face, add_fruit, add_lamp
from balloon_splash.data.render.figures import add_disc, add_figure
from balloon_splash.data.render.grounds import GROUNDS
from balloon_splash.data.render.scene import photograph
from balloon_splash.data.render.shading import Light, light_from
from balloon_splash.data.render.solids import (
    add_cushion,
    add_headlight,
    add_helmet,
    add_knob,
    add_limb,
    add_spoon,
)

_MOST = 9  # things in a picture


def add_wheel(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A wheel: dark tyre, bright rim, spokes."""
    rim = rgb(rng.random(), rng.uniform(0, 0.3), rng.uniform(0.5, 0.95)) * (light.above * 0.4 + light.color * 0.5)
    tyre = rgb(0, 0, rng.uniform(0.05, 0.2))
    fill_polygon(image, ellipse(center, (radius, radius)), tyre)
    fill_polygon(image, ellipse(center, (radius * 0.72, radius * 0.72)), rim)
    fill_polygon(image, ellipse(center, (radius * 0.62, radius * 0.62)), tyre * 1.5)
    for turn in np.linspace(0, np.pi, int(rng.integers(3, 9)), endpoint=False) + rng.uniform(0, 1):
        reach = 0.66 * radius * np.array([np.cos(turn), np.sin(turn)])
        path = np.linspace(np.array(center) - reach, np.array(center) + reach, 8)
        stroke(image, path, max(1.0, radius * 0.06), rim)
    fill_polygon(image, ellipse(center, (radius * 0.16, radius * 0.16)), rim)


def add_plate(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A plate or a bowl seen at a slant: rings of one colour."""
    flat = rng.uniform(0.35, 1)
    glaze = rgb(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.6, 0.98)) * (light.above * 0.4 + light.color * 0.5)
    for share, shade in ((1.0, 0.95), (0.93, 1.05), (0.66, 0.82), (0.62, 1.0)):
        fill_polygon(image, ellipse(center, (radius * share, radius * share * flat)), glaze * shade)


def add_cup(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A cup on its saucer seen from above: rings of one glaze around a drink."""
    flat = rng.uniform(0.6, 1)
    glaze = rgb(rng.random(), rng.uniform(0, 0.9), rng.uniform(0.4, 0.95)) * (light.above * 0.4 + light.color * 0.5)
    drink = rgb(rng.uniform(0.03, 0.12), rng.uniform(0.3, 0.9), rng.uniform(0.1, 0.6))
    x, y = center
    handle = ellipse((x + radius * 0.72, y), (radius * 0.2, radius * 0.1))
    rings = ((1.0, glaze * 0.9), (0.9, glaze), (0.62, glaze * 1.1), (0.54, drink))
    for share, color in rings[:2]:
        fill_polygon(image, ellipse(center, (radius * share, radius * share * flat)), color)
    fill_polygon(image, handle, glaze)
    for share, color in rings[2:]:
        fill_polygon(image, ellipse(center, (radius * share, radius * share * flat)), color)
    foam = ellipse((x + radius * rng.uniform(-0.2, 0.2), y), (radius * 0.25, radius * 0.2 * flat), rng.uniform(0, 3))
    fill_polygon(image, foam, np.minimum(drink * 2.2, 1), 0.7)


def add_coin(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A worn coin, often grey: a raised rim and the relief of a stamp, lit from the side."""
    outline = ellipse(center, (radius * rng.uniform(0.9, 1), radius * rng.uniform(0.9, 1)), rng.uniform(0, np.pi))
    box = bounding_box(outline, *image.shape[:2])
    height, width = box[3] - box[1], box[2] - box[0]
    if min(height, width) < 4:
        return
    rows, columns = np.mgrid[box[1] : box[3], box[0] : box[2]].astype(np.float32) + 0.5
    reach = np.hypot(columns - center[0], rows - center[1]) / radius
    stamp = fractal_noise(rng, height, width, max(radius * 0.5, 3.0), octaves=5)
    relief = np.where(reach < rng.uniform(0.6, 0.8), stamp, stamp * 0.3) + 0.5 * np.exp(-(((reach - 0.9) / 0.06) ** 2))
    slope = np.gradient(relief, axis=1) * light.direction[0] + np.gradient(relief, axis=0) * light.direction[1]
    metal = rgb(rng.choice([0.08, 0.1, 0.6]), rng.uniform(0, 0.5), rng.uniform(0.3, 0.8))
    shade = 0.75 + slope * radius * rng.uniform(0.15, 0.4) + 0.25 * (stamp - 0.5)
    blend(image, metal * np.clip(shade, 0.1, 1.6)[..., None], coverage(outline, box), box)


def paint_tabletop(rng: np.random.Generator, height: int, width: int) -> tuple[FloatArray, Light]:
    """A table, a wall or a sheet from straight above: a surface with its grain, and light that falls off."""
    grain = fractal_noise(rng, height, width, rng.uniform(4, 120), stretch=rng.choice([1.0, 6.0]))
    color = rgb(rng.random(), rng.choice([0.0, rng.uniform(0, 0.6)]), rng.uniform(0.05, 0.95))
    left, right = rng.uniform(0.6, 1.2, 2).tolist()
    fall = np.linspace(left, right, width, dtype=np.float32)[None]
    image = color * (1 - rng.uniform(0.02, 0.5) * grain * fall)[..., None]
    white = np.ones(3, np.float32)
    return image.astype(np.float32), light_from(rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1), white, white, white)


#: All things, each with the same chance each time it is named.
PAINTERS: tuple[Painter, ...] = (
    add_ball,
    add_fruit,
    add_lamp,
    add_face,
    add_clock,
    add_wheel,
    add_plate,
    add_cup,
    add_coin,
    add_disc,
    add_figure,
    add_figure,
    add_figure,
    add_limb,
    add_cushion,
    add_helmet,
    add_headlight,
    add_knob,
    add_spoon,
)
_GROUNDS = (*GROUNDS.values(), paint_tabletop, paint_tabletop)


def render_no_balloons(seed: int, size: tuple[int, int] = (640, 480)) -> npt.NDArray[np.uint8]:
    """Render the picture of ``seed``, ``(H, W, 3)`` RGB, the same on every call.

    Args:
        seed: any non-negative number.
        size: width and height in pixels.
    """
    # Apart from those of scenes with balloons, which are seeded with one number.
    rng = np.random.default_rng([seed, 1])
    width, height = size
    image, light = _GROUNDS[rng.integers(len(_GROUNDS))](rng, height, width)
    if rng.random() < 0.3:
        _lay_out_in_rows(rng, image, light)
    else:
        _scatter(rng, image, light)
    if rng.random() < 0.2:  # an old photo
        image[:] = image.mean(axis=2, keepdims=True)
    return photograph(rng, image)


def _scatter(rng: np.random.Generator, image: FloatArray, light: Light) -> None:
    """Things of all kinds anywhere, the small ones first."""
    height, width = image.shape[:2]
    for radius in np.sort(rng.uniform(0.02, rng.uniform(0.1, 0.28), int(rng.integers(2, _MOST + 1)))):
        painter = PAINTERS[rng.integers(len(PAINTERS))]
        center = (rng.uniform(0.03, 0.97) * width, rng.uniform(0.05, 0.95) * height)
        painter(rng, image, center, float(radius) * height, light)


def _lay_out_in_rows(rng: np.random.Generator, image: FloatArray, light: Light) -> None:
    """Many things of one kind, as coins in a collection or plates on a table."""
    height, width = image.shape[:2]
    painter = PAINTERS[rng.integers(len(PAINTERS))]
    rows = int(rng.integers(2, 6))
    pitch = height / rows
    for row in range(rows):
        for column in range(int(width / pitch)):
            center = ((column + 0.5 + rng.uniform(-0.1, 0.1)) * pitch, (row + 0.5 + rng.uniform(-0.1, 0.1)) * pitch)
            painter(rng, image, center, pitch * rng.uniform(0.25, 0.45), light)
