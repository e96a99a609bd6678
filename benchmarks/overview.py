"""Overview for large objects: balloons found in close-ups, and time per photo, without and with it.

The model that ships, by the runtime. A close-up is a piece of a photo around one of its three largest balloons, so many
times as high as that balloon is large; all balloons of which more than 30 % are inside count. A balloon is found where
the box of an object that keeps its colour at the defaults overlaps it by half.

    python -m benchmarks overview --balloon datasets/balloon
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from detectron2.data import DatasetCatalog
from tabulate import tabulate

from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE
from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.tracking import box_iou
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.media.reading import read_picture
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.weights.names import shipped_model

Photo = tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]
"""RGB pixels, and the boxes ``(N, 4)`` of the balloons."""

DEFAULTS = Selection(confidence=DEFAULT_CONFIDENCE, low_confidence=DEFAULT_LOW_CONFIDENCE)
CLOSE_UPS = (1.2, 1.8, 3.0)
LARGEST, LEAST_SIDE = 3, 120
SEEN, FOUND = 0.3, 0.5
WIDE = 1.25  # width of a close-up by its height


def photos() -> Iterator[Photo]:
    """Read the validation photos; boxes XYXY."""
    for entry in DatasetCatalog.get("balloon_val"):
        boxes = np.array([each["bbox"] for each in entry["annotations"]], np.float32)
        yield read_picture(entry["file_name"]).rgb8, boxes


def close_ups(whole: Sequence[Photo], times: float) -> Iterator[Photo]:
    """Cut the close-ups out of the photos."""
    for image, boxes in whole:
        sides = boxes[:, 2:] - boxes[:, :2]
        for index in np.argsort(-sides.prod(axis=1))[:LARGEST]:
            if sides[index].max() >= LEAST_SIDE:
                yield _piece(image, boxes, boxes[index], times * float(sides[index].max()))


def _piece(image: npt.NDArray[np.uint8], boxes: Any, around: Any, side: float) -> Photo:
    limit = np.array(image.shape[1::-1])
    size = np.minimum([side * WIDE, side], limit)
    x, y = np.clip((around[:2] + around[2:]) / 2 - size / 2, 0, limit - size).astype(int)
    piece = image[y : int(y + size[1]), x : int(x + size[0])]
    moved = boxes - np.array([x, y, x, y])
    inside = np.clip(moved, 0, [*piece.shape[1::-1]] * 2)
    areas = [(each[:, 2:] - each[:, :2]).prod(axis=1) for each in (inside, moved)]
    return piece, inside[areas[0] > SEEN * areas[1]].astype(np.float32)


def count(finder: OpenVinoFinder, of: Sequence[Photo]) -> tuple[int, int]:
    """Return how many balloons are found, and how many marks are on none."""
    right = other = 0
    for image, boxes in of:
        (found,) = finder.detect([image])
        kept = found.boxes[DEFAULTS.indices(found)]
        overlaps = box_iou(kept, boxes) >= FOUND
        right += int(overlaps.any(axis=0).sum())
        other += int((~overlaps.any(axis=1)).sum())
    return right, other


def seconds(finders: Mapping[str, OpenVinoFinder], of: Sequence[Photo]) -> dict[str, float]:
    """Processor time per photo of each finder, in turns; each warms up first."""
    spent = dict.fromkeys(finders, 0.0)
    for finder in finders.values():
        finder.detect([of[0][0]])
    for image, _ in of:
        for name, finder in finders.items():
            start = time.process_time()
            finder.detect([image])
            spent[name] += time.process_time() - start
    return {name: total / len(of) for name, total in spent.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--balloon", required=True, metavar="DIR", help="folder of the balloon dataset: train/ and val/"
    )
    args = parser.parse_args()
    register_balloon(args.balloon)
    one = OpenVinoFinder(shipped_model(), confidence=0.05)
    finders = {"one view": OpenVinoFinder(shipped_model(), confidence=0.05, scales=[one.structure.short_edge])}
    finders["and an overview"] = one
    whole = list(photos())
    sets = {"photos": whole, **{f"close-ups, {times:g} times": list(close_ups(whole, times)) for times in CLOSE_UPS}}
    rows = []
    for name, pictures in sets.items():
        counts = ["{}, {}".format(*count(finder, pictures)) for finder in finders.values()]
        rows.append([name, sum(len(boxes) for _, boxes in pictures), *counts])
    print(tabulate(rows, ["", "balloons", *(f"{name}: found, other marks" for name in finders)]))
    times = seconds(finders, whole)
    first, second = times.values()
    print(f"processor time per photo: {first:.2f} s and {second:.2f} s, {second / first:.2f} times")


if __name__ == "__main__":
    main()
