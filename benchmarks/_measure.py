"""Timing that a busy machine disturbs least, and results as table, JSON and plot."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "torchvision", "openvino", "nncf", "numpy", "opencv-python", "pillow")


@dataclass(frozen=True)
class Row:
    """One side of one comparison.

    Attributes:
        what: name of the comparison.
        side: name of the side.
        median: median in seconds.
        low: the fastest, in seconds.
        high: the slowest, in seconds.
        ratio: the median of the comparison's first side over this one's.
        cpu: median of the side's processor time, in seconds, which other processes disturb least.
        target: the target ratio; None without a target.
    """

    what: str
    side: str
    median: float
    low: float
    high: float
    ratio: float
    target: float | None = None
    cpu: float | None = None


def compare(
    what: str,
    sides: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    targets: Mapping[str, float] | None = None,
    per: int = 1,
    clocks: Mapping[str, Callable[[], float]] | None = None,
) -> list[Row]:
    """Time all sides in turn, round by round, so that other work on the machine affects all alike.

    Args:
        what: a name for the comparison.
        sides: function to call for each side; the first is the baseline.
        rounds: calls of each, after one to warm up.
        targets: target ratios of some sides.
        per: photos per call; times are per photo.
        clocks: processor time so far, in seconds, of sides that run in another process.
    """
    times: dict[str, list[float]] = {name: [] for name in sides}
    cpu: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, function in sides.items():
            clock = (clocks or {}).get(name, time.process_time)
            began = clock()
            spent = seconds(function)
            if number > 0:
                times[name].append(spent / per)
                cpu[name].append((clock() - began) / per)
    base = statistics.median(times[next(iter(sides))])
    return [row(what, name, each, base, (targets or {}).get(name), cpu[name]) for name, each in times.items()]


def row(
    what: str,
    side: str,
    times: Sequence[float],
    base: float,
    target: float | None = None,
    cpu: Sequence[float] | None = None,
) -> Row:
    """Make a row from single times in seconds and the median of the baseline."""
    median = statistics.median(times)
    return Row(
        what, side, median, min(times), max(times), base / median, target, statistics.median(cpu) if cpu else None
    )


def seconds(function: Callable[[], object]) -> float:
    """Time of one call."""
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


def machine() -> dict[str, str]:
    """Describe the machine that the figures are for."""
    found = {"processor": processor(), "cores": str(os.cpu_count()), "python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "-"
    if hasattr(os, "getloadavg"):
        found["load"] = f"{os.getloadavg()[0]:.1f}"
    return found


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def print_table(rows: Sequence[Row], earlier: Mapping[tuple[str, str], float] | None = None) -> None:
    """Print one line per row; ``earlier`` holds medians of another run by comparison and side."""
    what = ""
    for each in rows:
        if each.what != what:
            what = each.what
            print(f"\n{what}")
        target = f"  (wanted: {each.target:g})" if each.target else ""
        before = (earlier or {}).get((each.what, each.side))
        change = f"  {before / each.median:.2f} times as fast as before" if before else ""
        spread = f"[{each.low:.3f} .. {each.high:.3f}]"
        cpu = "" if each.cpu is None else f"  CPU {each.cpu:.3f} s"
        print(f"  {each.side:42}{each.median:8.3f} s {spread:20}{each.ratio:6.2f}x{cpu}{target}{change}")


def write_json(path: Path, rows: Sequence[Row], extra: Mapping[str, Any]) -> None:
    """Write all rows, the machine, and further findings."""
    path.write_text(json.dumps({"machine": machine(), "rows": [asdict(each) for each in rows], **extra}, indent=2))


def read_medians(path: Path) -> dict[tuple[str, str], float]:
    """Read the medians of a run that :func:`write_json` wrote, by comparison and side."""
    return {(each["what"], each["side"]): each["median"] for each in json.loads(path.read_text())["rows"]}


def write_plot(path: Path, rows: Sequence[Row]) -> None:
    """Draw a panel per comparison: a bar per side, with its spread, its ratio, and the target ratio."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    groups = [list(group) for _, group in groupby(rows, key=lambda each: each.what)]
    heights = [len(group) + 1.5 for group in groups]
    figure, panels = plt.subplots(
        len(groups), 1, figsize=(10, 0.35 * sum(heights)), height_ratios=heights, squeeze=False, layout="constrained"
    )
    for axes, group in zip(panels[:, 0], groups, strict=True):
        medians = [each.median for each in group]
        errors = [[each.median - each.low for each in group], [each.high - each.median for each in group]]
        colors = ["0.6", *["tab:red"] * (len(group) - 1)] if len(group) > 1 else ["tab:red"]
        axes.barh([each.side for each in group], medians, xerr=errors, color=colors, ecolor="0.3", capsize=2)
        for place, each in enumerate(group):
            wanted = f" (wanted: {each.target:g})" if each.target else ""
            axes.annotate(
                f"{each.median:.2f} s, {each.ratio:.1f}x{wanted}", (each.high, place), (6, 0),
                textcoords="offset points", va="center", fontsize=8,
            )  # fmt: skip
        axes.set_xlim(0, 1.35 * max(each.high for each in group))
        axes.set_title(group[0].what, loc="left", fontsize=10)
        axes.spines[["top", "right"]].set_visible(False)
        axes.invert_yaxis()
    panels[-1, 0].set_xlabel("seconds (median; fastest to slowest)")
    figure.savefig(path, dpi=120)
    plt.close(figure)
