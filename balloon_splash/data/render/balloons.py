"""Balloons: their outline, and their look in a given light.

A rubber balloon is a surface of revolution, so one profile, the half-width at each height, gives its outline, its
normals and its knot. A foil balloon is a flat shape blown up: its height follows the distance to the seam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from balloon_splash.data.render.canvas import FloatArray, Points, blend, blur, bounding_box, coverage, fill, rgb
from balloon_splash.data.render.shading import Light, shade_foil, shade_latex

_MAX_TEXELS = 96  # per unit: shading is smooth, a large balloon's is enlarged
_NECK = 0.05  # half-width of the neck, in units of the balloon's own
_MARGIN = 1.08  # half-width of the texture, so that the edge is never sampled outside it


class Balloon(Protocol):
    """Balloon in its own frame: unit half-width, centre at the origin, y down to the knot."""

    @property
    def max_texels(self) -> int:
        """Return the most texels per unit that its texture needs."""

    @property
    def outline(self) -> Points:
        """Return the silhouette with the knot, ``(N, 2)``."""

    @property
    def knot(self) -> tuple[float, float]:
        """Return the point at which the string is tied."""

    def texture(self, light: Light, angle: float, texels: float) -> tuple[FloatArray, FloatArray]:
        """Return colour ``(h, w, 3)`` and opacity ``(h, w)`` of the balloon turned by ``angle``, ``texels`` per unit.

        The texture covers ``[-_MARGIN, _MARGIN]`` across and begins at ``-_MARGIN`` down.
        """


Maker = Callable[[np.random.Generator, FloatArray], Balloon]
"""Function that makes a random balloon of this colour."""


@dataclass(frozen=True)
class RubberBalloon:
    """The party balloon: round above, drawn out towards the knot."""

    color: FloatArray
    length: float  # how far the lower half reaches down: 1 is a ball
    taper: float  # 0 is an ellipse below, 1 is a pear
    gloss: float
    clearness: float
    max_texels: int = _MAX_TEXELS

    @cached_property
    def _profile(self) -> tuple[Points, Points]:
        """Heights, from the top down to the knot's lip, and the half-width at each."""
        t = np.linspace(0, np.pi, 90)
        heights = -np.cos(t)
        below = np.clip(heights, 0, 1)
        widths = np.sin(t) ** (1 + self.taper * below**2)
        heights = np.where(heights > 0, heights * self.length, heights)
        widths = np.where(heights > 0, np.maximum(widths, _NECK * below), widths)
        knot_heights = self.length + np.array([0.02, 0.045, 0.075, 0.1, 0.14, 0.16])
        knot_widths = np.array([0.05, 0.075, 0.06, 0.07, 0.115, 0.1])
        return np.concatenate([heights, knot_heights]), np.concatenate([widths, knot_widths])

    @property
    def outline(self) -> Points:
        """The profile and its mirror image."""
        heights, widths = self._profile
        right = np.stack([widths, heights], axis=1)
        left = np.stack([-widths, heights], axis=1)
        return np.concatenate([right, left[::-1]])

    @property
    def knot(self) -> tuple[float, float]:
        """The narrow part between neck and lip."""
        return 0.0, self.length + 0.075

    def texture(self, light: Light, angle: float, texels: float) -> tuple[FloatArray, FloatArray]:
        """Rubber: thinnest, so clearest, where it faces us."""
        heights, widths = self._profile
        across, down = texel_grid(texels, heights[-1] + 0.05)
        width = np.interp(down, heights, widths)[:, None]
        slope = np.interp(down, heights, np.clip(np.gradient(widths, heights), -5, 5))[:, None]
        u = np.clip(across[None] / np.maximum(width, 1e-3), -0.999, 0.999)
        normals = unit_vectors(u, np.broadcast_to(-slope, u.shape), np.sqrt(1 - u * u))
        knotted = (1 - 0.3 * np.clip((down - self.length) / 0.05, 0, 1))[:, None, None]  # folded rubber is darker
        shaded = shade_latex(turn_normals(normals, angle), self.color, light, self.gloss, self.clearness)
        opacity = 1 - self.clearness * 0.35 * normals[..., 2] ** 2
        return shaded * knotted.astype(np.float32), np.where(down[:, None] > self.length * 0.95, 1, opacity)


@dataclass(frozen=True)
class FoilBalloon:
    """A shiny foil balloon of any shape, a heart or a star; ``wrinkles`` gives the depth of the folds at the seam."""

    color: FloatArray
    outline: Points
    wrinkles: float
    max_texels: int = _MAX_TEXELS

    @property
    def knot(self) -> tuple[float, float]:
        """The lowest point."""
        return 0.0, float(self.outline[:, 1].max()) - 0.05

    def texture(self, light: Light, angle: float, texels: float) -> tuple[FloatArray, FloatArray]:
        """Foil: opaque, creased along the seam."""
        across, down = texel_grid(texels, self.outline[:, 1].max() + 0.05)
        inside = np.zeros((len(down), len(across)), np.uint8)
        fill(inside, (self.outline + _MARGIN) * texels, 1)
        seam = cv2.distanceTransform(inside, cv2.DIST_L2, 5) / texels
        bulge = blur(np.sqrt(np.minimum(seam, 0.6)), 0.07 * texels)
        bearing = np.arctan2(down[:, None], across[None])
        folds = np.sin(bearing * 41) * np.sin(bearing * 17 + 1) * np.exp(-seam / 0.12) * self.wrinkles
        height = (bulge + folds * 0.03).astype(np.float32)
        slope_x = cv2.Sobel(height, cv2.CV_32F, 1, 0, ksize=3) * texels / 8
        slope_y = cv2.Sobel(height, cv2.CV_32F, 0, 1, ksize=3) * texels / 8
        normals = unit_vectors(-slope_x, -slope_y, np.ones_like(height))
        return shade_foil(turn_normals(normals, angle), self.color, light), np.ones_like(height)


def heart_outline() -> Points:
    """The heart of foil balloons, with unit half-width and a small tail to tie."""
    t = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    x = np.sin(t) ** 3
    y = -(13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)) / 16
    return np.stack([x, y], axis=1)


def star_outline() -> Points:
    """A five-pointed star with rounded points and unit half-width, as foil balloons have."""
    bearing = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    radius = 0.8 + 0.22 * np.cos(5 * bearing) + 0.035 * np.cos(10 * bearing)
    points = np.stack([radius * np.sin(bearing), -radius * np.cos(bearing)], axis=1)
    return points / np.abs(points[:, 0]).max()


def random_balloon(rng: np.random.Generator, color: FloatArray) -> Balloon:
    """Make a random balloon: nine in ten are rubber."""
    if rng.random() < 0.9:
        return RubberBalloon(
            color,
            length=rng.uniform(1.08, 1.45),
            taper=rng.uniform(0.1, 0.75),
            gloss=rng.beta(1.5, 2),
            clearness=rng.beta(1.2, 3),
        )
    outline = heart_outline() if rng.random() < 0.65 else star_outline()
    return FoilBalloon(color, outline, wrinkles=rng.uniform(0.4, 1))


def random_palette(rng: np.random.Generator, size: int) -> list[FloatArray]:
    """Return ``size`` colours of one pack: all bright, all pastel, two of a team, or anything."""
    style = rng.choice(["bright", "pastel", "team", "mixed"])
    hues = rng.random(2)
    colors = []
    for _ in range(size):
        if style == "mixed":
            color = rgb(rng.random(), rng.choice([0.05, 0.6, 0.9]), rng.uniform(0.35, 1))
        elif style == "pastel":
            color = rgb(rng.random(), rng.uniform(0.2, 0.5), rng.uniform(0.92, 1))
        elif style == "team":
            color = rgb(rng.choice(hues) + rng.normal(0, 0.01), rng.uniform(0.75, 0.95), rng.uniform(0.7, 0.95))
        else:
            color = rgb(rng.random(), rng.uniform(0.75, 1), rng.uniform(0.75, 1))
        colors.append(color)
    return colors


@dataclass(frozen=True)
class Placed:
    """Balloon at its place in a picture: centre and half-width in pixels, turned by ``angle`` (radians)."""

    balloon: Balloon
    center: tuple[float, float]
    radius: float
    angle: float

    @property
    def _affine(self) -> Points:
        cos, sin = self.radius * np.cos(self.angle), self.radius * np.sin(self.angle)
        return np.array([[cos, -sin, self.center[0]], [sin, cos, self.center[1]]])

    def to_picture(self, points: Points) -> Points:
        """Map points of the balloon's frame to pixels."""
        affine = self._affine
        return points @ affine[:, :2].T + affine[:, 2]

    @cached_property
    def outline(self) -> Points:
        """Return the silhouette in pixels, ``(N, 2)``."""
        return self.to_picture(self.balloon.outline)

    @property
    def knot(self) -> Points:
        """Return the point at which the string is tied, in pixels, ``(2,)``."""
        return self.to_picture(np.array([self.balloon.knot]))[0]

    def paint(self, image: FloatArray, light: Light) -> None:
        """Paint the balloon over ``image`` in place."""
        box = bounding_box(self.outline, *image.shape[:2])
        texels = min(self.radius, self.balloon.max_texels)
        color, opacity = self.balloon.texture(light, self.angle, texels)
        texel_to_unit = np.array([[1 / texels, 0, 0.5 / texels - _MARGIN], [0, 1 / texels, 0.5 / texels - _MARGIN]])
        to_box = self._affine @ np.vstack([texel_to_unit, [0, 0, 1]])
        to_box[:, 2] -= np.array(box[:2]) + 0.5
        size = (box[2] - box[0], box[3] - box[1])
        texture = np.dstack([color, opacity]).astype(np.float32)
        warped = cv2.warpAffine(texture, to_box, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        color, opacity = np.asarray(warped[..., :3], np.float32), np.asarray(warped[..., 3], np.float32)
        blend(image, color, coverage(self.outline, box) * opacity, box)


def texel_grid(texels: float, bottom: float) -> tuple[FloatArray, FloatArray]:
    """Return the x of each texel column and the y of each row, in the balloon's frame."""
    columns, rows = int(np.ceil(2 * _MARGIN * texels)), int(np.ceil((bottom + _MARGIN) * texels))
    return (np.arange(columns) + 0.5) / texels - _MARGIN, (np.arange(rows) + 0.5) / texels - _MARGIN


def unit_vectors(x: Points | FloatArray, y: Points | FloatArray, z: Points | FloatArray) -> FloatArray:
    """Return vectors ``(H, W, 3)`` of these components, scaled to length 1."""
    vectors = np.stack([x, y, z], axis=-1).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


def turn_normals(normals: FloatArray, angle: float) -> FloatArray:
    """Turn normals ``(H, W, 3)`` in the picture's plane by ``angle`` (radians)."""
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    x, y, z = normals[..., 0], normals[..., 1], normals[..., 2]
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1)
