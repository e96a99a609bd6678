"""Compositing a photo whose masks are known: ours against the article's way, in one run.

    python -m benchmarks.compositing

The article (matterport/Mask_RCNN, samples/balloon) greys the whole photo in floating point, sums a stack of boolean
masks and picks with ``np.where``. Both sides start from their own input: the article's from ``(H, W, N)`` masks, ours
from a matte, and, in the second row, from the soft masks themselves.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from skimage.color import gray2rgb, rgb2gray

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.effects import apply_effect
from balloon_splash.compositing.matte import instance_masks, matte

HEIGHT, WIDTH, OBJECTS, TARGET = 1365, 2048, 6, 20.0


def article_effect(image: npt.NDArray[np.uint8], masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Grey the picture except in the union of ``masks`` ``(H, W, N)``, as the article describes."""
    grey = gray2rgb(rgb2gray(image)) * 255
    union = masks.sum(axis=-1, keepdims=True) >= 1
    return np.where(union, image, grey).astype(np.uint8)


def scene() -> tuple[npt.NDArray[np.uint8], Detections]:
    """Make a noisy photo, the slowest kind, and six round objects."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    centre = rng.uniform((300, 300), (WIDTH - 300, HEIGHT - 300), (OBJECTS, 2))
    half = rng.uniform(60, 250, (OBJECTS, 1))
    y, x = np.mgrid[:28, :28] - 13.5
    disc = np.clip((14 - np.hypot(x, y)) / 2, 0, 1).astype(np.float32)
    return image, Detections(
        size=(HEIGHT, WIDTH),
        boxes=np.hstack([centre - half, centre + half]).astype(np.float32),
        scores=np.ones(OBJECTS, np.float32),
        classes=np.zeros(OBJECTS, np.int64),
        soft_masks=np.repeat(disc[None], OBJECTS, axis=0),
        class_names=("balloon",),
    )


def median_ms(function: Callable[[], object], rounds: int) -> float:
    """Median time of one call in milliseconds, after one to warm up."""
    function()
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Compositing: ours against the article's way.")
    parser.add_argument("--rounds", type=int, default=15, help="calls of each side (%(default)s)")
    rounds = parser.parse_args().rounds

    image, detections = scene()
    masks = np.ascontiguousarray(instance_masks(detections).transpose(1, 2, 0))
    hard, soft = matte(detections), matte(detections, soft=True)
    difference = np.abs(apply_effect(image, hard).astype(int) - article_effect(image, masks)).max()

    article = median_ms(lambda: article_effect(image, masks), rounds)
    sides = {
        "ours, matte given": lambda: apply_effect(image, hard),
        "ours, from soft masks": lambda: apply_effect(image, matte(detections)),
        "ours, soft edges, matte given": lambda: apply_effect(image, soft),
    }
    print(f"{WIDTH}x{HEIGHT}, {OBJECTS} objects, median of {rounds}; largest difference {difference} of 255")
    print(f"{'the article, masks given':32}{article:9.2f} ms")
    for name, function in sides.items():
        ours = median_ms(function, rounds)
        print(f"{name:32}{ours:9.2f} ms  {article / ours:6.1f} times faster")
    print(f"target: {TARGET:g} times, matte given")


if __name__ == "__main__":
    main()
