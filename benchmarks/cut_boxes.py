"""Second look at objects that their boxes cut: fit of the masks and time per photo, without and with it.

The model that ships, by the runtime in fp32, on photos with known objects; the same detections in both cases. An object
counts where a detection of its class overlaps it by half (box IoU without the second look).

    python -m benchmarks cut_boxes --balloon datasets/balloon
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from detectron2.data import DatasetCatalog
from tabulate import tabulate
from tqdm import tqdm

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import instance_masks
from balloon_splash.compositing.tracking import box_iou
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.engine.boundary import BAND, boundary_iou
from balloon_splash.media.reading import read_picture
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.weights.names import shipped_model
from benchmarks._measure import compare, print_table
from benchmarks.edges import Masks, true_mask

Pairs = Sequence[tuple[int, int]]
"""Indices of true objects, each with that of its detection."""


def finder(share: float | None, confidence: float) -> OpenVinoFinder:
    """Load the model that ships; ``share`` replaces its own share of growth."""
    found = OpenVinoFinder(shipped_model(), confidence=confidence, precision="fp32", workers=1)
    if share is not None:
        found.structure = replace(found.structure, grow_cut_boxes=share)
    return found


def fits(found: Detections, pairs: Pairs, truth: Masks, bands: Sequence[float]) -> list[list[float]]:
    """Mask IoU, and boundary IoU by band, of each pair."""
    masks = instance_masks(found)
    rows = []
    for true, own in pairs:
        mask, right = masks[own], truth[true]
        rows.append([(mask & right).sum() / (mask | right).sum(), *(boundary_iou(mask, right, band) for band in bands)])
    return rows


def print_fits(sides: Mapping[str, OpenVinoFinder], entries: Sequence[Any], bands: Sequence[float]) -> None:
    """Print the fit of the masks of each side, in pairs that the first side decides."""
    table: dict[str, list[list[float]]] = {name: [] for name in sides}
    detections = grown = 0
    for entry in tqdm(entries, unit="photo"):
        photo = read_picture(entry["file_name"]).rgb8
        results = {name: side.detect([photo])[0] for name, side in sides.items()}
        before, after = results.values()
        detections += len(before)
        grown += int((before.boxes != after.boxes).any(axis=1).sum())
        overlaps = box_iou(np.array([each["bbox"] for each in entry["annotations"]], np.float32), before.boxes)
        pairs = [(row, int(each.argmax())) for row, each in enumerate(overlaps) if each.size and each.max() >= 0.5]
        truth = np.array([true_mask(each, entry["height"], entry["width"]) for each in entry["annotations"]])
        for name, found in results.items():
            table[name] += fits(found, pairs, truth, bands)
    rows = [[name, len(each), *(f"{mean:.4f}" for mean in np.mean(each, axis=0))] for name, each in table.items()]
    headers = ["masks", "objects", "mask IoU", *(f"boundary IoU, {100 * band:g} %" for band in bands)]
    print(tabulate(rows, headers=headers, disable_numparse=True))
    print(f"boxes that grew: {grown} of {detections}")


def main() -> None:
    """Measure both, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--balloon", metavar="DIR", help="where balloon_train and balloon_val are: train/ and val/")
    parser.add_argument("--dataset", default="balloon_val", help="(%(default)s)")
    parser.add_argument("--confidence", type=float, default=0.5, help="lowest score of a detection (%(default)s)")
    parser.add_argument("--share", type=float, help="growth of cut boxes (default: that of the model)")
    parser.add_argument("--bands", type=float, nargs="+", default=(BAND, 0.01, 0.005), help="of the diagonal")
    parser.add_argument("--rounds", type=int, default=3, help="rounds to time (%(default)s)")
    args = parser.parse_args()
    if args.balloon:
        register_balloon(args.balloon)
    entries = DatasetCatalog.get(args.dataset)
    sides = {"as detected": finder(0.0, args.confidence), "cut boxes grow": finder(args.share, args.confidence)}
    print_fits(sides, entries, args.bands)
    photos = [read_picture(entry["file_name"]).rgb8 for entry in entries]
    timed = {name: partial(_all, side, photos) for name, side in sides.items()}
    print_table(compare("time per photo", timed, rounds=args.rounds, per=len(photos)))


def _all(side: OpenVinoFinder, photos: Sequence[npt.NDArray[np.uint8]]) -> None:
    for photo in photos:
        side.detect([photo])


if __name__ == "__main__":
    main()
