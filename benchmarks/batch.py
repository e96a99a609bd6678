"""Many photos in one process, batched and overlapping, against one call a photo.

    python -m benchmarks.batch

Both sides run the model that ships, by its default back end, on the same rendered photos and write the same files.
One side is what a script with a loop does: read, detect, splash, write, one photo after the other. The other side is
the command's own pipeline. A third row is one *process* a photo, as with a tool that takes a single file: the time of
one such process, most of which is spent on loading, times the number of photos.
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

from balloon_splash.data.render import render_scene
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.inputs import Source
from balloon_splash.splash.look import Look
from balloon_splash.splash.select import Selection
from balloon_splash.splasher import Splasher
from balloon_splash.splasher.detectors import ModelDetector
from balloon_splash.splasher.outcomes import Job
from balloon_splash.splasher.photo_files import Files, PhotoFinisher
from balloon_splash.splasher.photos import splash_photos

SIZE, TARGET = (1500, 1000), 1.3


def write_photos(folder: Path, count: int) -> list[Path]:
    """Rendered photos as JPEG files."""
    paths = [folder / f"{number:02d}.jpg" for number in range(count)]
    for seed, path in enumerate(paths):
        Image.fromarray(render_scene(seed, SIZE).image).save(path, quality=92)
    return paths


def seconds(function: Callable[[], object]) -> float:
    """Time of one call."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=16)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=2, help="of both sides; the best of each counts (%(default)s)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = write_photos(folder, args.photos)
        segmenter = Segmenter.from_config(device="cpu", backend="auto", precision="auto")
        look, selection = Look(soft=True), Selection()

        def one_by_one() -> None:
            splasher = Splasher(segmenter=segmenter, look=look)
            for path in photos:
                splasher(path, overwrite=True)

        def pipeline() -> None:
            jobs = [Job(Source(path.name, Path(path.name), path), path.with_name(f"b_{path.name}")) for path in photos]
            finisher = PhotoFinisher(look, selection, Files(overwrite=True))
            splash_photos(jobs, ModelDetector(segmenter), finisher, batch_size=args.batch_size)

        def one_process() -> None:
            command = [sys.executable, "tools/splash.py", "--input", str(photos[0])]
            subprocess.run([*command, "--device", "cpu", "--overwrite", "--quiet"], check=True)

        one_by_one()  # so that nothing is compiled, or loaded, for the first time
        pipeline()
        single = process = batched = float("inf")
        for _ in range(args.rounds):
            single = min(single, seconds(one_by_one))
            batched = min(batched, seconds(pipeline))
            process = min(process, seconds(one_process))
    count, how = len(photos), f"{segmenter.choice.backend} {segmenter.choice.precision}"
    print(f"{count} photos of {SIZE[0]}x{SIZE[1]}, {how}, best of {args.rounds}, {torch.get_num_threads()} threads")
    print(f"{'one call a photo, one process':36}{single:8.2f} s  {count / single:5.2f} photos/s")
    print(f"{'one process a photo':36}{process * count:8.2f} s  {count / (process * count):5.2f} photos/s")
    print(f"{f'batches of {args.batch_size}, overlapping':36}{batched:8.2f} s  {count / batched:5.2f} photos/s")
    print(f"{single / batched:.2f} times faster than one call a photo (target {TARGET})")
    print(f"{process * count / batched:.2f} times faster than one process a photo")


if __name__ == "__main__":
    main()
