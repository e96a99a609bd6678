"""Grounds behind balloons: sky, park, room, street at night, fields from the air, a launch site.

Each painter returns a picture and its light.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from balloon_splash.data.render.canvas import (
    FloatArray,
    blur,
    ellipse,
    fill_polygon,
    fill_rectangle,
    fractal_noise,
    rgb,
    smoothstep,
    stroke,
    vertical_gradient,
)
from balloon_splash.data.render.shading import Light, light_from

Ground = Callable[[np.random.Generator, int, int], tuple[FloatArray, Light]]


def paint_sky(rng: np.random.Generator, height: int, width: int) -> tuple[FloatArray, Light]:
    """Open sky with clouds, by day or at sunset, sometimes with hills below."""
    if rng.random() < 0.25:
        top, bottom = rgb(rng.uniform(0.58, 0.7), 0.5, 0.6), rgb(rng.uniform(0.02, 0.1), 0.55, 0.98)
        sun = rgb(0.09, 0.3, 1)
    else:
        top, bottom = rgb(rng.uniform(0.55, 0.61), rng.uniform(0.4, 0.8), rng.uniform(0.55, 0.9)), rgb(0.55, 0.12, 0.97)
        sun = rgb(0.12, 0.06, 1)
    image = vertical_gradient(height, width, [(0, top), (1, bottom)])
    _add_clouds(rng, image, cover=rng.uniform(0.2, 0.8), tint=sun)
    if rng.random() < 0.45:
        _add_hills(rng, image)
    side = rng.uniform(-0.85, -0.15) * np.pi
    return image, light_from(side, rng.uniform(0.4, 1), sun * 1.05, (top + bottom) / 2 + 0.25, bottom * 0.55)


def paint_park(rng: np.random.Generator, height: int, width: int) -> tuple[FloatArray, Light]:
    """Trees behind a lawn, out of focus, sometimes with a path."""
    horizon = rng.uniform(0.45, 0.72) * height
    sky = rgb(0.56, rng.uniform(0.05, 0.35), rng.uniform(0.85, 1))
    image = vertical_gradient(height, width, [(0, sky * 0.95), (1, sky)])
    hue = rng.uniform(0.2, 0.33) if rng.random() < 0.8 else rng.uniform(0.06, 0.12)
    for depth in np.linspace(0, 1, 3):
        _add_tree_line(rng, image, horizon, hue + rng.normal(0, 0.015), depth)
    _add_lawn(rng, image, horizon)
    if rng.random() < 0.4:
        _add_path(rng, image, horizon)
    far = blur(image, rng.uniform(1, 4.5) * height / 480)
    near = smoothstep(0.15, 1, (np.arange(height) - horizon) / (height - horizon))[:, None, None] * rng.uniform(0.3, 1)
    image = far + (image - far) * near
    sun = rgb(0.12, rng.uniform(0.03, 0.2), 1)
    grass = rgb(hue, 0.45, 0.4)
    return image, light_from(rng.uniform(-0.85, -0.15) * np.pi, rng.uniform(0.5, 1.1), sun, sky * 0.95, grass)


def paint_room(rng: np.random.Generator, height: int, width: int) -> tuple[FloatArray, Light]:
    """A wall lit from one side, a floor of boards, and some furniture."""
    floor = rng.uniform(0.72, 0.95) * height
    wall = rgb(rng.random(), rng.uniform(0.02, 0.35), rng.uniform(0.55, 0.93))
    side = rng.choice([-0.2, 0.2, 0.8, 1.2])
    image = np.empty((height, width, 3), np.float32)
    image[:] = wall
    _add_furniture(rng, image, floor)
    _add_floor(rng, image, floor)
    columns, rows = np.meshgrid(np.linspace(0, 1, width, dtype=np.float32), np.linspace(0, 1, height, dtype=np.float32))
    bright_x = 0.5 + 0.6 * np.sign(np.cos(side * np.pi))
    distance = np.hypot(columns - bright_x, rows - rng.uniform(0.1, 0.5))
    image *= (1.12 - 0.45 * distance)[..., None]
    image = blur(image, rng.uniform(0.6, 3) * height / 480)
    lamp = rgb(rng.uniform(0.08, 0.14), rng.uniform(0, 0.25), 1) * 1.15
    angle = -abs(side) * np.pi if side < 1 else -0.8 * np.pi
    return image, light_from(angle, rng.uniform(0.6, 1.2), lamp, wall * 0.6 + 0.35, wall * 0.5, window=True)


def paint_night(rng: np.random.Generator, height: int, width: int) -> tuple[FloatArray, Light]:
    """A street at night: houses with lit windows, lamps out of focus as discs."""
    hue = rng.uniform(0.55, 0.8)
    image = vertical_gradient(
        height, width, [(0, rgb(hue, 0.6, 0.14)), (0.7, rgb(hue, 0.5, 0.3)), (1, rgb(hue, 0.5, 0.1))]
    )
    _add_houses(rng, image, hue)
    image = blur(image, rng.uniform(2, 5) * height / 480)
    for _ in range(int(rng.integers(12, 45))):
        radius = rng.uniform(0.008, 0.045) * height
        center = (rng.uniform(0, width), rng.normal(0.55, 0.18) * height)
        color = rgb(rng.choice([0.08, 0.1, 0.13, 0.0, 0.55, 0.35, 0.85]), rng.uniform(0.3, 0.9), 1)
        opacity = rng.uniform(0.15, 0.7)
        fill_polygon(image, ellipse(center, (radius, radius)), color, opacity * 0.7)
        stroke(image, ellipse(center, (radius, radius)), max(1.0, radius * 0.12), color, opacity * 0.4)
    lamp = rgb(rng.uniform(0.05, 0.12), rng.uniform(0.1, 0.4), 0.95)
    return image, light_from(
        rng.uniform(-1, 0) * np.pi, rng.uniform(0.5, 1.1), lamp, rgb(hue, 0.35, 0.45), rgb(0.08, 0.4, 0.3)
    )


def paint_fields(rng: np.random.Generator, height: int, width: int) -> tuple[FloatArray, Light]:
    """Fields and woods from the air, paler towards the horizon, which may lie above the picture."""
    haze = rgb(rng.choice([0.56, 0.6, 0.1]), rng.uniform(0.03, 0.3), rng.uniform(0.7, 0.98))
    horizon = rng.uniform(-0.6, 0.5) * height
    image = vertical_gradient(height, width, [(0, haze * rgb(0.6, rng.uniform(0, 0.3), 0.95)), (1, haze)])
    top = max(int(horizon), 0)
    below = np.arange(top, height, dtype=np.float32)[:, None] - horizon + 0.02 * height
    away = rng.uniform(0.3, 1.2) * height / below
    across = (np.linspace(-0.5, 0.5, width, dtype=np.float32)[None] * width / height) * away * rng.uniform(0.8, 1.6)
    warp = 0.15 * fractal_noise(rng, height - top, width, cell=height / 4)
    turn, pitch = rng.uniform(0, np.pi), rng.uniform(3, 9)
    along = (np.cos(turn) * across + np.sin(turn) * away + warp) * pitch
    over = (np.cos(turn) * away - np.sin(turn) * across + warp) * pitch * rng.uniform(0.4, 1)
    colors = np.stack([rgb(rng.uniform(0.1, 0.36), rng.uniform(0.2, 0.65), rng.uniform(0.25, 0.75)) for _ in range(24)])
    plot = (np.floor(along).astype(np.int64) * 7 + np.floor(over).astype(np.int64) * 13) % len(colors)
    ground = colors[plot] * (0.75 + 0.5 * fractal_noise(rng, height - top, width, cell=12, octaves=3))[..., None]
    woods = fractal_noise(rng, height - top, width, cell=height / rng.uniform(2, 8), octaves=6, stretch=2)
    dark = rgb(rng.uniform(0.24, 0.36), 0.5, 0.3) * (0.6 + 0.8 * woods[..., None])
    wooded = smoothstep(0, 0.05, woods - rng.uniform(0.4, 0.75))[..., None]
    ground += (dark - ground) * wooded
    clear = smoothstep(0, rng.uniform(0.3, 1.5), below / height)[..., None] * rng.uniform(0.6, 1)
    image[top:] += (ground - image[top:]) * clear
    sun = rgb(0.11, rng.uniform(0, 0.3), 1)
    return image, light_from(rng.uniform(-0.9, -0.1) * np.pi, rng.uniform(0.3, 1), sun, haze, ground.mean(axis=(0, 1)))


def paint_launch_site(rng: np.random.Generator, height: int, width: int) -> tuple[FloatArray, Light]:
    """Field full of people and cars, seen from among them or from above, with trees at its end."""
    horizon = rng.uniform(-0.15, 0.75) * height
    sky = rgb(rng.choice([0.58, 0.1]), rng.uniform(0, 0.45), rng.uniform(0.55, 1))
    image = vertical_gradient(height, width, [(0, sky * 0.85), (1, sky)])
    _add_clouds(rng, image, cover=rng.uniform(0.1, 0.9), tint=sky)
    top = max(int(horizon), 0)
    if horizon > 0.1 * height and rng.random() < 0.8:
        _add_tree_line(rng, image, horizon, rng.uniform(0.15, 0.35), rng.uniform(0.6, 1))
    soil = rgb(rng.uniform(0.08, 0.32), rng.uniform(0.05, 0.6), rng.uniform(0.3, 0.75))
    patches = fractal_noise(rng, height - top, width, cell=60, octaves=6, stretch=3)
    image[top:] = soil * (0.7 + 0.6 * patches)[..., None]
    steep = rng.uniform(0.03, 0.25)
    for row in np.sort(
        horizon + (height * 1.02 - horizon) * rng.random(int(rng.integers(0, 500))) ** rng.uniform(0.6, 2)
    ):
        _add_visitor(rng, image, (rng.uniform(0, width), row), max((row - horizon) * steep, 1.2))
    image = blur(image, rng.uniform(0.3, 1.5) * height / 480)
    sun = rgb(0.11, rng.uniform(0, 0.3), 1)
    return image, light_from(rng.uniform(-0.9, -0.1) * np.pi, rng.uniform(0.3, 1.1), sun, sky * 0.95, soil * 0.8)


GROUNDS: dict[str, Ground] = {"sky": paint_sky, "park": paint_park, "room": paint_room, "night": paint_night}
#: Grounds of hot-air balloons alone.
LANDSCAPES: dict[str, Ground] = {"fields": paint_fields, "launch site": paint_launch_site}


def _add_visitor(rng: np.random.Generator, image: FloatArray, foot: tuple[float, float], tall: float) -> None:
    """Somebody who stands on the ground, or a car."""
    x, y = foot
    color = rgb(rng.random(), rng.uniform(0, 0.8), rng.uniform(0.05, 0.95))
    if rng.random() < 0.06:
        fill_rectangle(image, (x, y - tall * 0.75), (tall * 1.9, tall * 0.7), color)
        fill_rectangle(image, (x + tall * 0.2, y - tall * 0.7), (tall * 1.3, tall * 0.25), rgb(0.6, 0.1, 0.2))
        return
    fill_rectangle(image, (x - tall * 0.1, y - tall * 0.45), (tall * 0.2, tall * 0.45), color * rng.uniform(0.2, 0.9))
    fill_rectangle(image, (x - tall * 0.15, y - tall * 0.85), (tall * 0.3, tall * 0.45), color)
    skin = rgb(rng.uniform(0.04, 0.08), rng.uniform(0.3, 0.55), rng.uniform(0.3, 1))
    fill_polygon(image, ellipse((x, y - tall * 0.92), (tall * 0.08, tall * 0.1), corners=12), skin)


def _add_clouds(rng: np.random.Generator, image: FloatArray, cover: float, tint: FloatArray) -> None:
    height, width = image.shape[:2]
    density = fractal_noise(rng, height, width, cell=height / 2.2, octaves=6, stretch=2)
    alpha = smoothstep(0.95 - 0.6 * cover, 1.2 - 0.5 * cover, density) * 0.95
    # A cloud is darker where more of it lies above: compare its density with that further up.
    lifted = np.roll(density, height // 24, axis=0)
    light = np.clip(0.93 + (density - lifted) * 1.1, 0.6, 1.0)[..., None]
    image += (light * (0.55 + 0.45 * tint) - image) * alpha[..., None]


def _add_hills(rng: np.random.Generator, image: FloatArray) -> None:
    height, width = image.shape[:2]
    haze = image[-1, 0].copy()
    x = np.linspace(0, width, 60)
    for depth in np.linspace(0.3, 1, 3):
        ridge = fractal_noise(rng, 2, 60, cell=18)[0] * 0.16 + 0.96 - 0.16 * (1 - depth) - 0.08
        outline = np.concatenate([np.stack([x, ridge * height], axis=1), [[width, height * 1.1], [0, height * 1.1]]])
        green = rgb(rng.uniform(0.25, 0.4), 0.45, 0.3)
        fill_polygon(image, outline, haze + (green - haze) * depth * 0.9)


def _add_tree_line(rng: np.random.Generator, image: FloatArray, horizon: float, hue: float, depth: float) -> None:
    """One row of crowns; ``depth`` 0 is the farthest, palest and highest."""
    height, width = image.shape[:2]
    ridge = fractal_noise(rng, 2, width, cell=width / 5, octaves=6)[0] * 0.5
    top = horizon - height * (0.62 - 0.36 * depth) * (0.35 + ridge)
    rows = np.arange(height, dtype=np.float32)[:, None]
    leaves = fractal_noise(rng, height, width, cell=height / 9, octaves=5)
    alpha = smoothstep(-6, 10, rows - top[None] + (leaves - 0.5) * height * 0.12)
    lit = 0.22 + 0.55 * leaves**1.6 + 0.15 * (1 - depth)
    crowns = rgb(hue, 0.65 - 0.25 * (1 - depth), 1.0) * lit[..., None]
    image += (crowns - image) * alpha[..., None]


def _add_lawn(rng: np.random.Generator, image: FloatArray, horizon: float) -> None:
    height, width = image.shape[:2]
    top = int(horizon)
    rows = np.linspace(0, 1, height - top, dtype=np.float32)[:, None]
    blades = fractal_noise(rng, height - top, width, cell=9, octaves=3, stretch=0.35)
    patches = fractal_noise(rng, height - top, width, cell=60, octaves=4, stretch=4)
    lit = 0.66 - 0.2 * rows + (blades - 0.5) * 0.5 * rows + (patches - 0.5) * 0.22
    image[top:] = rgb(rng.uniform(0.2, 0.29), rng.uniform(0.45, 0.7), 1) * lit[..., None]


def _add_path(rng: np.random.Generator, image: FloatArray, horizon: float) -> None:
    height, width = image.shape[:2]
    t = np.linspace(0, 1, 30)
    middle = rng.uniform(0.2, 0.8) * width + rng.uniform(-0.6, 0.6) * width * t**2
    half = (0.01 + 0.2 * t) * width
    rows = horizon + t * (height - horizon)
    left, right = np.stack([middle - half, rows], axis=1), np.stack([middle + half, rows], axis=1)
    fill_polygon(image, np.concatenate([left, right[::-1]]), rgb(0.1, 0.14, rng.uniform(0.6, 0.8)))


def _add_floor(rng: np.random.Generator, image: FloatArray, floor: float) -> None:
    height, width = image.shape[:2]
    wood = rgb(rng.uniform(0.04, 0.1), rng.uniform(0.25, 0.6), rng.uniform(0.3, 0.7))
    fill_rectangle(image, (0, floor), (width, height), wood)
    vanishing = np.array([width * rng.uniform(0.3, 0.7), floor - height * 0.5])
    for x in np.arange(-2, 3, 0.14) * width:
        board = np.linspace([x, height * 1.2], vanishing, 20)
        stroke(image, board[board[:, 1] > floor], 2.0, wood * 0.7, 0.6)
    fill_rectangle(image, (0, floor - height * 0.025), (width, height * 0.025), rgb(0.1, 0.05, rng.uniform(0.8, 0.97)))


def _add_furniture(rng: np.random.Generator, image: FloatArray, floor: float) -> None:
    pieces = [_add_window, _add_picture, _add_picture, _add_shelf, _add_cabinet, _add_sofa]
    for index in sorted(rng.choice(len(pieces), size=int(rng.integers(2, 5)), replace=False)):
        pieces[index](rng, image, floor)


def _add_window(rng: np.random.Generator, image: FloatArray, floor: float) -> None:
    height, width = image.shape[:2]
    x, y = rng.uniform(0, 0.7) * width, rng.uniform(0.02, 0.2) * height
    size = np.array([rng.uniform(0.2, 0.32) * width, floor * 0.6])
    fill_rectangle(image, (x - 8, y - 8), (size[0] + 16, size[1] + 16), rgb(0.1, 0.03, 0.93))
    for pane in range(2):
        corner = (x + pane * (size[0] / 2 + 3), y)
        fill_rectangle(image, corner, (size[0] / 2 - 3, size[1]), rgb(0.56, rng.uniform(0.05, 0.2), 1))


def _add_picture(rng: np.random.Generator, image: FloatArray, floor: float) -> None:
    height, width = image.shape[:2]
    size = rng.uniform(0.1, 0.26, 2) * height
    x, y = rng.uniform(0, width), rng.uniform(0.05, 0.35) * height
    fill_rectangle(image, (x, y), (size[0], size[1]), rgb(rng.random(), 0.3, rng.choice([0.1, 0.35, 0.95])))
    fill_rectangle(image, (x + 6, y + 6), (size[0] - 12, size[1] - 12), rgb(rng.random(), 0.25, rng.uniform(0.6, 0.95)))
    fill_rectangle(
        image,
        (x + 14, y + size[1] * 0.5),
        (size[0] - 28, size[1] * 0.35),
        rgb(rng.random(), 0.5, rng.uniform(0.3, 0.8)),
    )


def _add_shelf(rng: np.random.Generator, image: FloatArray, floor: float) -> None:
    height, width = image.shape[:2]
    left, board = rng.uniform(0, 0.6) * width, rgb(rng.uniform(0.05, 0.1), 0.45, rng.uniform(0.3, 0.8))
    for row in range(int(rng.integers(1, 4))):
        y, x = (0.22 + 0.17 * row) * height, left
        while x < left + 0.3 * width:
            thickness, tall = rng.uniform(0.01, 0.025) * width, rng.uniform(0.07, 0.12) * height
            book = rgb(rng.random(), rng.uniform(0.2, 0.8), rng.uniform(0.25, 0.85))
            fill_rectangle(image, (x, y - tall), (thickness * 0.92, tall), book)
            x += thickness
        fill_rectangle(image, (left - 5, y), (0.3 * width + 10, 0.015 * height), board)


def _add_cabinet(rng: np.random.Generator, image: FloatArray, floor: float) -> None:
    height, width = image.shape[:2]
    wide, tall = rng.uniform(0.2, 0.45) * width, rng.uniform(0.2, 0.4) * height
    x, color = (
        rng.uniform(-0.05, 0.7) * width,
        rgb(rng.uniform(0.04, 0.12), rng.uniform(0.1, 0.6), rng.uniform(0.35, 0.95)),
    )
    fill_rectangle(image, (x, floor - tall), (wide, tall), color * 0.8)
    fill_rectangle(image, (x - 5, floor - tall - 8), (wide + 10, 10), color)
    for door in range(3):
        fill_rectangle(image, (x + 5 + door * wide / 3, floor - tall + 8), (wide / 3 - 10, tall - 20), color * 0.92)


def _add_sofa(rng: np.random.Generator, image: FloatArray, floor: float) -> None:
    height, width = image.shape[:2]
    wide, tall = rng.uniform(0.4, 0.6) * width, rng.uniform(0.2, 0.28) * height
    x, color = rng.uniform(-0.1, 0.6) * width, rgb(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.75))
    fill_rectangle(image, (x, floor - tall * 1.5), (wide, tall * 1.5), color * 0.8)
    for seat in range(2):
        fill_rectangle(image, (x + wide * (0.12 + 0.385 * seat), floor - tall * 0.8), (wide * 0.37, tall * 0.4), color)
    for side in (0.0, 0.9):
        fill_rectangle(image, (x + wide * side, floor - tall), (wide * 0.1, tall), color * 0.92)


def _add_houses(rng: np.random.Generator, image: FloatArray, hue: float) -> None:
    height, width = image.shape[:2]
    x = 0.0
    while x < width:
        wide, top = rng.uniform(0.12, 0.3) * width, rng.uniform(0.1, 0.5) * height
        fill_rectangle(image, (x, top), (wide, 0.8 * height - top), rgb(hue, 0.5, rng.uniform(0.06, 0.16)))
        step = height * 0.07
        for row in np.arange(top + step * 0.5, 0.7 * height, step):
            for column in np.arange(x + step * 0.4, x + wide - step * 0.5, step * 0.8):
                if rng.random() < 0.35:
                    fill_rectangle(image, (column, row), (step * 0.4, step * 0.55), rgb(0.1, 0.5, rng.uniform(0.4, 1)))
        x += wide
