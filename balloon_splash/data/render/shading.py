"""Shading of rubber, foil and plain solids.

Normals are ``(H, W, 3)`` in the picture's axes: x to the right, y **down**, z towards the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from balloon_splash.data.render.canvas import FloatArray, smoothstep


@dataclass(frozen=True)
class Light:
    """The light of a scene: one lamp or sun, and what surrounds the objects.

    ``direction`` is the unit vector towards the lamp; ``window`` makes its reflection a window instead of a spot.
    """

    direction: FloatArray
    color: FloatArray
    above: FloatArray
    below: FloatArray
    window: bool = False


def light_from(
    angle: float, height: float, color: FloatArray, above: FloatArray, below: FloatArray, window: bool = False
) -> Light:
    """A light whose direction stands at ``angle`` (radians, 0 = right, negative = up) and leans ``height`` to us."""
    direction = np.array([np.cos(angle), np.sin(angle), height], np.float32)
    return Light(direction / np.linalg.norm(direction), color, above, below, window)


def shade_latex(normals: FloatArray, albedo: FloatArray, light: Light, gloss: float, clearness: float) -> FloatArray:
    """The colour of a blown-up rubber skin, ``(H, W, 3)``.

    The skin scatters light, so shade is soft and the side away from the lamp glows; we look through more rubber near
    the rim, so the colour deepens there; its surface is a mirror at grazing angles (Schlick's approximation).

    Args:
        normals: surface normals.
        albedo: the rubber's colour, ``(3,)`` or ``(H, W, 3)``.
        light: the scene's light.
        gloss: 0 (matt) to 1 (a pearl's shine).
        clearness: 0 (opaque) to 1 (much light passes).
    """
    facing = normals @ light.direction
    rim = (1 - normals[..., 2])[..., None]
    deep = albedo * (1 - rim * (0.75 - 0.45 * albedo))
    wrapped = np.clip((facing + 0.5) / 1.5, 0, 1)[..., None] ** 1.5
    lit = deep * (_surroundings(normals, light) * 0.7 + light.color * wrapped * 0.72)
    through = np.clip(0.25 - facing, 0, 1)[..., None] * normals[..., 2:]
    lit += deep * light.color * through * (0.45 + 0.6 * clearness)
    mirror = 0.03 + (0.25 + 0.35 * gloss) * rim**3
    lit += (_surroundings(normals, light) * 0.8 - lit) * mirror
    return lit + light.color * _highlights(normals, light, gloss)[..., None]


def shade_foil(normals: FloatArray, albedo: FloatArray, light: Light) -> FloatArray:
    """The colour of a metallised foil balloon: it mirrors a coarse picture of its surroundings, tinted."""
    # The mirrored direction of the view (0, 0, 1): its height decides between sky, horizon and ground.
    reflected_up = -2 * normals[..., 2] * normals[..., 1]
    sky = smoothstep(-0.05, 0.35, reflected_up)[..., None]
    horizon = np.exp(-((reflected_up / 0.18) ** 2))[..., None]
    mirrored = light.below * 0.55 * (1 - sky) + light.above * (0.75 + 0.4 * sky) * sky - horizon * 0.22
    facing = np.clip(normals @ light.direction, 0, 1)[..., None]
    lit = albedo * (0.3 + 0.75 * mirrored + 0.45 * facing * light.color)
    return lit + light.color * (0.9 * facing**60 + 0.25 * facing**12)


def shade_fabric(normals: FloatArray, albedo: FloatArray, light: Light, glow: FloatArray) -> FloatArray:
    """The colour of a hot-air balloon's thin cloth: dull, lit through from behind, and by its burner from within.

    Args:
        normals: surface normals.
        albedo: the cloth's colour, ``(H, W, 3)``.
        light: the scene's light.
        glow: light of the burner that reaches the cloth, ``(H, W)``, 0 for none.
    """
    facing = normals @ light.direction
    wrapped = np.clip((facing + 0.35) / 1.35, 0, 1)[..., None]
    through = np.clip(-facing, 0, 1)[..., None] * 0.3
    flame = np.array([1.0, 0.72, 0.4], np.float32) * glow[..., None]
    return albedo * (_surroundings(normals, light) * 0.55 + light.color * (wrapped * 0.7 + through) + flame)


def shade_matte(normals: FloatArray, albedo: FloatArray, light: Light) -> FloatArray:
    """The colour of a dull solid, such as a fruit or a ball."""
    facing = np.clip(normals @ light.direction, 0, 1)[..., None]
    return albedo * (_surroundings(normals, light) * 0.6 + light.color * facing * 0.75) + 0.12 * facing**25


def _surroundings(normals: FloatArray, light: Light) -> FloatArray:
    upward = (0.5 - 0.5 * normals[..., 1])[..., None]
    return light.below + (light.above - light.below) * upward


def _highlights(normals: FloatArray, light: Light, gloss: float) -> FloatArray:
    halfway = light.direction + np.array([0, 0, 1], np.float32)
    halfway /= np.linalg.norm(halfway)
    aligned = np.clip(normals @ halfway, 0, 1)
    sheen = aligned**16 * (0.08 + 0.2 * gloss)
    # A weak second reflection opposite the lamp, from the ground or the next wall.
    bounced = np.clip(normals @ (halfway * np.array([-1, -1, 1], np.float32)), 0, 1) ** 40 * (0.04 + 0.12 * gloss)
    if not light.window:
        spot = smoothstep(0.98, 0.999, aligned) * (0.45 + 0.4 * gloss)
        return sheen + bounced + spot
    across = np.abs(normals[..., 0] - halfway[0]) / 0.10
    down = np.abs(normals[..., 1] - halfway[1]) / 0.14
    panes = smoothstep(1.15, 0.7, across) * smoothstep(1.15, 0.75, down) * smoothstep(0.03, 0.15, across)
    return sheen + bounced + panes * (0.3 + 0.4 * gloss)
