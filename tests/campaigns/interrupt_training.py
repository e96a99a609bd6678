"""Interrupt a training while it starts, learns, evaluates and writes, and measure how long it takes to end.

``python -m tests.campaigns.interrupt_training --times 3`` starts real processes and sends each a signal: SIGTERM to the
first process, SIGTERM to all, as ``timeout`` does, or SIGINT to all, as a terminal does. Each has to end with exit code
130 and one line, leave no process, and no file under its final name that cannot be read. ``--large`` takes a ResNet-101
instead, with photos of full size, whose steps last longer than the ten seconds that are promised on a small machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from balloon_splash.weights.run_folder import newest_sound
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
PATIENCE = 600.0
"""Seconds to come to the moment that is waited for."""

LARGE = [
    "--config-file", "balloon_R101_FPN.yaml", "MODEL.WEIGHTS", "", "MODEL.DEVICE", "cpu", "SOLVER.IMS_PER_BATCH", "2",
]  # fmt: skip
COMMON = [
    "DATASETS.TRAIN", "('shapes_val',)", "DATASETS.TEST", "('shapes_val',)", "MODEL.ROI_HEADS.NUM_CLASSES", "3",
    "SOLVER.MAX_ITER", "100000", "SOLVER.CHECKPOINT_PERIOD", "1", "DATALOADER.NUM_WORKERS", "2",
]  # fmt: skip
SMALL = ["--config-file", "balloon_R18_FPN.yaml", *TINY]


def command(folder: Path, *, large: bool, evaluates: bool) -> list[str]:
    """The training of this project, as a person starts it."""
    period = ["TEST.EVAL_PERIOD", "1" if evaluates else "0"]
    chosen = LARGE if large else SMALL
    return [sys.executable, "tools/train_net.py", *chosen, *COMMON, *period, "OUTPUT_DIR", str(folder)]


def logged(text: str) -> Callable[[Path], bool]:
    """Return whether the log of a run says so."""

    def check(folder: Path) -> bool:
        log = folder / "log.txt"
        return log.is_file() and text in log.read_text(errors="replace")

    return check


MOMENTS: dict[str, Callable[[Path], bool]] = {
    "starting": lambda folder: True,
    "learning": lambda folder: (folder / "last_checkpoint").exists(),
    "evaluating": logged("Start inference on"),
    "writing": lambda folder: bool(list(folder.glob(".model_*.part*"))),
}

HOW = {"SIGINT to all": signal.SIGINT, "SIGTERM to all": signal.SIGTERM, "SIGTERM": signal.SIGTERM}


@contextlib.contextmanager
def started(arguments: list[str]) -> Iterator[psutil.Popen]:
    """The training, as the first process of a group of its own; whatever is left of it in the end is killed."""
    process = psutil.Popen(
        arguments, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(moment: str, folder: Path, process: psutil.Popen, later: float) -> None:
    """Return when the run has come to the moment, and ``later`` seconds beyond it."""
    deadline = time.monotonic() + PATIENCE
    while not MOMENTS[moment](folder):
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"it does not come to {moment}"
        time.sleep(0.002 if moment == "writing" else 0.02)
    time.sleep(later)


def interrupt(process: psutil.Popen, number: int, *, all_of_them: bool) -> tuple[float, str]:
    """Send the signal; returns the seconds until the last process was gone, and what was said."""
    began = time.monotonic()
    if all_of_them:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    said = process.communicate(timeout=PATIENCE)[1]
    while True:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return time.monotonic() - began, said
        assert time.monotonic() - began < PATIENCE, "a process is left"
        time.sleep(0.01)


def check(process: psutil.Popen, folder: Path, number: int, said: str) -> None:
    """Raise AssertionError unless the run ended as it should, and what it left is sound."""
    begun = (folder / "log.txt").exists()
    if process.returncode != -number or begun:  # by the signal itself: it had not come to its first line
        assert process.returncode == 130, (process.returncode, said)
        assert "Traceback" not in said, said
        assert "interrupted" in said, said
    if list(folder.glob("model_0*.pth")):
        assert newest_sound(folder).is_file()


def campaign(*, times: int, seed: int, large: bool, moments: list[str]) -> dict[str, list[float]]:
    """Seconds to the end of each training, by moment and signal."""
    rng = random.Random(seed)
    took: dict[str, list[float]] = {}
    for moment in moments:
        for how, number in HOW.items():
            for _ in range(times):
                with tempfile.TemporaryDirectory() as place:
                    folder = Path(place, "run")
                    evaluates = moment == "evaluating"
                    with started(command(folder, large=large, evaluates=evaluates)) as process:
                        later = {"starting": rng.uniform(0.3, 8), "writing": 0.0}.get(moment, rng.uniform(0, 2))
                        wait_for(moment, folder, process, later)
                        seconds, said = interrupt(process, number, all_of_them="all" in how)
                        check(process, folder, number, said)
                print(f"{moment}, {how}: {seconds:.1f} s, exit code {process.returncode}", flush=True)
                took.setdefault(f"{moment}, {how}", []).append(seconds)
    return took


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3, help="for each moment and signal (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--large", action="store_true", help="a model whose steps take long")
    parser.add_argument("--moments", nargs="+", choices=MOMENTS, default=list(MOMENTS))
    args = parser.parse_args()
    took = campaign(times=args.times, seed=args.seed, large=args.large, moments=args.moments)
    every = [seconds for each in took.values() for seconds in each]
    print(f"{len(every)} trainings interrupted, the slowest ended after {max(every):.1f} s; no process was left")


if __name__ == "__main__":
    main()
