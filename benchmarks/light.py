"""A splash by the runtime and by torch, each in a new process: time, memory, and bytes installed.

``python -m benchmarks light --photos FOLDER`` runs both sides in turn, on one photo and on the folder. Where
``--before FOLDER`` names a checkout of an earlier version with an environment of its own (``git worktree add FOLDER
41fb510``, then ``make``), it runs beside them.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent


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
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs per row (default: %(default)s)")
    parser.add_argument("--count", type=int, default=13, metavar="N", help="photos to take (default: %(default)s)")
    args = parser.parse_args(argv)
    photos = sorted(args.photos.glob("*.jpg"))[: args.count]
    here = [sys.executable, str(ROOT / "tools" / "splash.py")]
    sides = {"runtime": [*here, "--backend", "openvino"], "torch": [*here, "--backend", "torch"]}
    if args.before:
        sides["before"] = [str(args.before / ".venv/bin/python"), str(args.before / "tools" / "splash.py")]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; medians of {args.rounds}")
    print(f"{'':<22}{'side':<10}{'seconds':>9}{'processor s':>13}{'peak MB':>9}")
    for name, chosen in (("first photo, new process", photos[:1]), (f"{len(photos)} photos", photos)):
        found: dict[str, list[Run]] = {side: [] for side in sides}
        for side in sides:
            measured(sides[side], chosen)  # fills its caches
        for _ in range(args.rounds):
            for side, command in sides.items():
                found[side].append(measured(command, chosen))
        for side, runs in found.items():
            clock, processor, memory = (
                statistics.median(getattr(run, what) for run in runs) for what in ("clock", "processor", "memory")
            )
            print(f"{name:<26}{side:<10}{clock:>7.2f}{processor:>11.2f}{memory:>10.0f}", flush=True)
    print(f"installed: {installed(''):.0f} MB for a splash, {installed('train'):.0f} MB with training")
    return 0


def measured(command: Sequence[str], photos: Sequence[Path]) -> Run:
    """Measure one process that splashes photos into a folder, which is then removed."""
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--input", *map(str, photos), "--output", f"{folder}/", "--quiet"], stderr=subprocess.DEVNULL
        )
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
