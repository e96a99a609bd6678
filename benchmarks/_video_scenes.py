"""Clips with known truth: photos moved and zoomed over each other, with the outlines of their objects.

Each scene has a ground, a photo under a hand-held camera, and figures, the objects of a second photo cut out along
their outlines: one crosses the picture from outside to outside, before the objects of the ground, one swings fast, one
comes nearer. Between two scenes there is a cut. Without photos, rendered pictures replace them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.data.annotations.instances import load_via_instances
from balloon_splash.data.render.scene import render_scene
from balloon_splash.media.reading import read_picture

Pixels = npt.NDArray[np.uint8]
Outline = npt.NDArray[np.float64]
Affine = npt.NDArray[np.float64]

SUBPIXELS = 4  # binary digits behind the point of an outline's corners
NOISE = 2.0  # of the camera, in grey levels
#: Ground and figures of each scene, by their places in the list of photos.
PAIRS = ((2, 7), (4, 11), (6, 12), (7, 2), (11, 4), (12, 6), (0, 8), (8, 0), (1, 9), (9, 1), (3, 10), (10, 3))


@dataclass(frozen=True)
class Photo:
    """A picture ``(H, W, 3)`` and the ``(N, 2)`` outlines of its objects, in pixels."""

    rgb: Pixels
    outlines: list[Outline]


def photos_of(folder: Path | None, count: int) -> list[Photo]:
    """The photos of a VIA folder that have the fewest objects, or rendered ones."""
    if folder is None:
        scenes = [render_scene(seed, (1280, 960)) for seed in range(count)]
        return [Photo(scene.image, [np.asarray(outline, np.float64) for outline in scene.polygons]) for scene in scenes]
    dicts, _ = load_via_instances(folder / "via_region_data.json", folder)
    dicts = sorted(dicts, key=lambda entry: (len(entry["annotations"]), entry["file_name"]))
    return [
        Photo(
            read_picture(entry["file_name"]).rgb.astype(np.uint8),
            [np.array(each["segmentation"][0]).reshape(-1, 2) for each in entry["annotations"]],
        )
        for entry in dicts[:count]
    ]


@dataclass(frozen=True)
class Layer:
    """A picture with opacity, and how it moves.

    Attributes:
        rgba: ``(H, W, 4)``.
        outlines: of the objects in it, in its pixels.
        start: where its middle is at first, in pixels of the frame, x and y.
        speed: pixels a frame.
        swing: pixels to either side.
        pace: radians of a swing a frame.
        scale: pixels of the frame for one of the layer, at first.
        growth: factor a frame.
        turn: degrees to either side.
    """

    rgba: Pixels
    outlines: list[Outline]
    start: tuple[float, float]
    speed: tuple[float, float]
    swing: tuple[float, float]
    pace: float
    scale: float
    growth: float
    turn: float

    def placed(self, frame: int) -> Affine:
        """``(2, 3)``: pixels of the layer to those of a frame, counted from 0."""
        phase = self.pace * frame
        offset = np.array([self.swing[0] * np.sin(phase), self.swing[1] * np.cos(0.7 * phase)])
        x, y = np.array(self.start) + np.array(self.speed) * frame + offset
        height, width = self.rgba.shape[:2]
        scale = self.scale * self.growth**frame
        matrix = cv2.getRotationMatrix2D((width / 2, height / 2), self.turn * np.sin(phase / 2), scale)
        return np.asarray(matrix + np.array([[0, 0, x - width / 2], [0, 0, y - height / 2]]), np.float64)


def scene_layers(ground: Photo, figures: Photo, size: tuple[int, int]) -> list[Layer]:
    """The ground and up to three figures for frames of ``size`` (height, width)."""
    height, width = size
    unit = height / 1080
    cover = 1.15 * max(height / ground.rgb.shape[0], width / ground.rgb.shape[1])
    opaque = np.full(ground.rgb.shape[:2], 255, np.uint8)
    middle = (width / 2, height / 2)
    rgba = np.dstack([ground.rgb, opaque])
    shaken = (8 * unit, 5 * unit)
    layers = [Layer(rgba, ground.outlines, middle, (0.7 * unit, 0), shaken, 0.25, cover, 1.0005, 0.4)]
    motions = [
        (0.30, (-0.08 * width, 0.40 * height), (16, 2), (0, 8), 0.15, 1.0, 8.0),  # from outside across the picture
        (0.22, (0.35 * width, 0.35 * height), (0, 0), (90, 20), 0.2, 1.0, 12.0),  # swings, 18 pixels a frame at most
        (0.35, (0.75 * width, 0.70 * height), (-1, -1), (10, 10), 0.2, 1.006, 4.0),  # comes nearer
    ]
    largest = sorted(figures.outlines, key=lambda outline: -np.ptp(outline, axis=0).max())
    for outline, (share, start, speed, swing, pace, growth, turn) in zip(largest, motions, strict=False):
        part, cut = _cut_out(figures.rgb, outline)
        scale = share * height / part.shape[0]
        moves = [(x * unit, y * unit) for x, y in (speed, swing)]
        layers.append(Layer(part, [cut], start, moves[0], moves[1], pace, scale, growth, turn))
    return layers


def render(
    layers: Sequence[Layer], frames: int, size: tuple[int, int]
) -> Iterator[tuple[Pixels, npt.NDArray[np.bool_]]]:
    """``(H, W, 3)`` pictures and the ``(H, W)`` truth of each: where an object is."""
    height, width = size
    random = np.random.default_rng(0)
    noise = random.normal(0, NOISE, (4, height, width, 1)).astype(np.float32)
    for frame in range(frames):
        picture = np.zeros((height, width, 3), np.float32)
        truth = np.zeros((height, width), np.uint8)
        for number, layer in enumerate(layers):
            matrix = layer.placed(frame)
            border = cv2.BORDER_CONSTANT if number else cv2.BORDER_REFLECT
            moved = cv2.warpAffine(layer.rgba, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=border)
            alpha = moved[..., 3:].astype(np.float32) / 255
            picture += alpha * (moved[..., :3] - picture)
            for outline in layer.outlines:
                corners = outline @ matrix[:, :2].T + matrix[:, 2] - 0.5
                fixed = np.rint(corners * 2**SUBPIXELS).astype(np.int32)
                cv2.fillPoly(truth, [fixed], 1, shift=SUBPIXELS)
        noisy = np.clip(picture + noise[int(random.integers(4))], 0, 255).astype(np.uint8)
        yield noisy, truth > 0


def film(
    photos: Sequence[Photo], scenes: int, frames: int, size: tuple[int, int]
) -> Iterator[tuple[Pixels, npt.NDArray[np.bool_]]]:
    """``scenes`` of ``frames`` each, cut together."""
    for ground, figures in PAIRS[:scenes]:
        yield from render(scene_layers(photos[ground % len(photos)], photos[figures % len(photos)], size), frames, size)


def _cut_out(rgb: Pixels, outline: Outline) -> tuple[Pixels, Outline]:
    """The object inside ``outline`` with soft borders, and the outline in pixels of the result."""
    low = np.maximum(np.floor(outline.min(axis=0)).astype(int) - 2, 0)
    high = np.ceil(outline.max(axis=0)).astype(int) + 2
    part = rgb[low[1] : high[1], low[0] : high[0]]
    alpha = np.zeros(part.shape[:2], np.uint8)
    corners = np.rint((outline - low - 0.5) * 2**SUBPIXELS).astype(np.int32)
    cv2.fillPoly(alpha, [corners], 255, lineType=cv2.LINE_AA, shift=SUBPIXELS)
    return np.dstack([part, alpha]), outline - low
