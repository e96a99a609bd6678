"""Cost of training each configuration: seconds per iteration, and peak memory.

    python -m benchmarks configurations --balloon datasets/balloon

trains each for a few iterations in its own process, with the batch and the sizes of the configuration but without
any evaluation, and prints a table. Weights are random and stay as they are, so that no file is needed. Those for COCO
and for rendered pictures see the balloon photos; COCO's two at a time, which is what one of eight GPUs gets of their
batch of 16. Memory is that of the processes: on a GPU it leaves out what matters most there, and a training of hours
takes a third more, as its batches differ and it learns to find more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import psutil
from tabulate import tabulate

from balloon_splash.config import config_folder, load_config
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from benchmarks._measure import machine

GIB = 2**30
#: Seconds between two looks at the memory.
PERIOD = 0.05
_TRAIN = Path(__file__).parents[1] / "tools" / "train_net.py"


@dataclass(frozen=True)
class Cost:
    """A row of the table.

    Attributes:
        configuration: the name of its file.
        batch: photos per iteration.
        seconds: median seconds per iteration.
        training: peak of the training process' resident memory, in GiB.
        loading: that of the largest of its loading processes, in GiB; 0 if it has none.
    """

    configuration: str
    batch: int
    seconds: float
    training: float
    loading: float


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--balloon", metavar="DIR", help="the balloon dataset; without it, pictures are rendered")
    parser.add_argument("--config-file", nargs="+", metavar="FILE", help="only these (all of configs/)")
    parser.add_argument("--iterations", type=int, default=6, help="of each; the first three warm up (%(default)s)")
    args = parser.parse_args()
    if args.iterations < 4:  # Detectron2 takes the time of none of the first three
        parser.error(f"--iterations {args.iterations}; expected at least 4")
    paths = [Path(name) for name in args.config_file or sorted(config_folder().glob("*_*.yaml"))]
    print(", ".join(f"{name} {value}" for name, value in machine().items()), flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = args.balloon or write_synthetic_balloons(folder / "rendered", num_train=16, num_val=1, progress=False)
        costs = [measure(path, Path(photos), folder / path.stem, args.iterations) for path in paths]
    headers = [field.name for field in fields(Cost)]
    print(tabulate([astuple(cost) for cost in costs], headers=headers, floatfmt=".1f", tablefmt="github"))


def measure(config: Path, photos: Path, folder: Path, iterations: int) -> Cost:
    """Train ``config`` for some iterations.

    Raises:
        SystemExit: the run failed, and has reported why.
    """
    opts = ["OUTPUT_DIR", str(folder), "DATASETS.TEST", "()", "TEST.EVAL_PERIOD", "0", "SOLVER.BASE_LR", "1e-9"]
    opts += ["SOLVER.MAX_ITER", str(iterations), "SOLVER.STEPS", "()", "SOLVER.WARMUP_ITERS", "0"]
    usual = load_config(str(config)).DATASETS.TRAIN[0]
    if usual.startswith(("coco", "synthetic_balloon")):
        opts += ["DATASETS.TRAIN", "('balloon_train',)", "MODEL.ROI_HEADS.NUM_CLASSES", "1"]
    if usual.startswith("coco"):
        opts += ["SOLVER.IMS_PER_BATCH", "2"]
    cfg = load_config(str(config), opts)
    options = ["--config-file", str(config), "--weights", "none"]
    if any(name.startswith("balloon_") for name in cfg.DATASETS.TRAIN):
        options += ["--dataset", str(photos)]
    process = psutil.Popen([sys.executable, str(_TRAIN), *options, *opts], stdout=subprocess.DEVNULL)
    training, loading = peaks(process)
    if process.returncode:
        raise SystemExit(f"{config.name}: the training ended with {process.returncode}")
    lines = [json.loads(line) for line in (folder / "metrics.json").read_text().splitlines()]
    seconds = statistics.median(line["time"] for line in lines if "time" in line)
    return Cost(config.stem, cfg.SOLVER.IMS_PER_BATCH, seconds, training / GIB, loading / GIB)


def peaks(process: psutil.Popen) -> tuple[int, int]:
    """The most resident memory, in bytes, of a process and of the largest of those it starts, until it ends."""
    own = others = 0
    while process.poll() is None:
        try:
            own = max(own, process.memory_info().rss)
            others = max([others, *(child.memory_info().rss for child in process.children(recursive=True))])
        except psutil.NoSuchProcess:  # ended between two looks
            pass
        try:
            process.wait(PERIOD)
        except psutil.TimeoutExpired:
            continue
    return own, others


if __name__ == "__main__":
    main()
