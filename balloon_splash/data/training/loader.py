"""Loader of training batches in an order that depends on the seed alone, so that a resumed run sees the same ones."""

from __future__ import annotations

import os
import random
import signal
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from types import FrameType, TracebackType
from typing import Any

import numpy as np
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetFromList, MapDataset
from detectron2.data.build import trivial_batch_collator
from detectron2.utils import comm
from torch.utils.data import DataLoader, Dataset, Sampler

from balloon_splash.data.training.background_crops import CloseUps, PasteBackground
from balloon_splash.data.training.copy_paste import CopyPaste
from balloon_splash.data.training.mapper import build_training_mapper
from balloon_splash.data.training.training_photos import training_photos
from balloon_splash.errors import ConfigError, DatasetError

#: One draw from the dataset: the photo's index, and the number of the draw since the start of the run.
Draw = tuple[int, int]


class BatchStream(Sampler[list[Draw]]):
    """Endless, replayable stream of batches; photos of similar aspect ratio go together, to pad little.

    Detectron2 groups by aspect ratio after loading, behind the workers, where the state is lost on resume. Here the
    grouping needs only the sizes, so a stream can be run forward to any batch in an instant.

    Several processes share each batch. What all learn from at a step does not depend on how many they are, so that a
    run can be resumed with another number of them.

    Attributes:
        start: number of batches to skip.
    """

    def __init__(
        self, groups: Sequence[int], batch_size: int, seed: int, *, rank: int = 0, world_size: int = 1
    ) -> None:
        """Make a stream.

        Args:
            groups: the group of each photo; a batch holds photos of one group.
            batch_size: photos in a batch, of all processes together; a multiple of ``world_size``.
            seed: seed of the order, the same in all processes.
            rank, world_size: this process takes the part of each batch with number ``rank`` of ``world_size``.
        """
        self.groups = groups
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self.start = 0

    def __iter__(self) -> Iterator[list[Draw]]:
        share = self.batch_size // self.world_size
        part = slice(self.rank * share, (self.rank + 1) * share)
        return (batch[part] for batch in islice(self._batches(), self.start, None))

    def _batches(self) -> Iterator[list[Draw]]:
        waiting: dict[int, list[Draw]] = {}
        for number, index in enumerate(self._shuffled()):
            batch = waiting.setdefault(self.groups[index], [])
            batch.append((index, number))
            if len(batch) == self.batch_size:
                yield waiting.pop(self.groups[index])

    def _shuffled(self) -> Iterator[int]:
        rng = np.random.default_rng(self.seed)
        while True:
            yield from rng.permutation(len(self.groups)).tolist()


class SeededDataset(Dataset[Any]):
    """Dataset that loads each draw with its own random numbers, whatever the worker and the draws before."""

    def __init__(self, dataset: Dataset[Any], seed: int) -> None:
        """Wrap ``dataset``, whose augmentations use the global generators of NumPy, Python and torch."""
        self.dataset = dataset
        self.seed = seed

    def __getitem__(self, draw: Draw) -> Any:
        index, number = draw
        seed_everything(self.seed, number)
        return self.dataset[index]


def seed_everything(*entropy: int) -> None:
    """Seed the global generators of NumPy, Python and torch from any number of non-negative integers."""
    seed = int(np.random.SeedSequence(entropy).generate_state(1)[0])
    np.random.seed(seed)
    random.seed(seed)
    torch.manual_seed(seed)


def build_train_loader(cfg: CfgNode) -> DataLoader[Any]:
    """Build the loader for ``cfg.DATASETS.TRAIN``; its ``batch_sampler`` is a :class:`BatchStream`.

    Raises:
        DatasetError: the training sets hold no annotated photo.
        ConfigError: the batch is empty or does not divide among the processes, or the sampler cannot be replayed.
    """
    if cfg.DATALOADER.SAMPLER_TRAIN != "TrainingSampler":
        raise ConfigError(
            f"DATALOADER.SAMPLER_TRAIN is {cfg.DATALOADER.SAMPLER_TRAIN!r}; expected 'TrainingSampler', "
            "the one that a resumed run can replay"
        )
    world_size = comm.get_world_size()
    if cfg.SOLVER.IMS_PER_BATCH < 1 or cfg.SOLVER.IMS_PER_BATCH % world_size:
        raise ConfigError(
            f"SOLVER.IMS_PER_BATCH is {cfg.SOLVER.IMS_PER_BATCH}; "
            f"expected a positive multiple of the number of processes, {world_size}"
        )
    dicts = training_photos(cfg)
    if not dicts:
        raise DatasetError(f"{', '.join(cfg.DATASETS.TRAIN)}: no annotated photos found; expected at least one")
    by_aspect = cfg.DATALOADER.ASPECT_RATIO_GROUPING
    groups = [int(photo["width"] > photo["height"]) if by_aspect else 0 for photo in dicts]
    seed = max(cfg.SEED, 0)
    mapped = _mix_photos(cfg, MapDataset(DatasetFromList(dicts, copy=False), build_training_mapper(cfg)))
    return DataLoader(
        SeededDataset(mapped, seed),
        batch_sampler=BatchStream(groups, cfg.SOLVER.IMS_PER_BATCH, seed, rank=comm.get_rank(), world_size=world_size),
        num_workers=cfg.DATALOADER.NUM_WORKERS,
        collate_fn=trivial_batch_collator,
        worker_init_fn=end_quietly,
        # Else a number is drawn from the global generator in the first step of a process, which would then sample other
        # anchors than the same step of a run that never stopped.
        generator=torch.Generator(),
    )


def end_quietly(_worker: int) -> None:
    """Keep a process that loads photos quiet when it ends before its photos were needed.

    * A signal to all processes, as from ``timeout`` and a terminal, ends it with exit code 0. Killed by one, it would
      be a fault to torch, which reports it wherever the main process happens to be, even in a destructor.
    * A thread of Python's :mod:`multiprocessing` passes the batches on, and prints a traceback for a connection that is
      closed before.
    """

    def end(_signal: int, _frame: FrameType | None) -> None:
        os._exit(0)

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if not issubclass(kind, ConnectionError | EOFError):
            sys.__excepthook__(kind, error, traceback)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows lacks some of them
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end)
    sys.excepthook = hook


def _mix_photos(cfg: CfgNode, mapped: Dataset[Any]) -> Dataset[Any]:
    """Mix photos as ``cfg.INPUT`` says. Objects are also pasted into close-ups."""
    mixed = mapped
    if cfg.INPUT.CLOSE_UPS:
        _check_mixing(cfg, "CLOSE_UPS")
        mixed = CloseUps(mixed, cfg.INPUT.CLOSE_UPS)
    if cfg.INPUT.COPY_PASTE:
        _check_mixing(cfg, "COPY_PASTE")
        mixed = CopyPaste(mixed, cfg.INPUT.COPY_PASTE)
    if cfg.INPUT.PASTE_BACKGROUND:
        _check_mixing(cfg, "PASTE_BACKGROUND")
        mixed = PasteBackground(mixed, mapped, cfg.INPUT.PASTE_BACKGROUND)
    return mixed


def _check_mixing(cfg: CfgNode, key: str) -> None:
    if not (cfg.INPUT.SCALE_JITTER.CROP and cfg.INPUT.MASK_FORMAT == "bitmask" and cfg.MODEL.MASK_ON):
        raise ConfigError(
            f"INPUT.{key} is {cfg.INPUT[key]}; expected with it INPUT.SCALE_JITTER.CROP, so that all photos "
            "are of one size, INPUT.MASK_FORMAT: bitmask, and MODEL.MASK_ON: True"
        )
