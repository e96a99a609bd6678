"""A splash by the runtime and by torch, each in a new process: time, memory, and bytes installed.

``python -m benchmarks light --photos FOLDER`` runs both sides in turn, on one photo and on the folder. Where
``--before FOLDER`` names a checkout of an earlier version with an environment of its own (``git worktree add FOLDER
41fb510``, then ``make``), it runs beside them. Where ``--ultralytics FILE`` names a Python with ultralytics and
OpenVINO, so does its smallest segmentation network, exported to OpenVINO with random weights, which cost the same time:
it reads the photos, greys what its masks leave out, and writes them.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

from benchmarks._measure import processor

ROOT = Path(__file__).resolve().parent.parent

#: Photos and the folder of the results (ending in a slash) to a command line.
Side = Callable[[Sequence[Path], str], list[str]]

_YOLO_EXPORT = """
import sys, os; os.chdir(sys.argv[1])
from ultralytics import YOLO
YOLO("yolo11n-seg.yaml").export(format="openvino", imgsz=640, dynamic=True)
"""
_YOLO = """
import sys, cv2, numpy as np
from ultralytics import YOLO
model, output, *photos = sys.argv[1:]
network = YOLO(model, task="segment")
for photo in photos:
    image = cv2.imread(photo)
    (found,) = network.predict(image, imgsz=640, conf=0.25, retina_masks=True, verbose=False)
    inside = np.zeros(image.shape[:2], bool) if found.masks is None else found.masks.data.numpy().any(0)
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    cv2.imwrite(output + photo.rpartition("/")[2], np.where(inside[..., None], image, grey))
"""


@dataclass(frozen=True)
class Run:
    """Cost of one process: seconds by the clock and of the processor, and peak memory in MB."""

    clock: float
    processor: float
    memory: float


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks light", description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True, metavar="DIR", help="folder of .jpg photos to splash")
    parser.add_argument("--before", type=Path, metavar="DIR", help="checkout of an earlier version with its .venv")
    parser.add_argument("--ultralytics", metavar="FILE", help="a Python with ultralytics and OpenVINO")
    parser.add_argument("--leave-out", nargs="+", default=[], metavar="SIDE", help="sides to leave out (default: none)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs per row (default: %(default)s)")
    parser.add_argument("--count", type=int, default=13, metavar="N", help="photos to take (default: %(default)s)")
    args = parser.parse_args(argv)
    photos = sorted(args.photos.glob("*.jpg"))[: args.count]
    with tempfile.TemporaryDirectory() as folder:
        sides = {name: side for name, side in _sides(args, folder).items() if name not in args.leave_out}
        machine = f"{processor()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
        print(f"{machine}; medians of {args.rounds}")
        print(f"{'':<26}{'side':<14}{'seconds':>9}{'processor s':>13}{'peak MB':>9}")
        for name, chosen in (("first photo, new process", photos[:1]), (f"{len(photos)} photos", photos)):
            _compare(name, sides, chosen, args.rounds)
    print(f"installed: {installed(''):.0f} MB for a splash, {installed('train'):.0f} MB with training")
    return 0


def _sides(args: argparse.Namespace, folder: str) -> dict[str, Side]:
    """Return the command lines by name."""
    here = [sys.executable, str(ROOT / "tools" / "splash.py")]
    sides = {"runtime": _splash(*here, "--backend", "openvino"), "torch": _splash(*here, "--backend", "torch")}
    if args.before:
        sides["before"] = _splash(str(args.before / ".venv/bin/python"), str(args.before / "tools" / "splash.py"))
    if args.ultralytics:
        subprocess.run([args.ultralytics, "-c", _YOLO_EXPORT, folder], check=True, stdout=subprocess.DEVNULL)
        model = str(Path(folder, "yolo11n-seg_openvino_model"))
        sides["ultralytics"] = lambda photos, output: [args.ultralytics, "-c", _YOLO, model, output, *map(str, photos)]
    return sides


def _splash(*command: str) -> Side:
    return lambda photos, output: [*command, "--input", *map(str, photos), "--output", output, "--quiet"]


def _compare(name: str, sides: Mapping[str, Side], photos: Sequence[Path], rounds: int) -> None:
    """Run all sides in turn, and print a row for each."""
    found: dict[str, list[Run]] = {side: [] for side in sides}
    for side in sides.values():
        measured(side, photos)  # fills its caches
    for _ in range(rounds):
        for which, side in sides.items():
            found[which].append(measured(side, photos))
    for which, runs in found.items():
        clock, cpu, memory = (
            statistics.median(getattr(run, what) for run in runs) for what in ("clock", "processor", "memory")
        )
        print(f"{name:<26}{which:<14}{clock:>9.2f}{cpu:>13.2f}{memory:>9.0f}", flush=True)


def measured(side: Side, photos: Sequence[Path]) -> Run:
    """Measure one process that splashes photos into a folder that is then removed."""
    with tempfile.TemporaryDirectory() as folder:
        command = side(photos, f"{folder}/")
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        clock = time.perf_counter() - start
    if status:
        raise SystemExit(f"{' '.join(command)}: ended with status {status}")
    return Run(clock, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def installed(extra: str) -> float:
    """Return the MB of the files of all distributions that the package needs, directly or not."""
    waiting, seen = [Requirement(f"balloon-splash[{extra}]" if extra else "balloon-splash")], set()
    files: set[Path] = set()
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        if (requirement.name, frozenset(extras)) in seen:
            continue
        seen.add((requirement.name, frozenset(extras)))
        try:
            distribution = metadata.distribution(requirement.name)
        except metadata.PackageNotFoundError:
            continue
        files |= {Path(str(distribution.locate_file(file))) for file in distribution.files or []}
        needed = map(Requirement, distribution.requires or [])
        waiting += [
            each for each in needed if not each.marker or any(each.marker.evaluate({"extra": e}) for e in extras)
        ]
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6
