"""Distractors: round things other than balloons, painted but never annotated, so that roundness is not enough."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from balloon_splash.data.render.canvas import (
    FloatArray,
    Points,
    blend,
    blur,
    bounding_box,
    coverage,
    ellipse,
    fill_polygon,
    fill_rectangle,
    rgb,
)
from balloon_splash.data.render.shading import Light, shade_matte

Painter = Callable[[np.random.Generator, FloatArray, tuple[float, float], float, Light], None]


def add_ball(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A beach ball or a football: coloured panels on a dull sphere."""
    palette = np.stack([rgb(rng.random(), 0.8, 0.9), rgb(rng.random(), 0.7, 0.9), rgb(0, 0, 0.95)])
    axis = rng.normal(size=3)
    axis /= np.linalg.norm(axis)
    side = np.cross(axis, [0.3, 0.5, 0.8])
    up = np.cross(axis, side)
    panels = int(rng.choice([4, 6, 9]))

    def albedo(normals: FloatArray) -> FloatArray:
        longitude = np.arctan2(normals @ side, normals @ up) / (2 * np.pi) + 0.5
        return palette[(longitude * panels).astype(int) % len(palette)]

    _add_sphere(image, center, radius, light, albedo)


def add_fruit(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """An apple or an orange, with stem and leaf."""
    color = rgb(rng.choice([0.0, 0.08, 0.22, 0.98]), 0.85, rng.uniform(0.6, 0.95))
    _add_sphere(image, center, radius, light, lambda normals: color * (1 + 0.12 * np.sin(normals[..., :1] * 9)))
    x, y = center
    fill_rectangle(image, (x - radius * 0.04, y - radius * 1.15), (radius * 0.08, radius * 0.3), rgb(0.08, 0.6, 0.25))
    leaf = ellipse((x + radius * 0.25, y - radius * 1.08), (radius * 0.28, radius * 0.11), -0.3)
    fill_polygon(image, leaf, rgb(0.3, 0.7, 0.5))


def add_lamp(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A glowing globe with its halo."""
    height, width = image.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    squared = ((columns - center[0]) ** 2 + (rows - center[1]) ** 2).astype(np.float32) / (radius * 1.8) ** 2
    glow = rgb(0.11, rng.uniform(0.1, 0.4), 1)
    image += glow * (0.45 * np.exp(-squared))[..., None]
    fill_polygon(image, ellipse(center, (radius, radius)), glow * 0.6 + 0.4)


def add_face(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """Somebody out of focus: hair, face, shoulders."""
    height, width = image.shape[:2]
    figure, alpha = image.copy(), np.zeros((height, width, 3), np.float32)
    x, y = center
    skin = rgb(rng.uniform(0.04, 0.08), rng.uniform(0.3, 0.55), rng.uniform(0.45, 1))
    hair = rgb(rng.uniform(0.03, 0.12), 0.5, rng.uniform(0.05, 0.5))
    shirt = rgb(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.2, 0.9))
    parts: list[tuple[Points, FloatArray]] = [
        (_torso(x, y + radius * 1.3, radius * 1.75, height), shirt),
        (ellipse((x, y - radius * 0.2), (radius * 0.98, radius * 1.15)), hair),
        (ellipse((x, y + radius * 1.1), (radius * 0.35, radius * 0.5)), skin * 0.85),
        (ellipse((x, y + radius * 0.1), (radius * 0.78, radius * 1.0)), skin),
        (ellipse((x - radius * 0.3, y), (radius * 0.1, radius * 0.07)), hair * 0.5),
        (ellipse((x + radius * 0.3, y), (radius * 0.1, radius * 0.07)), hair * 0.5),
        (ellipse((x, y + radius * 0.55), (radius * 0.28, radius * 0.08)), skin * rgb(0.0, 0.4, 0.8)),
    ]
    for outline, color in parts:
        fill_polygon(figure, outline, color * (light.above * 0.5 + light.color * 0.45))
        fill_polygon(alpha, outline, np.ones(3, np.float32))
    sigma = max(0.6, radius * 0.06)
    figure, alpha = blur(figure, sigma), blur(alpha, sigma)
    image += (figure - image) * alpha


def add_clock(
    rng: np.random.Generator, image: FloatArray, center: tuple[float, float], radius: float, light: Light
) -> None:
    """A wall clock or a round sign: a flat disc with a rim."""
    rim, face = rgb(rng.random(), rng.uniform(0, 0.9), rng.uniform(0.1, 0.9)), rgb(rng.random(), 0.06, 0.93)
    shade = light.above * 0.4 + light.color * 0.5
    fill_polygon(image, ellipse(center, (radius, radius)), rim * shade)
    fill_polygon(image, ellipse(center, (radius * 0.86, radius * 0.86)), face * shade)
    for turn, reach in ((rng.uniform(0, 6.3), 0.5), (rng.uniform(0, 6.3), 0.72)):
        tip = (center[0] + radius * reach / 2 * np.cos(turn), center[1] + radius * reach / 2 * np.sin(turn))
        fill_polygon(image, ellipse(tip, (radius * reach / 2, radius * 0.03), turn), rgb(0, 0, 0.12))


DISTRACTORS: dict[str, tuple[Painter, ...]] = {
    "sky": (add_lamp,),
    "park": (add_ball, add_ball, add_face, add_face),
    "room": (add_ball, add_fruit, add_lamp, add_face, add_clock),
    "night": (add_lamp, add_face),
    "fields": (add_lamp,),
    "launch site": (add_face, add_face, add_ball),
}


def _torso(x: float, shoulder: float, half: float, bottom: int) -> Points:
    """Shoulders, half an ellipse, and all below them down to the edge of the picture."""
    t = np.linspace(np.pi, 2 * np.pi, 24)
    shoulders = np.stack([x + half * np.cos(t), shoulder + half * 0.6 * (1 + np.sin(t))], axis=1)
    return np.concatenate([shoulders, [[x + half * 1.1, bottom + 9], [x - half * 1.1, bottom + 9]]])


def _add_sphere(
    image: FloatArray,
    center: tuple[float, float],
    radius: float,
    light: Light,
    albedo: Callable[[FloatArray], FloatArray],
) -> None:
    outline = ellipse(center, (radius, radius), corners=96)
    box = bounding_box(outline, *image.shape[:2])
    x = (np.arange(box[0], box[2], dtype=np.float32) + 0.5 - center[0]) / radius
    y = (np.arange(box[1], box[3], dtype=np.float32) + 0.5 - center[1]) / radius
    grid_x, grid_y = np.meshgrid(x, y)
    reach = np.maximum(np.hypot(grid_x, grid_y), 1)
    grid_x, grid_y = grid_x / reach, grid_y / reach
    normals = np.stack([grid_x, grid_y, np.sqrt(np.clip(1 - grid_x**2 - grid_y**2, 0, 1))], axis=-1)
    blend(image, shade_matte(normals, albedo(normals), light), coverage(outline, box), box)
