"""Photos by ``batch`` on local Ray against ``splash``, both with all cores, both as commands.

    python -m benchmarks batch_ray --photos 1000

Both start a new process, load the model that ships and write JPEGs, in turn, round by round. Each also runs on a few
photos alone, whose time is that of the start: the photos a second are those beyond, and the time for any number of
photos follows. The memory is the largest of a worker, with its part of what processes share (PSS).
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from itertools import cycle
from pathlib import Path

import psutil

from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from benchmarks._measure import machine

TARGET = 0.95
MANY = 1000
COMMAND = "import sys; from balloon_splash.cli.main import main; sys.exit(main())"
SIDES = ("splash", "batch")
RENDERED, SIZE = 8, (1024, 683)
FEW = 4


def main() -> None:
    """Measure and print."""
    args = _arguments()
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    with tempfile.TemporaryDirectory() as name, _Memory() as memory:
        folder = Path(name)
        source = args.inputs or _rendered(folder / "rendered")
        for count in (FEW, args.photos):
            _fill(folder / str(count), source, count)
        for side in SIDES:  # compiles the model once
            _seconds(side, folder, FEW, args.scales)
        taken: dict[tuple[str, int], list[float]] = {(side, n): [] for side in SIDES for n in (FEW, args.photos)}
        for _ in range(args.rounds):
            for side, count in taken:
                taken[side, count].append(_seconds(side, folder, count, args.scales))
                print(f"  {side}, {count} photos: {taken[side, count][-1]:.1f} s", flush=True)
        again = _seconds("batch", folder, args.photos, args.scales, keep=True)
    best = {key: min(seconds) for key, seconds in taken.items()}
    print(f"{args.photos} photos of {SIZE[0]} x {SIZE[1]}, the fastest of {args.rounds} rounds")
    per_photo = {side: (best[side, args.photos] - best[side, FEW]) / (args.photos - FEW) for side in SIDES}
    many = {side: best[side, FEW] + (MANY - FEW) * per_photo[side] for side in SIDES}
    for side in SIDES:
        rounds = " ".join(f"{each:.1f}" for each in taken[side, args.photos])
        print(
            f"  {side:<8}{best[side, args.photos]:7.1f} s ({rounds}), {FEW} photos {best[side, FEW]:5.1f} s, "
            f"beyond {1 / per_photo[side]:5.2f} a second, hence {MANY} in {many[side]:6.0f} s"
        )
    measured, beyond, whole = (
        one["splash"] / one["batch"] for one in ({side: best[side, args.photos] for side in SIDES}, per_photo, many)
    )
    print(f"  batch has {measured:.2f} of the speed of splash with its start, {beyond:.2f} beyond it")
    print(f"  {MANY} photos: {whole:.2f}, wanted {TARGET}")
    print(f"  the same batch again: {again:.1f} s; a worker takes {memory.most / 2**20:.0f} MiB at most")


class _Memory:
    """Largest PSS of a worker of Ray Data meanwhile, in bytes."""

    most = 0

    def __enter__(self) -> _Memory:
        self._ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _watch(self) -> None:
        while not self._ended.wait(1):
            for process in psutil.process_iter():
                try:
                    if process.cmdline()[:1] and process.cmdline()[0].startswith("ray::MapWorker"):
                        self.most = max(self.most, process.memory_full_info().pss)
                except psutil.Error:
                    continue


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=200, help="how many (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each side, in turn (%(default)s)")
    parser.add_argument("--scales", default="800", help="short edge, in pixels, at which both see photos (%(default)s)")
    parser.add_argument("--inputs", type=Path, metavar="DIR", help="photos to repeat; without it, some are rendered")
    return parser.parse_args()


def _rendered(folder: Path) -> Path:
    write_synthetic_balloons(folder, num_train=RENDERED, num_val=1, size=SIZE, progress=False)
    return folder / "train"


def _fill(folder: Path, source: Path, count: int) -> None:
    folder.mkdir()
    photos = sorted(path for path in source.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for number, photo in zip(range(count), cycle(photos), strict=False):
        shutil.copy(photo, folder / f"{number:06d}{photo.suffix}")


def _seconds(command: str, folder: Path, count: int, scales: str, *, keep: bool = False) -> float:
    output = folder / f"{command}-{count}"
    if not keep:
        shutil.rmtree(output, ignore_errors=True)
    arguments = [command, "--input", str(folder / str(count)), "--output", f"{output}/", "--quiet"]
    arguments += ["--scales", scales]
    start = time.monotonic()
    subprocess.run([sys.executable, "-c", COMMAND, *arguments], check=True)
    seconds = time.monotonic() - start
    results = len(list(output.glob("*_splash.*")))
    assert results == count, f"{command}: {results} results of {count} photos"
    return seconds


if __name__ == "__main__":
    main()
