"""Round things that no training of ours has seen, of other kinds than in ``data/render``: drawn for the tests alone.

Each painter takes a generator, an image ``(H, W, 3)`` float in [0, 1], a centre and a radius in pixels.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from balloon_splash.data.render.canvas import FloatArray, ellipse, fill_polygon, fill_rectangle, rgb, stroke
from balloon_splash.data.render.grounds import GROUNDS
from balloon_splash.data.render.scene import photograph

Center = tuple[float, float]


def disc(image: FloatArray, center: Center, radius: float, color: FloatArray, squeeze: float = 1.0) -> None:
    fill_polygon(image, ellipse(center, (radius, radius * squeeze)), color)


def traffic_light(rng: np.random.Generator, image: FloatArray, center: Center, radius: float) -> None:
    x, y = center
    fill_rectangle(image, (x - radius * 0.5, y - radius), (radius, radius * 2), rgb(0, 0, 0.08))
    for row, hue in ((-0.65, 0.0), (0.0, 0.13), (0.65, 0.36)):
        disc(image, (x, y + row * radius), radius * 0.28, rgb(hue, 0.9, rng.choice([0.25, 1.0])))


def doughnut(rng: np.random.Generator, image: FloatArray, center: Center, radius: float) -> None:
    disc(image, center, radius, rgb(0.08, 0.6, 0.7), 0.8)
    disc(image, center, radius * 0.9, rgb(rng.random(), 0.4, 0.9), 0.8)
    disc(image, center, radius * 0.3, rgb(0.08, 0.3, 0.9), 0.8)
    for _ in range(30):
        turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.4, 0.8) * radius
        disc(image, (center[0] + reach * np.cos(turn), center[1] + 0.8 * reach * np.sin(turn)), radius * 0.05,
             rgb(rng.random(), 0.8, 1))  # fmt: skip


def target(rng: np.random.Generator, image: FloatArray, center: Center, radius: float) -> None:
    colors = [rgb(0, 0.9, 0.8), rgb(0, 0, 0.95)]
    for ring in range(6):
        disc(image, center, radius * (1 - ring / 6), colors[ring % 2])


def moon(rng: np.random.Generator, image: FloatArray, center: Center, radius: float) -> None:
    disc(image, center, radius, rgb(0.14, 0.1, 0.9))
    for _ in range(12):
        turn, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.75) * radius
        spot = (center[0] + reach * np.cos(turn), center[1] + reach * np.sin(turn))
        disc(image, spot, radius * rng.uniform(0.06, 0.22), rgb(0.14, 0.1, 0.75))


def stop_sign(rng: np.random.Generator, image: FloatArray, center: Center, radius: float) -> None:
    x, y = center
    fill_rectangle(image, (x - radius * 0.06, y), (radius * 0.12, image.shape[0]), rgb(0, 0, 0.5))
    disc(image, center, radius, rgb(0.0, 0.9, 0.75))
    fill_rectangle(image, (x - radius * 0.65, y - radius * 0.14), (radius * 1.3, radius * 0.28), rgb(0, 0, 0.95))


def umbrella(rng: np.random.Generator, image: FloatArray, center: Center, radius: float) -> None:
    half = ellipse(center, (radius, radius * 0.7), corners=96)
    fill_polygon(image, half[half[:, 1] <= center[1] + 0.01], rgb(rng.random(), 0.8, 0.8))
    handle = np.linspace([center[0], center[1]], [center[0], center[1] + radius * 0.9], 12)
    stroke(image, handle, max(1.0, radius * 0.06), rgb(0.08, 0.5, 0.3))


def flower(rng: np.random.Generator, image: FloatArray, center: Center, radius: float) -> None:
    color = rgb(rng.random(), 0.7, 0.95)
    for turn in np.linspace(0, 2 * np.pi, 9, endpoint=False):
        petal = (center[0] + 0.6 * radius * np.cos(turn), center[1] + 0.6 * radius * np.sin(turn))
        fill_polygon(image, ellipse(petal, (radius * 0.4, radius * 0.18), turn), color)
    disc(image, center, radius * 0.3, rgb(0.12, 0.9, 0.8))


PAINTERS = (traffic_light, doughnut, target, moon, stop_sign, umbrella, flower)


def draw_round_things(seed: int, size: tuple[int, int] = (640, 480)) -> npt.NDArray[np.uint8]:
    """A scene with some of them, ``(H, W, 3)`` RGB, the same on every call; ``size`` is width and height."""
    rng = np.random.default_rng([seed, 2])
    width, height = size
    image, _ = GROUNDS[str(rng.choice(list(GROUNDS)))](rng, height, width)
    for radius in np.sort(rng.uniform(0.05, 0.22, int(rng.integers(2, 7)))):
        center = (rng.uniform(0.1, 0.9) * width, rng.uniform(0.12, 0.85) * height)
        PAINTERS[rng.integers(len(PAINTERS))](rng, image, center, float(radius) * height)
    return photograph(rng, image)
