"""Kill a training at random moments, resume it each time, and compare it with one that was never disturbed.

``python -m tests.campaigns.kill_training --kills 50`` starts real processes and sends them SIGKILL, every other time
in the middle of writing a checkpoint. In the end, each step has to have had the losses of the undisturbed training,
bit for bit, the weights have to be the same, and nothing half-written may lie about.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from detectron2.utils.env import seed_all_rng

from balloon_splash.config import load_config
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.weights.run_folder import has_run, sole_use
from tests.conftest import TINY

LOSSES = ("total_loss", "loss_cls", "loss_box_reg", "loss_mask", "loss_rpn_cls", "loss_rpn_loc")
ITERATIONS = 12
#: A step of this training takes about a tenth of a second, and writes a checkpoint.
LONGEST_LIFE = 3.0
OPTIONS = [
    *TINY, "DATASETS.TRAIN", "('shapes_val',)", "DATASETS.TEST", "()", "MODEL.ROI_HEADS.NUM_CLASSES", "3",
    "SOLVER.MAX_ITER", str(ITERATIONS), "SOLVER.CHECKPOINT_PERIOD", "1", "SOLVER.WARMUP_ITERS", "4",
    "SOLVER.EMA_DECAY", "0.9", "SOLVER.KEEP_CHECKPOINTS", "2",
]  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Outcome of a campaign."""

    kills: int
    kills_while_writing: int
    trainings: int


class RecordingTrainer(BalloonTrainer):
    """Trainer that writes the losses of each step into a file that outlives the process."""

    def after_step(self) -> None:
        """Record before the checkpoint is written, so that no step of the final history is missing."""
        losses = {name: self.storage.latest()[name][0] for name in LOSSES}
        with Path(self.cfg.OUTPUT_DIR, "losses.jsonl").open("a") as file:
            file.write(json.dumps({"iteration": self.iter, **losses}) + "\n")
        super().after_step()


def start(folder: Path, workers: int) -> int:
    """Start a process that trains, or resumes, in ``folder``; return its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the progress
        logging.disable()
        torch.set_num_threads(1)
        cfg = load_config(
            "balloon_R18_FPN.yaml", [*OPTIONS, "OUTPUT_DIR", str(folder), "DATALOADER.NUM_WORKERS", str(workers)]
        )
        seed_all_rng(cfg.SEED)
        with sole_use(cfg.OUTPUT_DIR):
            trainer = RecordingTrainer(cfg)
            trainer.resume_or_load(resume=has_run(folder))
            trainer.train()
        code = 0
    finally:
        os._exit(code)


def ended(pid: int) -> bool:
    """Return whether the process has ended by itself, with success."""
    found, status = os.waitpid(pid, os.WNOHANG)
    if found and os.waitstatus_to_exitcode(status) != 0:
        raise AssertionError(f"a training that went on failed with status {status}")
    return bool(found)


def kill_somewhen(pid: int, folder: Path, rng: random.Random, *, while_writing: bool) -> bool:
    """Kill the process at a random moment; returns False if it had ended before."""
    deadline = time.monotonic() + rng.uniform(0, LONGEST_LIFE)
    while time.monotonic() < deadline or (while_writing and not list(folder.glob(".*.part*"))):
        if ended(pid):
            return False
        time.sleep(0 if while_writing else 0.005)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def history(folder: Path) -> dict[int, dict[str, float]]:
    """The losses of each step; a step that was done twice has to have had the same ones twice."""
    steps: dict[int, dict[str, float]] = {}
    for entry in map(json.loads, (folder / "losses.jsonl").read_text().splitlines()):
        step = int(entry.pop("iteration"))
        assert steps.setdefault(step, entry) == entry, f"step {step} differs when done again"
    return steps


def compare(folder: Path, undisturbed: Path) -> None:
    """Raise AssertionError unless both runs came to the same."""
    assert history(folder) == history(undisturbed)
    ours, theirs = (torch.load(path / "model_final.pth", weights_only=True) for path in (folder, undisturbed))
    for part in ("model", "ema"):
        assert ours[part].keys() == theirs[part].keys()
        assert all(torch.equal(value, theirs[part][key]) for key, value in ours[part].items()), part
    left = sorted(path.name for path in folder.iterdir() if ".part" in path.name)
    assert not left, left
    numbered = sorted(path.name for path in folder.glob("model_0*.pth"))
    assert numbered == [f"model_{number:07d}.pth" for number in (ITERATIONS - 2, ITERATIONS - 1)]


def campaign(folder: Path, *, kills: int, seed: int, workers: int) -> Outcome:
    """Kill ``kills`` times, in as many trainings as it takes."""
    rng = random.Random(seed)
    undisturbed = folder / "undisturbed"
    pid = start(undisturbed, workers)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert sorted(history(undisturbed)) == list(range(ITERATIONS))

    done = writing = trainings = 0
    while done < kills:
        run = folder / f"killed_{trainings}"
        pid = start(run, workers)
        while done < kills and kill_somewhen(pid, run, rng, while_writing=bool(done % 2)):
            done += 1
            writing += bool(list(run.glob(".*.part*")))
            print(f"{done} kills, {writing} while writing", flush=True)
            pid = start(run, workers)
        if done == kills:
            assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        compare(run, undisturbed)
        trainings += 1
    return Outcome(done, writing, trainings)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=0, help="processes that load photos")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = campaign(Path(folder), kills=args.kills, seed=args.seed, workers=args.workers)
    print(
        f"{outcome.kills} kills, {outcome.kills_while_writing} of them while a file was being written, in "
        f"{outcome.trainings} trainings: each came to the losses and weights of the undisturbed one"
    )


if __name__ == "__main__":
    main()
