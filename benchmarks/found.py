"""Balloons found and other marks, by the runtime: of one model or several, under several rules for their scores.

Counts of the model card, and of a choice between two models: on the validation photos, on pieces of them around their
largest balloons (see :mod:`benchmarks.overview`), on rendered scenes, on a folder of pictures with YOLO's boxes, and in
pictures without balloons: drawn ones, those of scikit-image's package, and your own. A balloon is found where the box
of an object that keeps its colour overlaps it by half; an object on no balloon is another mark.

    python -m benchmarks found --balloon datasets/balloon --weights balloon other.safetensors --without wallpapers
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import skimage
from tabulate import tabulate

from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.tracking import box_iou
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.data.render import render_scene
from balloon_splash.data.render.no_balloons import render_no_balloons
from balloon_splash.media.reading import read_picture
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.weights.names import SHIPPED, shipped_model
from benchmarks.overview import CLOSE_UPS, FOUND, Photo, close_ups, photos

RULES = {
    "0.9 alone": Selection(confidence=0.9),
    "0.9 and 0.5": Selection(confidence=0.9, low_confidence=0.5),
    "0.9 and 0.6": Selection(confidence=0.9, low_confidence=0.6),
    "0.9 and 0.7": Selection(confidence=0.9, low_confidence=0.7),
    "0.8 and 0.5": Selection(confidence=0.8, low_confidence=0.5),
}
#: Scenes of each kind and drawings without balloons, by seeds that no training set of :mod:`balloon_splash.data` has.
SCENES = {"party": range(50000, 50032), "crowd": range(90000, 90016), "hot-air": range(90000, 90016)}
DRAWINGS = range(20000, 20100)
PICTURES = (".jpg", ".jpeg", ".png", ".webp")


@dataclass
class Count:
    """Balloons found, other marks, and pictures with any, of one model under one rule."""

    found: int = 0
    others: int = 0
    marked: int = 0

    def __str__(self) -> str:
        """Found, then others; where nothing was found, the pictures in which something is marked."""
        return f"{self.found}, {self.others}" if self.found else f"{self.others} in {self.marked}"


def scenes(kind: str) -> Iterator[Photo]:
    """Render the scenes of a kind."""
    for seed in SCENES[kind]:
        scene = render_scene(seed, kind=kind)
        boxes = [[*np.min(points, axis=0), *np.max(points, axis=0)] for points in scene.polygons]
        yield scene.image, np.array(boxes, np.float32)


def yolo(folder: Path) -> Iterator[Photo]:
    """Read ``images/`` with the boxes of ``labels/``, one line per balloon: class and centre and size as shares."""
    for path in _pictures(folder / "images"):
        image = read_picture(str(path)).rgb8
        label = folder / "labels" / f"{path.stem}.txt"
        lines = label.read_text(encoding="utf-8").splitlines() if label.is_file() else []
        rows = np.array([line.split()[1:5] for line in lines if line.strip()], np.float32).reshape(-1, 4)
        corners = np.hstack([rows[:, :2] - rows[:, 2:] / 2, rows[:, :2] + rows[:, 2:] / 2])
        yield image, corners * np.array([*image.shape[1::-1]] * 2, np.float32)


def without(folder: Path) -> Iterator[Photo]:
    """Read pictures without balloons; those that Pillow's decoders refuse are left out."""
    for path in _pictures(folder):
        yield read_picture(str(path)).rgb8, np.zeros((0, 4), np.float32)


def drawings() -> Iterator[Photo]:
    """Draw pictures without balloons."""
    for seed in DRAWINGS:
        yield render_no_balloons(seed), np.zeros((0, 4), np.float32)


def _pictures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)


def count(finder: OpenVinoFinder, of: Iterator[Photo]) -> tuple[int, dict[str, Count]]:
    """Return how many balloons there are, and the count under each rule; each picture is looked at once."""
    balloons, counts = 0, {name: Count() for name in RULES}
    for image, boxes in of:
        balloons += len(boxes)
        (found,) = finder.detect([image])
        overlaps = box_iou(found.boxes, boxes) >= FOUND
        for name, rule in RULES.items():
            kept = overlaps[rule.indices(found)]
            counts[name].found += int(kept.any(axis=0).sum())
            counts[name].others += int((~kept.any(axis=1)).sum())
            counts[name].marked += bool(len(kept))
    return balloons, counts


def sets(args: argparse.Namespace) -> dict[str, Callable[[], Iterator[Photo]]]:
    """Name the pictures to count on."""
    chosen: dict[str, Callable[[], Iterator[Photo]]] = {}
    if args.balloon:
        register_balloon(args.balloon)
        chosen["validation photos"] = photos
        for times in CLOSE_UPS:
            chosen[f"close-ups, {times:g} times"] = lambda times=times: close_ups(list(photos()), times)
    chosen |= {f"{folder}": partial(yolo, folder) for folder in args.yolo}
    chosen["scikit-image"] = partial(without, Path(skimage.__file__).parent / "data")
    chosen |= {f"{folder}": partial(without, folder) for folder in args.without}
    chosen |= {f"rendered: {kind}": partial(scenes, kind) for kind in SCENES}
    chosen["drawn, without"] = drawings
    return {name: each for name, each in chosen.items() if not args.only or any(word in name for word in args.only)}


def measure(
    weights: Sequence[str], of: dict[str, Callable[[], Iterator[Photo]]], precision: str, scales: Sequence[int]
) -> None:
    """Print a table per set, with a row per model."""
    finders = {
        name: OpenVinoFinder(
            shipped_model() if name == SHIPPED else name, confidence=0.05, precision=precision, scales=scales
        )
        for name in weights
    }
    for name, pictures in of.items():
        rows, balloons = [], 0
        for model, finder in finders.items():
            balloons, counts = count(finder, pictures())
            rows.append([Path(model).name, *counts.values()])
        print(f"\n{name}: {balloons} balloons")
        print(tabulate(rows, ["", *RULES]), flush=True)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--balloon", metavar="DIR", help="folder of the balloon dataset: train/ and val/")
    parser.add_argument("--yolo", nargs="*", default=[], type=Path, metavar="DIR", help="folders: images/ and labels/")
    parser.add_argument("--without", nargs="*", default=[], type=Path, metavar="DIR", help="pictures without balloons")
    parser.add_argument("--weights", nargs="+", default=[SHIPPED], metavar="FILE", help="packed (default: balloon)")
    parser.add_argument("--only", nargs="*", default=[], metavar="WORD", help="sets with one of these in their names")
    parser.add_argument("--precision", default="fp32", help="fp32, bf16, int8 or auto (default: fp32)")
    parser.add_argument("--one-view", action="store_true", help="without the overview for large balloons")
    args = parser.parse_args()
    measure(args.weights, sets(args), args.precision, [800] if args.one_view else [])


if __name__ == "__main__":
    main()
