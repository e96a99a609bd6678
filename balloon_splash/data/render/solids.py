"""Rounded things that are shaded and shine, as balloons do: limbs, cushions, helmets, headlights, knobs, spoons."""

from __future__ import annotations

import cv2
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
    fractal_noise,
    rgb,
    stroke,
)
from balloon_splash.data.render.shading import Light, shade_matte

Center = tuple[float, float]

_SMALLEST = 4  # pixels; what is smaller shows no shading


def add_solid(image: FloatArray, outline: Points, albedo: FloatArray, light: Light, gloss: float) -> None:
    """Fill an outline as if it were inflated, in place.

    Args:
        image: the picture.
        outline: ``(N, 2)``.
        albedo: a colour ``(3,)``, or one for each pixel of the picture, ``(H, W, 3)``.
        light: the scene's.
        gloss: 0 for cloth and skin, 1 for lacquer.
    """
    box = bounding_box(outline, *image.shape[:2])
    if min(box[2] - box[0], box[3] - box[1]) < _SMALLEST:
        return
    alpha = coverage(outline, box)
    depth = cv2.distanceTransform((alpha > 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    thickest = max(float(depth.max()), 1.0)
    dome = thickest * np.sqrt(np.clip(1 - (1 - depth / thickest) ** 2, 0, 1))
    dome = blur(dome.astype(np.float32), 0.5 + 0.08 * thickest)
    slope_y, slope_x = np.gradient(dome)
    normals = np.stack([-slope_x, -slope_y, np.ones_like(dome)], axis=-1)
    normals /= np.linalg.norm(normals, axis=-1, keepdims=True)
    if albedo.ndim == 3:
        albedo = albedo[box[1] : box[3], box[0] : box[2]]
    halfway = light.direction + np.array([0, 0, 1], np.float32)
    shine = np.clip(normals @ (halfway / np.linalg.norm(halfway)), 0, 1)[..., None] ** 60
    blend(image, shade_matte(normals, albedo, light) + light.color * shine * gloss, alpha, box)


def add_limb(rng: np.random.Generator, image: FloatArray, center: Center, radius: float, light: Light) -> None:
    """An arm, bare or in a sleeve: long, bent, smooth."""
    turn, bend = rng.uniform(0, 2 * np.pi), rng.uniform(-1.2, 1.2)
    steps = np.linspace(-1, 1, 24)[:, None]
    heading = turn + bend * np.clip(steps * 2, -1, 1)
    half = radius * rng.uniform(1.2, 2.5)
    path = np.cumsum(np.concatenate([np.cos(heading), np.sin(heading)], axis=1), axis=0) * half / 12
    path += np.array(center) - path.mean(axis=0)
    skin = rgb(rng.uniform(0.03, 0.09), rng.uniform(0.2, 0.6), rng.uniform(0.35, 1))
    cloth = rgb(rng.random(), rng.uniform(0, 0.9), rng.uniform(0.1, 1))
    thick = radius * rng.uniform(0.4, 0.8) * (1 + 0.25 * np.cos(heading - turn + rng.uniform(0, 6)))
    side = np.concatenate([-np.sin(heading), np.cos(heading)], axis=1) * thick
    outline = np.concatenate([path + side, (path - side)[::-1]])
    add_solid(image, outline, skin if rng.random() < 0.6 else cloth, light, rng.uniform(0, 0.15))


def add_cushion(rng: np.random.Generator, image: FloatArray, center: Center, radius: float, light: Light) -> None:
    """A cushion, a stone, a potato, a folded shirt: dented and of some grain."""
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    reach = radius * (1 + sum(rng.uniform(0, 0.35) / k * np.cos(k * t + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5)))
    outline = np.stack([center[0] + reach * np.cos(t), center[1] + reach * np.sin(t) * rng.uniform(0.6, 1)], axis=1)
    height, width = image.shape[:2]
    grain = fractal_noise(rng, height, width, max(radius * rng.uniform(0.1, 1.5), 2), stretch=rng.choice([1.0, 4.0]))
    color = rgb(rng.random(), rng.choice([0.1, rng.random()]), rng.uniform(0.2, 1))
    add_solid(image, outline, color * (1 - rng.uniform(0.35, 0.8) * grain)[..., None], light, rng.uniform(0, 0.2))


def add_helmet(rng: np.random.Generator, image: FloatArray, center: Center, radius: float, light: Light) -> None:
    """A lacquered helmet over a face, with its brim, its ridges or its visor."""
    x, y = center
    paint = rgb(rng.random(), rng.choice([0.05, 0.85]), rng.uniform(0.4, 0.95))
    skin = rgb(rng.uniform(0.04, 0.08), rng.uniform(0.3, 0.55), rng.uniform(0.45, 1))
    add_solid(image, ellipse((x, y + radius * 0.35), (radius * 0.72, radius * 0.95)), skin, light, 0.0)
    dome = ellipse(center, (radius, radius * rng.uniform(0.85, 1.1)), corners=96)
    brow = y + radius * rng.uniform(0.0, 0.3)
    add_solid(image, np.minimum(dome, [np.inf, brow]), paint, light, rng.uniform(0.4, 1))
    if rng.random() < 0.5:
        visor = ellipse((x, brow), (radius * rng.uniform(0.7, 1.1), radius * 0.25))
        add_solid(image, visor, rgb(0.6, 0.2, rng.uniform(0.05, 0.4)), light, 1.0)
    else:
        fill_rectangle(image, (x - radius * 1.05, brow - radius * 0.06), (radius * 2.1, radius * 0.12), paint * 0.6)
        for shift in (-0.4, 0.0, 0.4):
            ridge = np.linspace([x + shift * radius * 0.6, y - radius * 0.8], [x + shift * radius, brow], 12)
            stroke(image, ridge, max(1.0, radius * 0.04), paint * 0.65)


def add_headlight(rng: np.random.Generator, image: FloatArray, center: Center, radius: float, light: Light) -> None:
    """A headlight: a chrome ring, a mirror behind ribbed glass, a bulb."""
    flat = rng.uniform(0.6, 1)
    chrome = rgb(0.6, rng.uniform(0, 0.15), rng.uniform(0.5, 0.9))
    add_solid(image, ellipse(center, (radius, radius * flat)), chrome, light, 1.0)
    glass = rgb(rng.choice([0.0, 0.08, 0.15, 0.6]), rng.choice([0.05, 0.15, 0.8]), rng.uniform(0.5, 1))
    for share in np.linspace(0.84, 0.15, 6):
        fill_polygon(image, ellipse(center, (radius * share, radius * share * flat)), glass * rng.uniform(0.35, 1.1))
    for shift in np.linspace(-0.7, 0.7, int(rng.integers(3, 10))):
        half = 0.8 * flat * np.sqrt(0.84**2 - shift**2)
        rib = np.array(center) + radius * np.linspace([shift, -half], [shift, half], 8)
        stroke(image, rib, max(1.0, radius * 0.03), glass * rng.uniform(0.3, 1.3), 0.6)
    spot = (center[0] + radius * rng.uniform(-0.3, 0.3), center[1] + radius * rng.uniform(-0.3, 0.3) * flat)
    fill_polygon(image, ellipse(spot, (radius * 0.18, radius * 0.14)), np.ones(3, np.float32), rng.uniform(0.2, 1))


def add_knob(rng: np.random.Generator, image: FloatArray, center: Center, radius: float, light: Light) -> None:
    """A push button or a knob on its plate."""
    x, y = center
    plate, cap = (
        rgb(rng.random(), rng.uniform(0, 0.4), rng.uniform(0.1, 0.8)),
        rgb(rng.random(), 0.8, rng.uniform(0.3, 1)),
    )
    fill_rectangle(image, (x - radius, y - radius), (radius * 2, radius * 2), plate)
    for corner_x, corner_y in ((-0.78, -0.78), (0.78, -0.78), (-0.78, 0.78), (0.78, 0.78)):
        fill_polygon(image, ellipse((x + corner_x * radius, y + corner_y * radius), (radius * 0.1,) * 2), plate * 0.5)
    fill_polygon(image, ellipse((x + radius * 0.05, y + radius * 0.08), (radius * 0.74,) * 2), plate * 0.4)
    add_solid(image, ellipse(center, (radius * 0.68, radius * 0.68)), cap, light, rng.uniform(0, 0.8))
    if rng.random() < 0.5:
        fill_polygon(image, ellipse(center, (radius * 0.42, radius * 0.42)), cap * rng.uniform(0.8, 1.1))


def add_spoon(rng: np.random.Generator, image: FloatArray, center: Center, radius: float, light: Light) -> None:
    """A spoon: a mirroring bowl and its handle."""
    turn = rng.uniform(0, 2 * np.pi)
    heading = np.array([np.cos(turn), np.sin(turn)])
    metal = rgb(rng.choice([0.1, 0.6]), rng.uniform(0, 0.25), rng.uniform(0.4, 0.95))
    handle = np.linspace(np.array(center), np.array(center) + heading * radius * 3.5, 12)
    stroke(image, handle, max(1.5, radius * 0.25), metal * 0.8)
    bowl = (radius, radius * rng.uniform(0.6, 0.75))
    add_solid(image, ellipse(center, bowl, turn), metal, light, 1.0)
    inner = (bowl[0] * 0.85, bowl[1] * 0.82)
    upside_down = Light(light.direction * [-1, -1, 1], light.color, light.below, light.above)
    add_solid(image, ellipse(center, inner, turn), metal * 0.9, upside_down, 0.8)
