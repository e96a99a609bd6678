"""Scenes: ground, distractors, balloons with strings, and the camera's faults, with the visible outlines."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import shapely

from balloon_splash.data.render import layouts
from balloon_splash.data.render.balloons import Maker, Placed, random_balloon, random_palette
from balloon_splash.data.render.canvas import FloatArray, Points, blur, bounding_box, coverage, fill, stroke
from balloon_splash.data.render.distractors import DISTRACTORS
from balloon_splash.data.render.grounds import GROUNDS, LANDSCAPES
from balloon_splash.data.render.hot_air import random_hot_air_balloon
from balloon_splash.data.render.layouts import Plan, Spot, Strings
from balloon_splash.data.render.shading import Light

_SAMPLES = 3  # visibility is decided on a grid of 3 x 3 samples a pixel
_MIN_VISIBLE = 0.35  # share of a balloon that must be seen
_MIN_AREA = 80.0  # square pixels that must be seen
_SIMPLIFY = 0.35  # pixels by which an annotated outline may leave the true one


@dataclass(frozen=True)
class Kind:
    """Kind of scene: how often each ground and each layout occurs, in that order, and its balloons."""

    grounds: dict[str, float]
    layouts: dict[Plan, float]
    make: Maker


#: Few balloons are seen by night.
KINDS: dict[str, Kind] = {
    "party": Kind(
        {"sky": 0.3, "park": 0.3, "room": 0.25, "night": 0.15},
        {layouts.single: 0.2, layouts.bunch: 0.35, layouts.scatter: 0.3, layouts.row: 0.15},
        random_balloon,
    ),
    "crowd": Kind(
        {"sky": 0.25, "park": 0.25, "room": 0.45, "night": 0.05},
        {layouts.ceiling: 0.4, layouts.close: 0.3, layouts.large_bunch: 0.3},
        random_balloon,
    ),
    "hot-air": Kind(
        {"sky": 0.35, "park": 0.15, "night": 0.1, "fields": 0.2, "launch site": 0.2},
        {layouts.aloft: 0.25, layouts.fleet: 0.25, layouts.ashore: 0.15, layouts.launch: 0.35},
        random_hot_air_balloon,
    ),
}


@dataclass(frozen=True)
class Scene:
    """A rendered picture and its truth.

    Attributes:
        image: ``(H, W, 3)`` RGB ``uint8``.
        polygons: one ``(N, 2)`` array for each balloon, at least one: the visible outline with the knot but without
            the string, with the basket of a hot-air balloon, in absolute pixels within the image.
        ground: which ground it was painted on: sky, park, room, night, fields or launch site.
    """

    image: npt.NDArray[np.uint8]
    polygons: list[Points]
    ground: str


def render_scene(seed: int, size: tuple[int, int] = (640, 480), kind: str = "party") -> Scene:
    """Render the picture of ``seed``, the same on every call.

    Args:
        seed: any non-negative number.
        size: width and height in pixels.
        kind: one of :data:`KINDS`.
    """
    rng = np.random.default_rng(seed)
    width, height = size
    chosen = KINDS[kind]
    ground = str(rng.choice(list(chosen.grounds), p=list(chosen.grounds.values())))
    image, light = (GROUNDS | LANDSCAPES)[ground](rng, height, width)
    for _ in range(int(rng.integers(0, 2 if ground == "sky" else 4))):  # there is but one sun
        _add_distractor(rng, image, ground, light)
    placed: list[Placed] = []
    while not placed:  # now and then, chance puts all of them too far out
        plans = list(chosen.layouts)
        layout = plans[rng.choice(len(plans), p=list(chosen.layouts.values()))](rng, height, width)
        placed, polygons = _place_balloons(rng, layout.spots, chosen.make, height, width)
    string_ends = _string_ends(rng, placed, layout.strings, height)
    behind = np.zeros((height, width), np.float32)
    for balloon, string_end in reversed(list(zip(placed, string_ends, strict=True))):
        _cast_shade(image, balloon, behind)
        if string_end is not None:
            _tie_string(rng, image, balloon, string_end)
        balloon.paint(image, light)
    return Scene(photograph(rng, image), polygons, ground)


def _add_distractor(rng: np.random.Generator, image: FloatArray, ground: str, light: Light) -> None:
    height, width = image.shape[:2]
    painters = DISTRACTORS[ground]
    painter = painters[rng.integers(len(painters))]
    radius = rng.uniform(0.025, 0.11) * height
    low = 0.05 if ground == "sky" else 0.3
    painter(rng, image, (rng.uniform(0.05, 0.95) * width, rng.uniform(low, 0.9) * height), radius, light)


def _place_balloons(
    rng: np.random.Generator,
    spots: list[Spot],
    make: Maker,
    height: int,
    width: int,
) -> tuple[list[Placed], list[Points]]:
    """Balloons from front to back, each with its visible outline.

    Placing from the front means that a balloon once placed stays as it is: one that would be hidden, cut in two or
    pierced by those before it is left out.
    """
    colors = random_palette(rng, len(spots))
    taken = np.zeros((height * _SAMPLES, width * _SAMPLES), np.uint8)
    placed, polygons = [], []
    for (x, y, radius, angle), color in zip(spots, colors, strict=True):
        candidate = Placed(make(rng, color), (x, y), radius, angle)
        visible = visible_outline(candidate.outline, taken)
        if visible is not None:
            fill(taken, candidate.outline, _SAMPLES)
            placed.append(candidate)
            polygons.append(visible)
    return placed, polygons


def visible_outline(outline: Points, taken: npt.NDArray[np.uint8]) -> Points | None:
    """The outline of what the image and the ``taken`` samples leave of a balloon; None if it is not one whole piece."""
    height, width = (side // _SAMPLES for side in taken.shape)
    x0, y0, x1, y1 = bounding_box(outline, height, width)
    if x1 <= x0 or y1 <= y0:
        return None
    own = np.zeros(((y1 - y0) * _SAMPLES, (x1 - x0) * _SAMPLES), np.uint8)
    fill(own, outline - (x0, y0), _SAMPLES)
    own[taken[y0 * _SAMPLES : y1 * _SAMPLES, x0 * _SAMPLES : x1 * _SAMPLES] > 0] = 0
    # The frame of zeros lets outlines run along the border of the box.
    framed = cv2.copyMakeBorder(own, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
    contours, hierarchy = cv2.findContours(framed, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if not contours:
        return None
    whole = cv2.contourArea(outline.astype(np.float32))
    areas = [cv2.contourArea(contour) / _SAMPLES**2 for contour in contours]
    largest = int(np.argmax(areas))
    pierced = hierarchy[0, largest, 2] >= 0
    if pierced or sum(areas) - areas[largest] > 0.01 * areas[largest]:
        return None
    if areas[largest] < max(_MIN_VISIBLE * whole, _MIN_AREA):
        return None
    simple = cv2.approxPolyDP(contours[largest], _SIMPLIFY * _SAMPLES, closed=True)[:, 0].astype(np.float64)
    return _untangled(np.clip((simple - 0.5) / _SAMPLES + (x0, y0), 0, (width, height)))


def _untangled(points: Points) -> Points:
    """Return the largest part of an outline; where it is a sample wide, simplification makes it cross itself."""
    outline = shapely.Polygon(points)
    if outline.is_valid:
        return points
    parts = shapely.get_parts(shapely.make_valid(outline, method="structure", keep_collapsed=False))
    return np.asarray(shapely.get_coordinates(max(parts, key=shapely.area).exterior)[:-1], np.float64)


def _string_ends(rng: np.random.Generator, placed: list[Placed], strings: Strings, height: int) -> list[Points | None]:
    """Return the end of each balloon's string: gathered ones in one hand or weight below, loose ones in the air."""
    if strings is Strings.NONE:
        return [None] * len(placed)
    knots = np.stack([balloon.knot for balloon in placed])
    if strings is Strings.GATHERED:
        return [np.array([knots[:, 0].mean(), knots[:, 1].max() + rng.uniform(0.25, 0.6) * height])] * len(placed)
    reach = np.stack([rng.normal(0, 0.4, len(placed)), rng.uniform(1, 4, len(placed))], axis=1)
    return list(knots + reach * np.array([[balloon.radius] for balloon in placed]))


def _tie_string(rng: np.random.Generator, image: FloatArray, balloon: Placed, end: Points) -> None:
    start = balloon.knot
    t = np.linspace(0, 1, 40)[:, None]
    sway = np.sin(t * np.pi * rng.uniform(1, 2.5)) * balloon.radius * rng.normal(0, 0.18)
    path = start + (end - start) * t + sway * np.array([1.0, 0.0])
    tone = np.full(3, rng.choice([0.15, 0.85, 0.95]), np.float32)
    stroke(image, path, float(np.clip(balloon.radius * 0.02, 0.6, 2.0)), tone, 0.75)


def _cast_shade(image: FloatArray, balloon: Placed, behind: FloatArray) -> None:
    """Darken the balloons ``behind`` (their coverage) where this one touches them, and count it among them."""
    height, width = image.shape[:2]
    reach = balloon.radius * 0.16
    outline = balloon.outline + np.array([0, reach])
    x0, y0, x1, y1 = box = bounding_box(outline, height, width, margin=int(2 * reach) + 1)
    if x1 > x0 and y1 > y0:
        shade = blur(coverage(outline, box), max(reach, 0.5))
        covered = behind[y0:y1, x0:x1]
        image[y0:y1, x0:x1] *= 1 - 0.35 * (shade * covered)[..., None]
        np.maximum(covered, coverage(balloon.outline, box), out=covered)


def photograph(rng: np.random.Generator, image: FloatArray) -> npt.NDArray[np.uint8]:
    """Exposure, a little blur or shake, vignette and noise: ``uint8`` RGB."""
    height, width = image.shape[:2]
    image = blur(image, rng.uniform(0.25, 0.6) * height / 480)
    if rng.random() < 0.15:
        length, angle = int(rng.integers(3, 6)), rng.uniform(0, np.pi)
        image = np.asarray(cv2.filter2D(image, -1, _shake(length, angle)), np.float32)
    columns, rows = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    vignette = 1 - rng.uniform(0, 0.22) * (columns[None] ** 2 + rows[:, None] ** 2) / 2
    image *= (vignette * rng.uniform(0.88, 1.08))[..., None] * rng.uniform(0.95, 1.05, 3).astype(np.float32)
    image += rng.standard_normal((height, width, 1), dtype=np.float32) * rng.uniform(0.004, 0.022)
    return np.clip(image * 255 + 0.5, 0, 255).astype(np.uint8)


def _shake(length: int, angle: float) -> FloatArray:
    kernel = np.zeros((length, length), np.float32)
    middle = (length - 1) / 2
    step = np.array([np.cos(angle), np.sin(angle)]) * middle
    start, end = np.rint(middle - step).astype(int), np.rint(middle + step).astype(int)
    cv2.line(kernel, (int(start[0]), int(start[1])), (int(end[0]), int(end[1])), 1.0)
    return kernel / kernel.sum()
