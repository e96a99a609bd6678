"""The process that the files are read in: may hang, crash or fill its memory without taking the campaign along.

It reports the outcome of each case as one line of JSON. The case itself is in its folder beforehand, so the parent has
it whatever happens to this process.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import logging
import os
import random
import re
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TextIO, TypeAlias

import hypothesis
from hypothesis.strategies import SearchStrategy

from tests.fuzz.guided import instrumented, run_guided
from tests.fuzz.mutations import FORMAT_KEYS, mutate, vary, vary_mildly
from tests.fuzz.samples import (
    Sample,
    annotation_documents,
    labelme_documents,
    pictures,
    png_masks,
    via_documents,
    videos,
)
from tests.fuzz.strategies import labelme_files, via_files
from tests.fuzz.targets import Target, formats_target, image_target, labelme_target, via_target, video_target
from tests.fuzz.trouble import deeds, trouble_target

SPARE_BYTES = 3 * 2**30
"""Address space beyond what the imports take; what wants more gets a MemoryError, which is a finding."""
WATCHED = frozenset(
    {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "os.system"}
    | {"subprocess.Popen", "os.posix_spawn", "os.exec", "os.fork", "socket.connect", "socket.getaddrinfo"}
)
Run: TypeAlias = Callable[[str, bytes], None]
"""Takes the suffix and the content of a file."""
Change: TypeAlias = Callable[[bytes, random.Random], bytes]
"""Takes the content of a file, and gives it changed."""
BUSY = 3
"""A file that takes so many times its seconds by the clock hangs, however busy the machine is."""
FORMATS = (
    "via3", "coco", "yolo", "cvat", "rectlabel", "label-studio", "labelbox", "superannotate", "supervisely", "isat",
    "formats",
)  # fmt: skip
"""Of text; the last one is all of them, in turn."""
VARIANTS = 9
EXAMPLES_AT_ONCE = 100  # hypothesis remembers what it made, and slows down
STARTED, FINISHED = "started", "finished"
READ, REFUSED, FINDING = "read", "refused", "finding"


class Guard:
    """Guard that notes every file opened for writing, process started and address called."""

    def __init__(self, allowed: Path) -> None:
        self._allowed = str(allowed)
        self._active = False
        self.seen: list[str] = []
        sys.addaudithook(self._hook)

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        """Watch while the block runs; the kernel refuses meanwhile to let any file grow, also for code in C."""
        self.seen.clear()
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        self._active = True
        try:
            yield
        finally:
            self._active = False
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._active:
            return
        if event == "open":
            path, _, flags = arguments
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)
            if not writes or isinstance(path, int) or str(path) == os.devnull:
                return
        elif event not in WATCHED:
            return
        if not str(arguments[0]).startswith(self._allowed):
            self.seen.append(f"{event} {arguments[0]}")


class Bench:
    """Bench that puts one case after the other through the target and reports the outcome."""

    def __init__(self, target: Target, folder: Path, findings: Path, report: TextIO, deadline: float) -> None:
        self._target = target
        self._case = folder / "case"
        self._empty = folder / "cwd"
        self._findings = findings
        self._report = report
        self._deadline = deadline
        self._empty.mkdir()
        os.chdir(self._empty)
        self._guard = Guard(folder / "cache")

    def run(self, suffix: str, data: bytes) -> None:
        """Read one file."""
        for last in self._case.parent.glob("case.*"):  # stays until now: damage to the memory may show late
            last.unlink()
        path = self._case.with_suffix(suffix)
        path.write_bytes(data)
        began = time.process_time()  # a busy machine is no fault of the file
        what = ""
        try:
            with self._guard.watch():
                outcome = READ if self._target(path) else REFUSED
            if self._guard.seen:
                outcome, what = FINDING, f"writes, starts or calls: {self._guard.seen[0]}"
            elif any(self._empty.iterdir()):
                outcome, what = FINDING, f"leaves files: {next(self._empty.iterdir()).name}"
        except Exception as error:
            outcome, what = FINDING, _summary(error)
            if len(traceback.format_exc()) < 100_000:
                self._keep(path, data, traceback.format_exc())
        else:
            if outcome == FINDING:
                self._keep(path, data, what)
        seconds = time.process_time() - began
        if seconds > self._deadline and outcome != FINDING:
            outcome, what = FINDING, "takes too long"
            self._keep(path, data, f"{seconds:.1f} s")
        self._tell(outcome, what, seconds)

    def start(self) -> None:
        """Tell that the cases begin."""
        self._tell(STARTED, "", 0.0)

    def finish(self) -> None:
        """Tell that all cases are done."""
        self._tell(FINISHED, "", 0.0)

    def _tell(self, outcome: str, what: str, seconds: float) -> None:
        print(json.dumps([outcome, what, seconds, _peak_memory()]), file=self._report, flush=True)

    def _keep(self, path: Path, data: bytes, text: str) -> None:
        name = self._findings / hashlib.sha256(data).hexdigest()[:12]
        shutil.copyfile(path, name.with_suffix(path.suffix))
        name.with_suffix(".txt").write_text(text, encoding="utf-8", errors="backslashreplace")


def _peak_memory() -> int:
    """Bytes of memory of this process at its peak; ``ru_maxrss`` would also count the process that started it."""
    if status := re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text()):
        return int(status[1]) * 1024
    raise RuntimeError("no VmHWM in /proc/self/status")


def _summary(error: BaseException) -> str:
    """The error and the last line of this package that it came through: what makes two findings the same."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "balloon_splash" in frame.filename]
    place = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "outside the package"
    return f"{type(error).__name__} at {place}: " + re.sub(r"\d+", "N", str(error)[:120])


def _from_strategy(strategy: SearchStrategy[bytes], change: Change, count: int, seed: int, run: Run) -> None:
    """One file in ten as the strategy makes it, which takes its time, the others with random changes to these."""
    rng = random.Random(seed)
    left = count

    def case(content: bytes) -> None:
        nonlocal left
        for number in range(min(left, 1 + VARIANTS)):
            run(".json", change(content, rng) if number else content)
            left -= 1

    while left > 0:
        options = hypothesis.settings(
            max_examples=EXAMPLES_AT_ONCE,
            database=None,
            deadline=None,
            phases=[hypothesis.Phase.generate],
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.seed(seed + left)(options(hypothesis.given(strategy)(case)))()


def _from_mutations(samples: list[Sample], count: int, seed: int, run: Run) -> None:
    rng = random.Random(seed)
    donors = [data for _, data in samples]
    for _ in range(count):
        suffix, data = rng.choice(samples)
        run(suffix, mutate(data, donors, rng))


def _from_documents(samples: list[Sample], count: int, seed: int, run: Run) -> None:
    rng = random.Random(seed)
    for _ in range(count):
        suffix, data = rng.choice(samples)
        run(suffix, vary(data, rng, FORMAT_KEYS))


def _prepare(kind: str, folder: Path) -> tuple[Target, list[Sample]]:
    """Return the target for files of this kind, and sound files."""
    photos, clips = folder / "photos", folder / "clips"
    if kind == "via-guided":
        with instrumented():
            return via_target(photos), list(via_documents())
    if kind == "via":
        return via_target(photos), list(via_documents())
    if kind == "labelme":
        return labelme_target(photos), list(labelme_documents())
    if kind in ("voc", "png-masks"):
        return formats_target(photos, kind), png_masks()
    if kind in FORMATS:
        found = annotation_documents()
        return formats_target(photos, kind), list(found.values()) if kind == "formats" else [found[kind]]
    if kind == "image":
        return image_target(), list(pictures())
    if kind == "trouble":
        return trouble_target, deeds()
    clips.mkdir()
    return video_target(), list(videos(clips))


def _warm_up(kind: str, target: Target, samples: list[Sample], folder: Path) -> None:
    """Import what is imported on use, show that the samples are sound, and set the bound on memory."""
    for suffix, data in samples:
        path = folder / f"sample{suffix}"
        path.write_bytes(data)
        if not target(path) and not kind.startswith("via"):  # one of VIA's may have faults, and be read strictly
            raise SystemExit(f"sample {suffix} is refused")
        path.unlink()
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + SPARE_BYTES, resource.RLIM_INFINITY))


def main() -> None:
    """Run the cases of one process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--findings", type=Path, required=True)
    parser.add_argument("--report", type=int, required=True)
    parser.add_argument("--deadline", type=float, required=True)
    args = parser.parse_args()
    kind, count, seed, folder = args.kind, args.count, args.seed, args.folder
    os.environ["BALLOON_SPLASH_CACHE"] = str(folder / "cache")
    logging.disable()  # a line for each file
    target, samples = _prepare(kind, folder)
    with os.fdopen(args.report, "w") as report:
        bench = Bench(target, folder, args.findings, report, args.deadline)
        if kind != "trouble":
            _warm_up(kind, target, samples, folder)
        bench.start()
        if kind == "trouble":
            for suffix, data in samples[-count:]:
                bench.run(suffix, data)
        elif kind == "via-guided":
            run_guided(bench.run, [data for _, data in samples], folder / "guide", count, seed, bench.finish)
        elif kind == "via":
            _from_strategy(via_files(), vary, count, seed, bench.run)
        elif kind == "labelme":
            _from_strategy(labelme_files(), vary_mildly, count, seed, bench.run)
        elif kind in FORMATS:
            _from_documents(samples, count, seed, bench.run)
        else:
            _from_mutations(samples, count, seed, bench.run)
        bench.finish()


if __name__ == "__main__":
    main()
