"""Many photos in one process, batched and overlapping, against one call per photo.

    python -m benchmarks.batch

Both sides run the model that ships, by its default back end, on the same rendered photos and write the same files.
One side is what a script with a loop does: read, detect, splash, write, one photo after the other. The other side is
the command's own pipeline. A third row is one *process* per photo, as with a tool that takes a single file: the time of
one such process, most of which is spent on loading, times the number of photos.

The model sees every photo at the same size, while reading, composing and writing grow with its pixels, so both sides
are measured with photos of web pages and of a camera.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.data.render import render_scene
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.inputs import Source
from balloon_splash.splasher import Splasher
from balloon_splash.splasher.finder import ModelFinder
from balloon_splash.splasher.outcomes import Job
from balloon_splash.splasher.photo_batch import splash_photos
from balloon_splash.splasher.photo_results import Files, PhotoResults

SIZES, TARGET = ("1500x1000", "4000x3000"), 1.3


def write_photos(folder: Path, count: int, size: tuple[int, int]) -> list[Path]:
    """Rendered photos as JPEG files."""
    paths = [folder / f"{number:02d}.jpg" for number in range(count)]
    for seed, path in enumerate(paths):
        Image.fromarray(render_scene(seed, size).image).save(path, quality=92)
    return paths


def seconds(function: Callable[[], object]) -> float:
    """Time of one call."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def measure(segmenter: Segmenter, photos: list[Path], batch_size: int, rounds: int) -> dict[str, float]:
    """Seconds for all photos, the best of some rounds in which the sides take turns."""
    look = Look(soft=True)

    def one_by_one() -> None:
        splasher = Splasher(segmenter=segmenter, look=look)
        for path in photos:
            splasher(path, overwrite=True)

    def pipeline() -> None:
        jobs = [Job(Source(path.name, Path(path.name), path), path.with_name(f"b_{path.name}")) for path in photos]
        write = PhotoResults(Files(overwrite=True))
        splash_photos(jobs, ModelFinder(segmenter), look, Selection(), write, batch_size=batch_size)

    def one_process() -> None:
        command = [sys.executable, "tools/splash.py", "--input", str(photos[0])]
        subprocess.run([*command, "--device", "cpu", "--overwrite", "--quiet"], check=True)

    one_by_one()  # so that nothing is compiled, or loaded, for the first time
    pipeline()
    best = dict.fromkeys(("one call", "one process", "pipeline"), float("inf"))
    for _ in range(rounds):
        best["one call"] = min(best["one call"], seconds(one_by_one))
        best["pipeline"] = min(best["pipeline"], seconds(pipeline))
        best["one process"] = min(best["one process"], seconds(one_process) * len(photos))
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="WIDTHxHEIGHT", help="default: %(default)s")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2, help="of both sides; the best of each counts (%(default)s)")
    args = parser.parse_args()
    segmenter = Segmenter.from_config(device="cpu", backend="auto", precision="auto")
    how = f"{segmenter.choice.backend} {segmenter.choice.precision}, {torch.get_num_threads()} threads"
    for size in args.sizes:
        width, height = (int(side) for side in size.split("x"))
        with tempfile.TemporaryDirectory() as name:
            photos = write_photos(Path(name), args.photos, (width, height))
            best = measure(segmenter, photos, args.batch_size, args.rounds)
        print(f"{args.photos} photos of {size}, {how}, best of {args.rounds}")
        rows = ("one call a photo, one process", "one process a photo", f"batches of {args.batch_size}, overlapping")
        for label, took in zip(rows, best.values(), strict=True):
            print(f"{label:36}{took:8.2f} s  {args.photos / took:5.2f} photos/s")
        print(f"{best['one call'] / best['pipeline']:.2f} times faster than one call a photo (target {TARGET})")
        print(f"{best['one process'] / best['pipeline']:.2f} times faster than one process a photo\n")


if __name__ == "__main__":
    main()
