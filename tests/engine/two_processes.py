"""Two processes of a test, and a dataset of shapes for them."""

from __future__ import annotations

import multiprocessing
import os
import socket
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import torch
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.data.datasets.shapes import CLASSES, load_shapes
from tests.conftest import TINY

#: All anchors and proposals are samples: which of them are drawn at random would differ between one process and two.
NOT_RANDOM = [
    "MODEL.RPN.BATCH_SIZE_PER_IMAGE", "100000", "MODEL.RPN.LOSS_WEIGHT", "100.0",
    "MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE", "1000",
]  # fmt: skip


def opts(folder: Path, *extra: str) -> list[str]:
    return [
        *TINY, *NOT_RANDOM, "DATASETS.TRAIN", "('shapes_of_two',)", "DATASETS.TEST", "('shapes_of_two_val',)",
        "DATASETS.TRAIN_REPEAT_FACTOR", "[['shapes_of_two', 2]]", "MODEL.ROI_HEADS.NUM_CLASSES", "3",
        "SOLVER.EMA_DECAY", "0.9", "SOLVER.MAX_ITER", "4", "SOLVER.CHECKPOINT_PERIOD", "2", "SOLVER.WARMUP_ITERS", "2",
        "TEST.EVAL_PERIOD", "0", "SOLVER.IMS_PER_BATCH", "2", "OUTPUT_DIR", str(folder), *extra,
    ]  # fmt: skip


def register_shapes() -> None:
    for name, split, count in (("shapes_of_two", "train", 7), ("shapes_of_two_val", "val", 3)):
        if name not in DatasetCatalog:
            DatasetCatalog.register(name, lambda split=split, count=count: load_shapes(split)[:count])
            MetadataCatalog.get(name).set(thing_classes=list(CLASSES), evaluator_type="coco")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def two(task: Callable[..., Any], folder: Path, *args: Any) -> list[BaseProcess]:
    """Two processes that run ``task(rank, port, *args)``; what each prints goes into a file of ``folder``."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["balloon_splash.engine.trainer", "tests.engine.two_processes"])
    port = free_port()
    started = [context.Process(target=_run, args=(folder, task, rank, port, *args)) for rank in (0, 1)]
    for process in started:
        process.start()
    return list(started)


def _run(folder: Path, task: Callable[..., Any], rank: int, port: int, *args: Any) -> None:
    printed = os.open(folder / f"{rank}.txt", os.O_WRONLY | os.O_CREAT)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    torch.set_num_threads(1)
    register_shapes()
    sys.exit(task(rank, port, *args))


def ended(started: list[BaseProcess], seconds: float = 90) -> list[int | None]:
    """Their exit codes; whoever still runs after so long is killed, and has none."""
    codes = []
    for process in started:
        process.join(seconds)
        codes.append(process.exitcode)
        process.kill()
    return codes
