"""The order of training depends on the seed alone, so that a resumed run sees what it would have seen."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from itertools import islice
from multiprocessing import current_process
from multiprocessing.connection import Client
from multiprocessing.resource_sharer import DupFd
from multiprocessing.synchronize import Event
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode

from balloon_splash.data.training.loader import BatchStream, SeededDataset, build_train_loader, end_quietly
from balloon_splash.errors import ConfigError

GROUPS = [0, 1, 0, 0, 1, 0, 1]


def take(stream: BatchStream, count: int) -> list[list[tuple[int, int]]]:
    return list(islice(stream, count))


def test_a_stream_starts_again_where_it_stopped() -> None:
    whole = take(BatchStream(GROUPS, 2, seed=3), 20)
    rest = BatchStream(GROUPS, 2, seed=3)
    rest.start = 12
    assert take(rest, 8) == whole[12:]


def test_a_batch_holds_one_aspect_ratio_and_no_photo_is_forgotten() -> None:
    batches = take(BatchStream(GROUPS, 2, seed=0), 35)
    assert all(len({GROUPS[index] for index, _ in batch}) == 1 for batch in batches)
    drawn = np.bincount([index for batch in batches for index, _ in batch])
    assert drawn.min() >= 9
    assert drawn.max() <= 11


@pytest.mark.parametrize("world_size", [1, 2, 4])
def test_at_each_step_all_processes_together_learn_from_the_photos_that_one_would(world_size: int) -> None:
    alone = take(BatchStream(GROUPS, 4, seed=5), 12)
    parts = [take(BatchStream(GROUPS, 4, seed=5, rank=rank, world_size=world_size), 12) for rank in range(world_size)]
    together = [[draw for part in step for draw in part] for step in zip(*parts, strict=True)]
    assert together == alone
    numbers = [number for batch in together for _, number in batch]
    assert len(set(numbers)) == len(numbers)


def test_another_seed_gives_another_order() -> None:
    assert take(BatchStream(GROUPS, 2, seed=1), 5) != take(BatchStream(GROUPS, 2, seed=2), 5)


def test_the_random_numbers_of_a_draw_do_not_depend_on_what_was_loaded_before() -> None:
    class Noise:
        def __getitem__(self, index: int) -> float:
            return float(np.random.rand())

    dataset: Any = SeededDataset(Noise(), seed=4)  # type: ignore[arg-type]
    forwards = [dataset[0, number] for number in range(4)]
    backwards = [dataset[0, number] for number in reversed(range(4))]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == 4


@pytest.mark.parametrize("workers", [0, 2])
def test_workers_do_not_change_what_is_learned(tiny_cfg: CfgNode, workers: int) -> None:
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    tiny_cfg.DATALOADER.NUM_WORKERS = 0
    expected = next(iter(build_train_loader(tiny_cfg)))
    tiny_cfg.DATALOADER.NUM_WORKERS = workers
    batch = next(iter(build_train_loader(tiny_cfg)))
    for photo, same in zip(batch, expected, strict=True):
        assert photo["file_name"] == same["file_name"]
        assert (photo["image"] == same["image"]).all()


def test_the_first_step_of_a_resumed_run_samples_as_it_would_have_without_the_interruption(tiny_cfg: CfgNode) -> None:
    """Processes that load photos begin within that step, after it was seeded."""
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    loader = build_train_loader(tiny_cfg)
    seeded = torch.get_rng_state()
    iter(loader)
    assert torch.equal(torch.get_rng_state(), seeded)


def test_a_sampler_that_cannot_be_replayed_is_refused(tiny_cfg: CfgNode) -> None:
    tiny_cfg.DATALOADER.SAMPLER_TRAIN = "RepeatFactorTrainingSampler"
    with pytest.raises(ConfigError, match=r"SAMPLER_TRAIN.*RepeatFactor"):
        build_train_loader(tiny_cfg)


@pytest.mark.skipif(os.name == "nt", reason="another way to hand batches over there")
@pytest.mark.parametrize("quiet", [False, True])
def test_a_batch_that_nobody_takes_any_more_is_no_fault(
    quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As when a training is interrupted just then; what is said without the hook shows that this is such a case."""
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # this process is to end as before
    if quiet:
        end_quietly(0)
    reading, writing = os.pipe()
    handed_over = DupFd(reading)
    address, _ = getattr(handed_over, "_id")  # noqa: B009 - the type stubs do not know it
    Client(address, authkey=current_process().authkey).close()
    os.close(handed_over.detach())  # answered after the other one
    os.close(reading)
    os.close(writing)
    assert ("EOFError" in capsys.readouterr().err) is not quiet
    sys.excepthook(ValueError, ValueError("a fault"), None)
    assert "a fault" in capsys.readouterr().err


def _load_until_ended(ready: Event, number: int, ignored: bool) -> None:
    signal.signal(number, signal.SIG_IGN if ignored else signal.SIG_DFL)
    end_quietly(0)
    ready.set()
    while True:
        time.sleep(0.1)


@pytest.mark.skipif(os.name == "nt", reason="other signals there")
@pytest.mark.parametrize(
    ("name", "ignored"),
    [
        ("SIGINT", False),
        ("SIGTERM", True),
        *(
            pytest.param(name, ignored, marks=pytest.mark.slow)
            for name, ignored in [("SIGINT", True), ("SIGTERM", False), ("SIGHUP", False), ("SIGHUP", True)]
        ),
    ],
)
def test_a_process_that_loads_photos_ends_without_fault_by_what_ends_all(name: str, ignored: bool) -> None:
    """And where a signal is ignored, as nohup has it, it goes on, too."""
    number = getattr(signal, name)
    context = multiprocessing.get_context("spawn")
    ready = context.Event()
    process = context.Process(target=_load_until_ended, args=(ready, number, ignored))
    process.start()
    try:
        assert ready.wait(60)
        os.kill(process.pid or 0, number)
        process.join(0.5 if ignored else 60)
        assert process.exitcode == (None if ignored else 0)
    finally:
        process.kill()
        process.join()


def test_every_process_that_loads_photos_is_quiet_so(tiny_cfg: CfgNode) -> None:
    tiny_cfg.DATASETS.TRAIN = ("shapes_train",)
    assert build_train_loader(tiny_cfg).worker_init_fn is end_quietly


@pytest.mark.parametrize("size", [0, -2])
def test_an_empty_batch_is_refused(tiny_cfg: CfgNode, size: int) -> None:
    """The loader would collect photos until the memory is full."""
    tiny_cfg.DATASETS.TRAIN = ("shapes_val",)
    tiny_cfg.SOLVER.IMS_PER_BATCH = size
    with pytest.raises(ConfigError, match=rf"SOLVER.IMS_PER_BATCH is {size}; expected a positive multiple"):
        build_train_loader(tiny_cfg)
