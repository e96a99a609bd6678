"""A campaign: workers that are watched, counted and replaced, and a summary of what was found."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from tests.fuzz.worker import BUSY, FINDING, FINISHED, STARTED

START_SECONDS = 300.0  # to import everything and make the samples, on a busy machine
FEWEST_LEFT = 1
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Rules:
    """Limits of a case.

    Attributes:
        seconds: of the processor, after which the case is a finding; three times as many by the clock stop its process.
        bytes: memory of the process, with all that is imported, at its peak.
    """

    seconds: float = 10.0
    bytes: int = 2 * 2**30


@dataclass
class Tally:
    """Counts of the outcomes of cases.

    Attributes:
        outcomes: how many were read, refused by an error of the package, or are findings.
        findings: what was found, and how often.
        longest: seconds of the slowest case.
        peak: bytes of memory of the largest process.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    longest: float = 0.0
    peak: int = 0

    @property
    def cases(self) -> int:
        """Number of cases."""
        return self.outcomes.total()

    def add(self, outcome: str, what: str, seconds: float, peak: int, rules: Rules) -> None:
        """Count one case."""
        if peak > rules.bytes >= self.peak:
            outcome, what = FINDING, f"{peak / 2**30:.1f} GiB of memory"
        self.outcomes[outcome] += 1
        if outcome == FINDING:
            self.findings[what] += 1
        self.longest = max(self.longest, seconds)
        self.peak = max(self.peak, peak)


def run_campaign(
    kind: str,
    count: int,
    seed: int,
    findings: Path,
    *,
    rules: Rules = Rules(),
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Read ``count`` files of ``kind`` in processes of their own, one after the other.

    Args:
        kind: a name in ``tests.fuzz.__main__.FULL``.
        count: how many.
        seed: the same seed makes the same files.
        findings: folder for the files that should have been read or refused, and were not.
        rules: what a file may take.
        progress: told after each file.
    """
    findings.mkdir(parents=True, exist_ok=True)
    tally = Tally()
    while (left := count - tally.cases) >= FEWEST_LEFT:
        before = tally.cases
        with tempfile.TemporaryDirectory() as folder:
            _run_worker(kind, left, seed + before, Path(folder), findings.resolve(), rules, tally, progress)
        if tally.cases == before:
            raise RuntimeError(f"the {kind} worker ends before its first case")
    return tally


def _run_worker(
    kind: str,
    count: int,
    seed: int,
    folder: Path,
    findings: Path,
    rules: Rules,
    tally: Tally,
    progress: Callable[[Tally], None],
) -> None:
    """Follow one worker until it has finished, hangs or dies."""
    reading, writing = os.pipe()
    arguments = {"kind": kind, "count": count, "seed": seed, "folder": folder, "findings": findings, "report": writing}
    command = [sys.executable, "-m", "tests.fuzz.worker", f"--deadline={rules.seconds}"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    quiet = {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1", "OPENCV_LOG_LEVEL": "OFF"}
    with (
        (folder / "messages").open("w+b") as messages,
        os.fdopen(reading, "rb") as report,
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **quiet},
            pass_fds=[writing],
            stdin=subprocess.DEVNULL,
            stdout=messages,
            stderr=messages,
        ) as process,
    ):
        os.close(writing)
        try:
            for outcome, what, seconds, peak in _lines(report, rules.seconds):
                if outcome == FINISHED:
                    return
                if outcome != STARTED:
                    tally.add(outcome, what, seconds, peak, rules)
                    progress(tally)
            trouble = _end_of(process)
        except TimeoutError as error:
            trouble = str(error)
        finally:
            process.kill()
            process.wait()
        messages.seek(0)
        said = messages.read()[-20_000:].decode(errors="replace")
        if not list(folder.glob("case.*")):
            raise RuntimeError(f"the {kind} worker fails ({trouble}):\n{said}")
        for case in folder.glob("case.*"):
            name = findings / f"{kind}-{seed}-{tally.cases}"
            shutil.copyfile(case, name.with_suffix(case.suffix))
            name.with_suffix(".txt").write_text(f"{trouble}\n{said}", encoding="utf-8")
        tally.add(FINDING, trouble, 0.0, 0, rules)
        progress(tally)


def _lines(report: IO[bytes], seconds: float) -> Iterator[tuple[str, str, float, int]]:
    """Yield the worker's reports until it ends.

    Raises:
        TimeoutError: it is silent for too long.
    """
    patience = START_SECONDS
    rest = b""
    while select.select([report], [], [], patience)[0]:
        piece = os.read(report.fileno(), 2**16)
        if not piece:
            return
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            outcome, what, took, peak = json.loads(line)
            yield outcome, what, took, peak
        patience = BUSY * seconds
    raise TimeoutError(f"hangs for more than {BUSY * seconds:g} s")


def _end_of(process: subprocess.Popen[bytes]) -> str:
    """Return why the worker has ended."""
    code = process.wait(timeout=60)
    return f"the process dies of signal {-code}" if code < 0 else f"the process ends with code {code}"


def summary(kind: str, tally: Tally, seconds: float) -> str:
    """A few lines for people."""
    counts = ", ".join(f"{number} {name}" for name, number in sorted(tally.outcomes.items()))
    text = (
        f"{kind}: {tally.cases} files in {seconds:.0f} s: {counts}; "
        f"slowest {tally.longest:.2f} s, most memory {tally.peak / 2**20:.0f} MiB"
    )
    return "\n".join([text, *(f"  {number} x {what}" for what, number in tally.findings.most_common())])


def timed(run: Callable[[], Tally]) -> tuple[Tally, float]:
    """Return the result of ``run``, and the seconds that it took."""
    began = time.monotonic()
    return run(), time.monotonic() - began
