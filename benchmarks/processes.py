"""An iteration in two processes of one thread against one process of two threads, on the CPU.

    python -m benchmarks processes --iterations 10 --weights none

Both are the command as users start it, on the same rendered pictures and the same batch; the time of an iteration is
the median of the last twenty, from the run's own ``metrics.json``. It also prints what travels per step, the
size of the gradient.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from balloon_splash.config import load_config
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.engine.trainer import BalloonTrainer
from benchmarks._measure import machine

TARGET = 1.15
SIDES = {"1 process, 2 threads": (1, 2), "2 processes, 1 thread": (2, 1)}


def main() -> None:
    """Measure and print."""
    args = _arguments()
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_synthetic_balloons(folder / "balloon", num_train=8, num_val=1, size=(1024, 683), progress=False)
        seconds: dict[str, list[float]] = {side: [] for side in SIDES}
        for number in range(args.rounds):
            for side, (processes, threads) in SIDES.items():
                seconds[side].append(_iteration(args, folder, f"{processes}-{number}", processes, threads))
    one, two = (min(seconds[side]) for side in SIDES)
    for side, found in seconds.items():
        print(f"  {side:<24}" + "  ".join(f"{each:.2f} s" for each in found))
    print(f"  two processes take {two / one:.2f} times as long, at most {TARGET} is wanted (the faster round of each)")
    print(f"  gradient: {_gradient_bytes(args.config_file) / 1e6:.1f} MB a step")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config-file", default="configs/balloon_R50_slim.yaml", metavar="FILE")
    parser.add_argument("--weights", default="none", metavar="W", help="to start from (%(default)s)")
    parser.add_argument("--iterations", type=int, default=10, help="of each run (%(default)s)")
    parser.add_argument("--rounds", type=int, default=2, help="runs of each side, in turn (%(default)s)")
    return parser.parse_args()


def _iteration(args: argparse.Namespace, folder: Path, run: str, processes: int, threads: int) -> float:
    """Seconds of an iteration."""
    output = folder / run
    command = [sys.executable, "tools/train_net.py", "--config-file", args.config_file, "--dataset"]
    command += [str(folder / "balloon"), "--weights", args.weights, "--device", "cpu", "--num-gpus", str(processes)]
    command += ["SOLVER.MAX_ITER", str(args.iterations), "TEST.EVAL_PERIOD", "0", "DATASETS.TEST", "()"]
    command += ["DATALOADER.NUM_WORKERS", "0", "OUTPUT_DIR", str(output)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    lines = [json.loads(line) for line in (output / "metrics.json").read_text().splitlines()]
    return next(float(line["time"]) for line in reversed(lines) if "time" in line)


def _gradient_bytes(config_file: str) -> int:
    model = BalloonTrainer.build_model(load_config(config_file, [], device="cpu"))
    return sum(each.numel() * each.element_size() for each in model.parameters() if each.requires_grad)


if __name__ == "__main__":
    main()
