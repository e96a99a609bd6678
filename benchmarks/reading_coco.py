"""Reading 100,000 COCO annotations: our reader against Detectron2's ``load_coco_json``, in one run.

    python -m benchmarks.reading_coco

Detectron2's reader reads no photo and checks no outline; ours measures and checks both. It measures each photo once and
caches the size, so it runs twice: with an empty and with a filled cache. Each reader has its own process. They take
turns, and the least time of each counts, as other work on the machine only adds to it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = (640, 480)
PER_PHOTO, POINTS = 8, 24
ROWS = {"detectron2": "detectron2", "ours, first time": "ours", "ours, again": "ours"}


def write(folder: Path, annotations: int) -> None:
    """A COCO file and its photos: one JPEG under many names. Every second object is bent like a C."""
    rng = np.random.default_rng(0)
    Image.new("RGB", SIZE, "grey").save(folder / "photo.jpg", quality=10)
    around = np.linspace(0, 2 * np.pi, POINTS, endpoint=False)
    half = np.linspace(0, 1.4 * np.pi, POINTS // 2)
    bent, width = np.concatenate([half, half[::-1]]), np.repeat([1.0, 0.6], POINTS // 2)
    images, found = [], []
    for number in range(annotations // PER_PHOTO):
        os.link(folder / "photo.jpg", folder / f"{number:06d}.jpg")
        images.append({"id": number, "file_name": f"{number:06d}.jpg", "width": SIZE[0], "height": SIZE[1]})
        for place in range(PER_PHOTO):
            angle = bent if place % 2 else around
            radius = rng.uniform(5, 60) * rng.uniform(0.8, 1, POINTS) * (width if place % 2 else 1)
            x = rng.uniform(60, SIZE[0] - 60) + radius * np.cos(angle)
            y = rng.uniform(60, SIZE[1] - 60) + radius * np.sin(angle)
            ring = np.stack((x, y), axis=1).round(2).ravel().tolist()
            box = [x.min(), y.min(), np.ptp(x), np.ptp(y)]
            found.append(
                {"id": len(found) + 1, "image_id": number, "category_id": 1, "iscrowd": 0, "area": 1000.0,
                 "bbox": [round(float(value), 2) for value in box], "segmentation": [ring]}
            )  # fmt: skip
    document = {"images": images, "annotations": found, "categories": [{"id": 1, "name": "thing"}]}
    (folder / "coco.json").write_text(json.dumps(document))


def read(reader: str, folder: Path) -> None:
    """Read in this process; print seconds of the processor, and peak memory beyond what the imports take, in MiB."""
    if reader == "detectron2":
        from detectron2.data.datasets import load_coco_json

        start, before = time.process_time(), _memory()
        count = sum(len(photo["annotations"]) for photo in load_coco_json(str(folder / "coco.json"), str(folder), "b"))
    else:
        import balloon_splash  # noqa: F401  (as users import it)
        from balloon_splash.data.annotations.formats import load_annotations

        start, before = time.process_time(), _memory()
        count = load_annotations(folder / "coco.json", folder)[1].n_instances
    print(json.dumps([count, time.process_time() - start, _memory() - before]))


def _read_apart(reader: str, folder: Path, environment: dict[str, str]) -> tuple[int, float, float]:
    """Read in a process of its own; return annotations, seconds and MiB."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.reading_coco", "--read", reader, str(folder)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    count, seconds, memory = json.loads(done.stdout.splitlines()[-1])
    return count, seconds, memory


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Write the file, read it with both readers, and print times, memory and ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--annotations", type=int, default=100_000, metavar="N", help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each reader (default: %(default)s)")
    parser.add_argument("--read", nargs=2, metavar=("READER", "DIR"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.read:
        read(args.read[0], Path(args.read[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "photos")
        folder.mkdir()
        write(folder, args.annotations)
        environment = {**os.environ, "BALLOON_SPLASH_CACHE": str(Path(name, "cache"))}
        rounds = []
        for _ in range(args.rounds):
            shutil.rmtree(environment["BALLOON_SPLASH_CACHE"], ignore_errors=True)
            rounds.append([_read_apart(reader, folder, environment) for reader in ROWS.values()])
    # The least time and the most memory of each.
    rows = [
        (row[0][0], min(seconds for _, seconds, _ in row), max(memory for *_, memory in row))
        for row in zip(*rounds, strict=True)
    ]
    _, base_seconds, base_memory = rows[0]
    for row, (count, seconds, memory) in zip(ROWS, rows, strict=True):
        ratios = f"{seconds / base_seconds:.2f} of its time, {memory / base_memory:.2f} of its memory"
        print(f"{row:18}{count:8} annotations {seconds:7.2f} s {memory:7.0f} MiB   {ratios}")


if __name__ == "__main__":
    main()
