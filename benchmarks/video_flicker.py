"""Flicker of mattes, frame by frame against followed and smoothed, on a rendered clip with known truth.

Balloons drift before a still background; a simulated detector misses some, trembles, and has unsure mask edges.
Flicker is the mean change of the matte from one frame to the next at points where the picture did not change.
Smoothing must not cost accuracy, so the distance to the true matte is printed as well.

    python -m benchmarks.video_flicker
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import matte
from balloon_splash.compositing.smoothing import Smoother

SIZE = (240, 320)
DISC = cv2.GaussianBlur(cv2.circle(np.zeros((28, 28), np.float32), (14, 14), 13, 1.0, -1), (5, 5), 0)


def true_boxes(frame: int) -> npt.NDArray[np.float32]:
    """``(3, 4)``: one balloon stands, one drifts, one swings; XYXY."""
    centres = [(60, 70), (60 + 1.6 * frame, 170), (230 + 30 * np.sin(frame / 12), 80)]
    return np.array([(x - 30, y - 36, x + 30, y + 36) for x, y in centres], np.float32)


def render(frame: int, background: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """``(H, W, 3)``: the balloons before the background."""
    picture = background.copy()
    for index, (x0, y0, x1, y1) in enumerate(true_boxes(frame).round().astype(int).tolist()):
        colour = [(200, 40, 40), (40, 60, 200), (230, 200, 40)][index]
        cv2.ellipse(picture, ((x0 + x1) // 2, (y0 + y1) // 2), ((x1 - x0) // 2, (y1 - y0) // 2), 0, 0, 360, colour, -1)
    return picture


def detect(
    frame: int, random: np.random.Generator, *, jitter: float = 0.0, noise: float = 0.0, misses: float = 0.0
) -> Detections:
    """Simulate a detector: ``jitter`` in pixels, ``noise`` on the masks, ``misses`` as a probability."""
    boxes = true_boxes(frame)
    boxes = (boxes + random.normal(0, jitter, boxes.shape)).astype(np.float32)
    soft = np.clip(DISC + random.normal(0, noise, (len(boxes), 28, 28)), 0, 1).astype(np.float32)
    found = Detections(SIZE, boxes, np.full(3, 0.9, np.float32), np.zeros(3, np.int64), soft, ("balloon",))
    return found[random.random(3) >= misses]


def flicker(pictures: Sequence[npt.NDArray[np.uint8]], mattes: Sequence[npt.NDArray[np.float32]]) -> float:
    """Mean absolute change of the matte where the picture is the same as one frame before."""
    changes = [
        np.abs(mattes[i] - mattes[i - 1])[(pictures[i] == pictures[i - 1]).all(axis=2)] for i in range(1, len(mattes))
    ]
    return float(np.concatenate(changes).mean())


def main() -> None:
    """Print flicker and error of both ways, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=120)
    parser.add_argument("--jitter", type=float, default=1.0, help="pixels")
    parser.add_argument("--noise", type=float, default=0.1, help="of the masks' values")
    parser.add_argument("--misses", type=float, default=0.1, help="probability a frame")
    args = parser.parse_args()
    random = np.random.default_rng(0)
    background = random.integers(60, 200, (*SIZE, 3), dtype=np.uint8)
    frames = range(args.frames)
    pictures = [render(frame, background) for frame in frames]
    truth = [matte(detect(frame, random), soft=True) for frame in frames]
    found = [detect(f, random, jitter=args.jitter, noise=args.noise, misses=args.misses) for f in frames]
    smoother: Smoother[int] = Smoother()
    smoothed = [done for frame in frames for done in smoother.push(frame, found[frame])] + smoother.finish()
    calm = [detections for _, detections in smoothed]
    results = {}
    print(f"{'':16}{'flicker':>12}{'error':>12}   (mean change, mean distance to the true matte; 0 to 1)")
    for name, detections in (("frame by frame", found), ("followed", calm)):
        mattes = [matte(each, soft=True) for each in detections]
        error = np.mean([np.abs(a - b).mean() for a, b in zip(mattes, truth, strict=True)])
        results[name] = flicker(pictures, mattes)
        print(f"{name:16}{results[name]:12.5f}{error:12.5f}")
    print(f"{'truth':16}{flicker(pictures, truth):12.5f}{0.0:12.5f}")
    print(f"followed mattes flicker {results['frame by frame'] / results['followed']:.1f} times less")


if __name__ == "__main__":
    main()
