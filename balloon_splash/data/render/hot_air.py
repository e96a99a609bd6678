"""Hot-air balloons: an envelope of gores with a print, its mouth, and the basket below it on ropes.

An envelope is a surface of revolution. Its print is painted on a map of longitude and the way from the crown, which is
wound around it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.data.render.balloons import random_palette, texel_grid, turn_normals
from balloon_splash.data.render.canvas import FloatArray, Points, fill_polygon, rgb
from balloon_splash.data.render.revolution import Hits, Revolution
from balloon_splash.data.render.shading import Light, shade_fabric

Colors = npt.NDArray[np.int64]

_MAP = (192, 576)  # rows from crown to mouth, columns around
_ROPES = np.array([-1.0, -0.35, 0.35, 1.0])  # as shares of the half-width between mouth and basket
_WEAVE = 40.0  # strands of wicker per unit
_MOST_TILT_WITH_BASKET = 0.5  # radians; from further above, the envelope hides it


@dataclass(frozen=True)
class HotAirBalloon:
    """Envelope, ropes and basket: one object, as someone would cut it out.

    Attributes:
        print: colours over height and longitude, ``(rows, columns, 3)``.
        gores: number of panels around.
        bulge: how much each gore is rounder than the envelope.
        crown: height above the widest part, as a share of the half-width.
        length: height below it, down to the mouth.
        point: below 1 the envelope stays wide for long; above, it tapers at once.
        mouth: half-width of the mouth.
        basket: half-width of the basket; 0 hides it with its ropes, as while the envelope is filled.
        drop: length of the ropes.
        burner: the flame's light inside the envelope, from 0 to 1; seen in the dark.
        tilt: angle from which it is seen (radians): 0 from the side, positive from above, negative from below.
        max_texels: texels per unit are never more.
    """

    print: FloatArray
    gores: int
    bulge: float
    crown: float
    length: float
    point: float
    mouth: float
    basket: float
    drop: float
    burner: float
    tilt: float = 0.0
    max_texels: int = 256

    @cached_property
    def _envelope(self) -> tuple[Points, Points]:
        """Heights from crown to mouth, and the half-width at each."""
        up, down = np.linspace(0, np.pi / 2, 50), np.linspace(0, 1, 60)[1:]
        above = -self.crown * np.cos(up), np.sin(up)
        below = down * self.length, self.mouth + (1 - self.mouth) * np.cos(down * np.pi / 2) ** self.point
        return np.concatenate([above[0], below[0]]), np.concatenate([above[1], below[1]])

    @cached_property
    def _surface(self) -> Revolution:
        heights, widths = self._envelope
        if self.basket:
            rim, floor = self.length + self.drop, self.length + self.drop + 1.5 * self.basket
            heights = np.concatenate([heights, [rim, floor]])
            widths = np.concatenate([widths, [self.basket, 0.88 * self.basket]])
        return Revolution(heights, widths, self.tilt)

    @property
    def outline(self) -> Points:
        """The silhouette of envelope, ropes and basket."""
        return self._surface.outline

    @property
    def knot(self) -> tuple[float, float]:
        """The lowest point, where a tether is tied."""
        return 0.0, self._surface.top_and_bottom[1]

    def texture(self, light: Light, angle: float, texels: float) -> tuple[FloatArray, FloatArray]:
        """Cloth with its print, then what hangs below it; see :class:`Balloon`."""
        across, down = texel_grid(texels, self._surface.top_and_bottom[1] + 0.05)
        hits = self._surface.hits(across, down)
        color = self._cloth(hits, light, angle, texels)
        opacity = np.ones_like(hits.height)
        if self.basket:
            hung, weave = hits.height > self.length, np.sin(down * _WEAVE)[:, None] * np.sin(across * _WEAVE)[None]
            wicker = rgb(0.08, 0.55, 0.45) * (light.above * 0.5 + light.color * 0.4)
            u = np.sin(hits.longitude)
            color[hung] = wicker * (0.8 + 0.2 * weave[hung] - 0.3 * np.abs(u[hung]))[..., None]
            between = hung & (hits.height < self.length + self.drop)
            rope = (np.abs(u[..., None] - _ROPES).min(axis=-1) * hits.width < 0.012) & (np.cos(hits.longitude) > 0)
            opacity[between] = np.where(rope[between], 0.9, 0.25)
        return color.astype(np.float32), opacity.astype(np.float32)

    def _cloth(self, hits: Hits, light: Light, angle: float, texels: float) -> FloatArray:
        heights, widths = self._envelope
        way = np.concatenate([[0], np.cumsum(np.hypot(np.diff(heights), np.diff(widths)))])
        place = np.interp(hits.height, heights, way / way[-1])
        # As many texels as the balloon shows, so that a small one has no grain.
        size = (max(int(2 * np.pi * texels), 24), max(int(2.5 * texels), 12))
        rows, columns = self.print.shape[:2]
        smooth = size[0] < columns
        scaled = cv2.resize(self.print, size, interpolation=cv2.INTER_AREA) if smooth else self.print
        rows, columns = scaled.shape[:2]
        on_map = np.asarray((hits.longitude / (2 * np.pi) + 0.5) * columns - 0.5, np.float32)
        along = np.asarray(place * rows - 0.5, np.float32)
        wound = cv2.remap(scaled, on_map, along, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        albedo = np.asarray(wound, np.float32)
        in_gore = (hits.longitude * self.gores / (2 * np.pi)) % 1 - 0.5
        normals = self._surface.normals(hits, hits.longitude + self.bulge * in_gore * 2 * np.pi / self.gores)
        narrow = np.minimum(texels * hits.width / 60, 1)  # where seams lie closer than texels, they are not seen
        seam = 1 - 0.3 * np.exp(-(((0.5 - np.abs(in_gore)) / 0.05) ** 2)) * narrow
        dark = float(np.clip(1.1 - 1.3 * light.above.mean(), 0, 1))
        rim = 1 - 0.45 * np.sin(hits.longitude) ** 2
        glow = np.asarray(self.burner * dark * (0.6 + 1.2 * place) * rim, np.float32)
        albedo *= np.asarray(seam, np.float32)[..., None]
        shaded = shade_fabric(turn_normals(normals, angle), albedo, light, glow)
        inside = (hits.height > self.length - 0.03) & (hits.width < 0.9 * self.mouth)
        shaded[inside] *= 0.3 + 0.7 * self.burner * dark
        return shaded


def random_hot_air_balloon(rng: np.random.Generator, color: FloatArray) -> HotAirBalloon:
    """Make a random hot-air balloon, ``color`` among its colours."""
    gores = int(rng.choice([8, 12, 16, 20, 24]))
    seen_from = rng.random()
    if seen_from < 0.5:
        tilt = float(rng.normal(0, 0.1))
    else:
        tilt = rng.uniform(0.1, 1.2) if seen_from < 0.8 else rng.uniform(-0.9, -0.1)
    flown = rng.random() < 0.85 and abs(tilt) < _MOST_TILT_WITH_BASKET
    return HotAirBalloon(
        random_envelope_print(rng, color, gores),
        gores,
        bulge=rng.uniform(0.2, 1.6),
        crown=rng.uniform(0.5, 1.05),
        length=rng.uniform(0.8, 1.65),
        point=rng.uniform(0.8, 1.25),
        mouth=rng.uniform(0.1, 0.26),
        basket=rng.uniform(0.07, 0.13) if flown else 0.0,
        drop=rng.uniform(0.05, 0.28),
        burner=rng.uniform(0.3, 1) if rng.random() < 0.7 else 0.0,
        tilt=tilt,
    )


def random_envelope_print(rng: np.random.Generator, color: FloatArray, gores: int) -> FloatArray:
    """Paint panels, bands, zigzags, a spiral, checks, diamonds or one colour.

    On top may come a belt, an emblem, letters, a vent at the crown and a dark hem. The sun may have bleached it all.

    Returns:
        ``(rows, columns, 3)``, from the crown down and once around.
    """
    rows, columns = _MAP
    down, around = np.mgrid[0:rows, 0:columns].astype(np.float32)
    down, around = down / rows, around / columns * gores
    palette = np.stack([color, *random_palette(rng, int(rng.integers(1, 6))), np.full(3, rng.uniform(0, 1))])
    palette = palette[: rng.integers(2, len(palette) + 1)].astype(np.float32)
    pattern = _PATTERNS[rng.integers(len(_PATTERNS))]
    order = rng.integers(0, len(palette), 64) if rng.random() < 0.3 else np.arange(64)
    painted = palette[order[pattern(rng, down, around) % 64] % len(palette)]
    painted = np.roll(painted, int(rng.integers(columns)), axis=1)
    if rng.random() < 0.4:
        top = rng.uniform(0.2, 0.6)
        painted[(down > top) & (down < top + rng.uniform(0.08, 0.25))] = palette[rng.integers(len(palette))]
    if rng.random() < 0.3:
        _add_emblems(rng, painted, palette)
    if rng.random() < 0.35:
        _add_letters(rng, painted)
    if rng.random() < 0.35:
        painted[down < rng.uniform(0.05, 0.2)] = palette[rng.integers(len(palette))]
    if rng.random() < 0.4:
        painted[down > rng.uniform(0.88, 0.96)] = rgb(rng.random(), 0.4, rng.uniform(0.05, 0.3))
    if rng.random() < 0.4:
        grey = painted.mean(axis=2, keepdims=True)
        painted = (grey + (painted - grey) * rng.uniform(0.3, 1)) * rng.uniform(0.5, 1)
    return np.ascontiguousarray(painted, np.float32)


def _add_emblems(rng: np.random.Generator, painted: FloatArray, palette: FloatArray) -> None:
    """Paint the same emblem several times around: a star, a flower, a disc, a shield of two colours."""
    rows, columns = _MAP
    size, row, times = rng.uniform(0.08, 0.28) * rows, rng.uniform(0.25, 0.65) * rows, int(rng.integers(1, 6))
    tips, depth = int(rng.integers(2, 9)), rng.choice([0, rng.uniform(0.1, 0.6)])
    turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    reach = size * (1 - depth * (0.5 + 0.5 * np.cos(tips * turn)))
    ink = [palette[rng.integers(len(palette))] * rng.uniform(0.3, 1), rgb(rng.random(), 0.8, 0.9)]
    for middle in (np.arange(times) + 0.5) * columns / times:
        for share, color in zip((1.0, rng.uniform(0.4, 0.9)), ink, strict=True):
            star = np.stack([middle + share * reach * np.cos(turn), row + share * reach * np.sin(turn)], axis=1)
            fill_polygon(painted, star, color)


def _add_letters(rng: np.random.Generator, painted: FloatArray) -> None:
    """Write a word all around, as an advertisement does."""
    word = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVXYZ"), int(rng.integers(3, 7))))
    ink = rgb(rng.random(), rng.choice([0.0, 0.8]), rng.choice([0.1, 1.0]))
    scale, row = rng.uniform(1.0, 2.6), int(rng.uniform(0.35, 0.65) * _MAP[0])
    stencil = np.zeros(_MAP, np.uint8)
    for start in range(0, _MAP[1], _MAP[1] // 3):
        cv2.putText(stencil, word, (start, row), cv2.FONT_HERSHEY_SIMPLEX, scale, [255], int(scale * 4))
    painted[stencil > 0] = ink


def _panels(rng: np.random.Generator, down: FloatArray, around: FloatArray) -> Colors:
    return (around // rng.integers(1, 3)).astype(np.int64)


def _bands(rng: np.random.Generator, down: FloatArray, around: FloatArray) -> Colors:
    return (down * rng.uniform(2, 9)).astype(np.int64)


def _zigzags(rng: np.random.Generator, down: FloatArray, around: FloatArray) -> Colors:
    teeth = np.abs((around / rng.choice([2, 4])) % 1 - 0.5)
    return ((down + teeth * rng.uniform(0.1, 0.4)) * rng.uniform(4, 12)).astype(np.int64)


def _spiral(rng: np.random.Generator, down: FloatArray, around: FloatArray) -> Colors:
    steps = around.astype(np.int64) if rng.random() < 0.6 else around
    return (steps * rng.choice([-1, 1]) + down * rng.uniform(4, 14) + 64).astype(np.int64)


def _checks(rng: np.random.Generator, down: FloatArray, around: FloatArray) -> Colors:
    return (down * rng.uniform(4, 14)).astype(np.int64) + around.astype(np.int64)


def _diamonds(rng: np.random.Generator, down: FloatArray, around: FloatArray) -> Colors:
    across = np.abs((around / rng.choice([2, 4])) % 1 - 0.5)
    along = np.abs((down * rng.uniform(1, 4)) % 1 - 0.5)
    return ((across + along) * rng.uniform(3, 9)).astype(np.int64)


def _plain(rng: np.random.Generator, down: FloatArray, around: FloatArray) -> Colors:
    return np.zeros(down.shape, np.int64)


#: Numbers of colours over height and longitude, each with the same chance each time it is named.
_PATTERNS: tuple[Callable[[np.random.Generator, FloatArray, FloatArray], Colors], ...] = (
    _panels,
    _panels,
    _bands,
    _zigzags,
    _spiral,
    _checks,
    _diamonds,
    _plain,
)
