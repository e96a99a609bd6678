"""Small inputs of a batch, what a worker does with them, and the record that it leaves."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from balloon_splash.splasher.options import SplashOptions
from tests.fakes import ColourSegmenter


class Deadly(ColourSegmenter):
    """Ends its process at pictures with three objects, as a decoder does that runs out of memory."""

    def detect(self, images: Any) -> Any:
        found = super().detect(images)
        if any(len(each) == 3 for each in found):
            os.kill(os.getpid(), signal.SIGKILL)
        return found


class Slow(ColourSegmenter):
    """Leaves work for when a machine is removed."""

    def detect(self, images: Any) -> Any:
        time.sleep(0.02)
        return super().detect(images)


def write_photo(path: Path, *, objects: int = 1) -> None:
    """Write 60 x 80 pixels with so many red discs."""
    pixels = np.full((60, 80, 3), 90, np.uint8)
    for number in range(objects):
        cv2.circle(pixels, (15 + 25 * number, 30), 9, (20, 20, 230), -1)
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), pixels)


def write_many(folder: Path, count: int, bad: int) -> None:
    """Write so many photos, of which some are damaged."""
    write_photo(folder / "0000.png")
    good = (folder / "0000.png").read_bytes()
    for number in range(count):
        (folder / f"{number:04d}.png").write_bytes(good[:50] if number % (count // bad) == 3 else good)


def batch(inputs: Path | str, output: Path | str, **options: Any) -> Any:
    """Run a batch; arguments that are not options of the splash are those of ``splash_batch``."""
    from balloon_splash.batch.job import splash_batch

    named = {name: options.pop(name) for name in ("record", "report", "on_gpus") if name in options}
    finder = options.pop("finder", ColourSegmenter)
    return splash_batch([str(inputs)], str(output), SplashOptions(recursive=True, **options), finder=finder, **named)


def rows_of(output: Path) -> dict[str, dict[str, Any]]:
    """Return the rows of a record by the names of their files; each has one."""
    rows = [json.loads(line) for line in (output / "record.jsonl").read_text().splitlines()]
    assert max(Counter(row["input"] for row in rows).values()) == 1, "one row per input"
    return {Path(row["input"]).name: row for row in rows}


def check_many(output: Path, count: int, bad: int) -> None:
    """Check the record and the results of :func:`write_many`."""
    rows = rows_of(output)
    assert len(rows) == count
    assert sum(row["error"] is not None for row in rows.values()) == bad
    assert len(list(output.glob("*_splash.png"))) == count - bad
    assert len(list(output.rglob("*.png"))) == count - bad, "nothing under another name"
