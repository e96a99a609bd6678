"""Masks in boxes that a person draws: by the model alone, and by colours where the model does not know the object.

The boxes are those of the true outlines, of the validation photos (party balloons) and of rendered scenes with hot-air
balloons; the model is the one that ships, on the runtime. One run computes both masks of each box.

    python -m benchmarks added_boxes --balloon datasets/balloon
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
from detectron2.data import DatasetCatalog
from tabulate import tabulate

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import paste_probability
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.data.render import render_scene
from balloon_splash.media.reading import read_picture
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.splasher.added_boxes import UNKNOWN, AddedBoxes
from balloon_splash.splasher.finder import NamedImage
from balloon_splash.weights.names import shipped_model

Mask = npt.NDArray[np.bool_]
Picture = tuple[npt.NDArray[np.uint8], list[Mask]]

HOT_AIR_SEEDS = range(300, 320)
LEAST_SIDE = 60


def photos() -> Iterator[Picture]:
    """Read the validation photos, and their outlines."""
    for entry in DatasetCatalog.get("balloon_val"):
        image = read_picture(entry["file_name"]).rgb8
        outlines = [[np.reshape(part, (-1, 2)) for part in each["segmentation"]] for each in entry["annotations"]]
        yield image, [_filled(parts, image) for parts in outlines]


def scenes() -> Iterator[Picture]:
    """Render the scenes."""
    for seed in HOT_AIR_SEEDS:
        scene = render_scene(seed, (960, 640), "hot-air")
        yield scene.image, [_filled([outline], scene.image) for outline in scene.polygons]


def _filled(outlines: list[npt.NDArray[np.float64]], image: npt.NDArray[np.uint8]) -> Mask:
    whole = np.zeros(image.shape[:2], np.uint8)
    cv2.fillPoly(whole, [outline.round().astype(np.int32) for outline in outlines], (1,))
    return whole > 0


def _iou(found: Detections, truth: Mask) -> float:
    """IoU of the first object with the truth; 0 without any."""
    mask = np.zeros_like(truth)
    if len(found):
        probability, window = paste_probability(found, 0)
        mask[window] = probability >= 0.5
    return float((mask & truth).sum() / (mask | truth).sum())


def measure(finder: OpenVinoFinder, pictures: Iterator[Picture]) -> list[tuple[bool, float, float, float, float]]:
    """Return of each box whether the model knows its object, and IoU and processor time, first of the model alone."""
    rows = []
    for image, truths in pictures:
        for truth in truths:
            x, y, width, height = cv2.boundingRect(truth.astype(np.uint8))
            if min(width, height) < LEAST_SIDE:
                continue
            box = (float(x), float(y), float(x + width), float(y + height))
            times = [time.process_time()]
            alone = finder.segment(image, np.array([box], np.float32))
            times.append(time.process_time())
            none = Detections.empty(image.shape[:2], alone.class_names)
            joined = AddedBoxes(finder, [box]).join(NamedImage("", "", image), none)
            times.append(time.process_time())
            rows.append((bool(alone.scores[0] >= UNKNOWN), _iou(alone, truth), _iou(joined, truth), *np.diff(times)))
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--balloon", required=True, metavar="DIR", help="folder of the balloon dataset: train/ and val/"
    )
    register_balloon(parser.parse_args().balloon)
    finder = OpenVinoFinder(shipped_model(), confidence=0.05)
    table = []
    for name, pictures in (("validation photos", photos()), ("rendered hot-air balloons", scenes())):
        known, *columns = np.array(measure(finder, pictures)).T
        model, colours, first, second = columns
        table.append(
            [name, len(known), int((known == 0).sum()), model.mean(), colours.mean(), second.sum() / first.sum()]
        )
    header = ["boxes of", "boxes", "not known", "IoU, model alone", "IoU, and colours", "processor time, times"]
    print(tabulate(table, header, floatfmt=".3f"))


if __name__ == "__main__":
    main()
