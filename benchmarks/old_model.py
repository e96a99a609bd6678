"""A trained model of matterport's, converted, against the original on photos: are its objects the same?

    python -m benchmarks old_model --keras-python v37/bin/python --weights old_balloon.h5 --photos balloon/val

The other side is matterport's own code, in a Python 3.7 with the packages that tests/matterport/make_reference.py
lists; tests/matterport/make_balloon.py trains a model there. The converted model runs with equal and with stock parts,
without torch, in fp32. The objects of the original are matched with those of each by their masks.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import matte
from balloon_splash.export.from_matterport import MatterportSettings, convert_matterport
from balloon_splash.media.reading import read_picture
from balloon_splash.runtime.finder import OpenVinoFinder

#: Program of the other Python: writes what it finds in each photo beside a copy of its pixels.
_KERAS = """
import glob, sys, warnings; warnings.filterwarnings("ignore")
import numpy as np
from mrcnn import config, model as M
h5, folder, depth, side, confidence = sys.argv[1:]
class Old(config.Config):
    NAME = "old"; IMAGES_PER_GPU = 1; NUM_CLASSES = 2; BACKBONE = "resnet" + depth
    IMAGE_MIN_DIM = IMAGE_MAX_DIM = int(side)
    RPN_ANCHOR_SCALES = tuple(int(side) * part // 32 for part in (1, 2, 4, 8, 16))
    DETECTION_MIN_CONFIDENCE = float(confidence)
old = M.MaskRCNN("inference", Old(), ".")
old.load_weights(h5, by_name=True)
for path in sorted(glob.glob(folder + "/*.npy")):
    found = old.detect([np.load(path)])[0]
    np.savez_compressed(path[:-4] + ".npz", **found)
"""

Masks = npt.NDArray[np.bool_]


def main() -> None:
    """Run both sides and print the comparison."""
    args = _arguments()
    photos = sorted(path for path in args.photos.iterdir() if path.suffix.lower() in {".jpg", ".jpeg", ".png"})
    scales = [float(args.side * part // 32) for part in (1, 2, 4, 8, 16)]
    settings = MatterportSettings(
        min_dim=args.side, max_dim=args.side, anchor_scales=tuple(scales), min_confidence=args.confidence
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pixels = [read_picture(path).rgb.astype(np.uint8) for path in photos]
        for number, each in enumerate(pixels):
            np.save(folder / f"{number:04}.npy", each)
        numbers = [str(args.depth), str(args.side), str(args.confidence)]
        subprocess.run([args.keras_python, "-c", _KERAS, args.weights, folder, *numbers], check=True)
        originals = [np.load(folder / f"{number:04}.npz") for number in range(len(photos))]
        rows = []
        for parts in ("equal", "stock"):
            weights = folder / f"{parts}.safetensors"
            convert_matterport(Path(args.weights), weights, ["balloon"], settings, equal=parts == "equal")
            finder = OpenVinoFinder(weights, confidence=args.confidence, precision="fp32")
            rows.append([parts, *_compared(originals, [finder.detect([each])[0] for each in pixels])])
    objects = sum(len(original["scores"]) for original in originals)
    print(f"{len(photos)} photos, {objects} objects of the original at {args.confidence:g}")
    heads = [
        "parts",
        "found",
        "in both",
        "IoU",
        "least",
        "other score by",
        "other boxes",
        "pixels of masks that differ",
    ]
    print(tabulate(rows, heads, floatfmt=".5f"))


def _compared(originals: list[Any], found: list[Detections]) -> list[object]:
    """Number found, and of the objects of both sides: count, overlap, differences of scores, boxes and masks."""
    overlaps, scores, boxes, pixels, area = [], [], 0, 0, 0
    for original, own in zip(originals, found, strict=True):
        for one, two in _pairs(original["masks"], own):
            mask, other = original["masks"][..., one], _mask(own, two)
            overlaps.append((mask & other).sum() / (mask | other).sum())
            scores.append(abs(original["scores"][one] - own.scores[two]))
            boxes += int((original["rois"][one][[1, 0, 3, 2]] != own.boxes[two]).any())
            pixels, area = pixels + int((mask != other).sum()), area + mask.size
    total = sum(len(each) for each in found)
    return [total, len(overlaps), np.mean(overlaps), np.min(overlaps), np.max(scores), boxes, pixels / area]


def _pairs(masks: Masks, found: Detections) -> Iterator[tuple[int, int]]:
    """Pair the original's masks ``(H, W, N)`` with objects that overlap by half, each with the best that is left."""
    left = set(range(len(found)))
    for one in range(masks.shape[-1]):
        shares = {two: _overlap(masks[..., one], _mask(found, two)) for two in left}
        best = max(shares, key=lambda two: shares[two], default=None)
        if best is not None and shares[best] >= 0.5:
            left.remove(best)
            yield one, best


def _overlap(one: Masks, two: Masks) -> float:
    return float((one & two).sum() / max((one | two).sum(), 1))


def _mask(found: Detections, index: int) -> Masks:
    return matte(found[np.array([index])]) > 0.5


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras-python", required=True, metavar="FILE", help="a Python with TensorFlow 1.15 and mrcnn")
    parser.add_argument("--weights", required=True, metavar="FILE", help="an .h5 file with one class")
    parser.add_argument("--photos", required=True, type=Path, metavar="DIR", help="folder of photos")
    parser.add_argument("--depth", type=int, choices=(50, 101), default=50, help="of the ResNet (%(default)s)")
    parser.add_argument("--side", type=int, default=512, metavar="PIXELS", help="of the canvas (%(default)s)")
    parser.add_argument("--confidence", type=float, default=0.5, help="lowest score (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
