"""A converted model against matterport's own code in TensorFlow, on the same weights and picture.

    python -m benchmarks matterport --keras-python v37/bin/python

The other side runs in Python 3.7 with the packages that tests/matterport/make_reference.py lists, which no current
Python has. Weights are random, from their names. The sides take turns, one picture at a time. The ranges of 8 bits are
measured on that picture.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from balloon_splash.export.from_matterport import MatterportSettings, convert_matterport
from balloon_splash.export.packing import pack_weights
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.pixels import Pixels8
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.splasher.finder import Finder
from balloon_splash.weights.matterport import Architecture
from benchmarks._measure import compare, machine, print_table
from tests.matterport.files import seeded_arrays, write_arrays

CONFIDENCE = 0.5
KERAS = "matterport, TensorFlow"
#: The back end that needs no torch.
RUNTIME = "runtime"
BACKENDS = ["torch:fp32", "openvino:fp32", f"{RUNTIME}:fp32", f"{RUNTIME}:int8"]

#: Program of the other Python: answers each line of its input with a detection, timed by the caller.
_KERAS = """
import sys, time, warnings; warnings.filterwarnings("ignore")
import numpy as np
from mrcnn import config, model as M
h5, image, depth, confidence = sys.argv[1:]
class Old(config.Config):
    NAME = "old"; IMAGES_PER_GPU = 1; NUM_CLASSES = 2; BACKBONE = "resnet" + depth
    DETECTION_MIN_CONFIDENCE = float(confidence)
old = M.MaskRCNN("inference", Old(), ".")
old.load_weights(h5, by_name=True)
image = np.load(image)
for line in sys.stdin:
    found = old.detect([image])[0]
    print("found", len(found["scores"]), time.process_time(), file=sys.__stdout__, flush=True)
"""


def main() -> None:
    """Measure and print."""
    args = _arguments()
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photo = np.random.default_rng(0).integers(0, 255, (args.side // 64, args.side // 64, 3), np.uint8)
        photo = photo.repeat(64, 0).repeat(64, 1)
        np.save(folder / "photo.npy", photo)
        old = write_arrays(folder / "old.h5", seeded_arrays(Architecture(args.depth, 1, 256, 1024, 3)))
        settings = MatterportSettings(min_confidence=CONFIDENCE)
        sides: dict[str, Callable[[], object]] = {}
        clocks: dict[str, Callable[[], float]] = {}
        if args.keras_python:
            keras = Keras(args, old, folder / "photo.npy")
            sides[KERAS], clocks[KERAS] = keras.detect, keras.processor_time
        for parts in ("equal", "stock"):
            weights = folder / f"{parts}.safetensors"
            convert_matterport(old, weights, ["balloon"], settings, equal=parts == "equal")
            for backend in args.backends:
                name = f"{parts}, {backend}"
                if name.replace(", ", ":") not in args.leave_out:
                    sides[name] = _ours(weights, backend, photo, folder)
        print_table(compare(f"R{args.depth}, {args.side} x {args.side}", sides, rounds=args.rounds, clocks=clocks))


class Keras:
    """matterport's own code, in a process that answers a line with a detection."""

    def __init__(self, args: argparse.Namespace, weights: Path, photo: Path) -> None:
        """Start it, and wait for the first detection."""
        self._python = args.keras_python
        self._process = subprocess.Popen(
            [args.keras_python, "-c", _KERAS, str(weights), str(photo), str(args.depth), str(CONFIDENCE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._spent = 0.0
        print(f"{KERAS}: found {self.detect()}")

    def detect(self) -> int:
        """Return the number of objects in the picture."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(file=self._process.stdin, flush=True)
        for line in self._process.stdout:
            if line.startswith("found"):
                _, count, spent = line.split()
                self._spent = float(spent)
                return int(count)
        sys.exit(f"{self._python}: ended; expected a Python with mrcnn (see tests/matterport/make_reference.py)")

    def processor_time(self) -> float:
        """Return the seconds of processor time up to the last detection."""
        return self._spent


def _ours(weights: Path, backend: str, photo: Pixels8, folder: Path) -> Callable[[], object]:
    engine, precision = backend.split(":")
    finder: Finder
    if engine != RUNTIME:
        finder = Segmenter.from_config(
            None, str(weights), device="cpu", confidence=CONFIDENCE, backend=engine, precision=precision
        )
    elif precision == "int8":
        finder = OpenVinoFinder(_in_8_bits(weights, photo, folder), confidence=CONFIDENCE, precision=precision)
    else:
        finder = OpenVinoFinder(weights, confidence=CONFIDENCE, precision=precision)
    print(f"{weights.stem}, {backend}: found {len(finder.detect([photo])[0].scores)}")
    return lambda: finder.detect([photo])


def _in_8_bits(weights: Path, photo: Pixels8, folder: Path) -> Path:
    """Pack a converted model with ranges for 8 bits, measured on the picture."""
    written, packed = folder / "photo.png", folder / f"{weights.stem}_int8.safetensors"
    Image.fromarray(photo).save(written)
    pack_weights(str(weights), packed, calibration=[written])
    return packed


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keras-python", metavar="FILE", help="a Python with TensorFlow 1.15 and mrcnn (left out)")
    parser.add_argument("--depth", type=int, choices=(50, 101), default=101, help="of the ResNet (%(default)s)")
    parser.add_argument("--side", type=int, default=1024, metavar="PIXELS", help="of the picture (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="of each side (%(default)s)")
    parser.add_argument(
        "--backends", nargs="+", default=BACKENDS, metavar="BACKEND:PRECISION", help="back ends to run (%(default)s)"
    )
    parser.add_argument(
        "--leave-out", nargs="+", default=[], metavar="PARTS:BACKEND:PRECISION", help="sides to leave out (none)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="of torch (one per core)")
    args = parser.parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    return args


if __name__ == "__main__":
    main()
