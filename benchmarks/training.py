"""Training iterations on the CPU, ours against stock Detectron2 on the same weights, photos and batches.

    python -m benchmarks training --balloon datasets/balloon --weights R-50.pth

Stock is ``DefaultTrainer`` on Detectron2's own classes in fp32, its mapper and loader reading each photo anew, as its
``tools/train_net.py`` runs it. Ours is ``BalloonTrainer`` in bfloat16, channels last, with decoded photos kept: all of
them before the clock starts, as after the first epoch. Both live in one process and take turns, step by step; the CPU
column is without the loading processes. Pictures are rendered unless ``--balloon`` names the dataset; ``KEY VALUE`` at
the end overrides the configuration of both.

So that the losses can be compared step by step, both start from one set of weights, and stock's loader gets the order
of the photos and the random numbers of each draw from ours. ``IterationSeed`` seeds the sampling of anchors and
proposals of both. The losses then differ by rounding alone, and by its effects from step to step.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import tempfile
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetFromList, DatasetMapper, MapDataset
from detectron2.data.build import build_batch_data_loader
from detectron2.data.common import ToIterableDataset
from detectron2.engine import DefaultTrainer, HookBase
from detectron2.utils.env import seed_all_rng
from detectron2.utils.events import EventStorage
from torch.utils.data import DataLoader, Dataset, Sampler

from balloon_splash.config import load_config
from balloon_splash.data.datasets.builtin import register_balloon
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.data.training.loader import Draw, SeededDataset, build_train_loader
from balloon_splash.data.training.training_photos import training_photos
from balloon_splash.engine.hooks import IterationSeed
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.weights.resolve import use_weights
from benchmarks._measure import compare, machine, print_table, write_json
from benchmarks._models import stock_config

STOCK, OURS = "stock Detectron2", "ours"
TARGET = 1.5
FAST = ["SOLVER.AMP.ENABLED", "True", "SOLVER.CHANNELS_LAST", "True", "DATALOADER.CACHE_MEGABYTES", "1024"]
PLAIN = ["SOLVER.AMP.ENABLED", "False"]
#: Only iterations are measured.
NOTHING_ELSE = ["TEST.EVAL_PERIOD", "0", "SOLVER.CHECKPOINT_PERIOD", "1000000"]
NUM_RENDERED, SIZE = 16, (2048, 1365)


def main() -> None:
    """Measure and print."""
    args = _arguments()
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    logging.disable(logging.INFO)  # Detectron2 prints the model
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        register_balloon(args.balloon or _rendered(folder / "rendered"))
        sides = both_sides(args, folder)
        for name, side in sides.items():
            print(f"{name}: {settings(side.trainer.cfg)}")
        for _ in range(args.warm_up - 1):  # compare() adds one
            for side in sides.values():
                side.step()
        what = f"an iteration, {Path(args.config_file).stem}, {torch.get_num_threads()} threads"
        steps = {name: side.step for name, side in sides.items()}
        rows = compare(what, steps, rounds=args.iterations, targets={OURS: TARGET})
    print_table(rows)
    losses = {name: side.losses[-args.iterations :] for name, side in sides.items()}
    print_losses(losses[STOCK], losses[OURS])
    if args.json:
        write_json(Path(args.json), rows, {"losses": losses})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--balloon", metavar="DIR", help="the balloon dataset; without it, pictures are rendered")
    parser.add_argument("--weights", metavar="W", help="to start from, as for the training (the configuration's)")
    parser.add_argument("--config-file", default="configs/balloon_R50_FPN.yaml", metavar="FILE")
    parser.add_argument("--iterations", type=_at_least_one, default=6, help="measured, of each side (%(default)s)")
    parser.add_argument("--warm-up", type=_at_least_one, default=2, help="of each side, before that (%(default)s)")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    parser.add_argument("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="overrides of the configuration")
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text}; expected at least 1")
    return int(text)


def _rendered(folder: Path) -> Path:
    return write_synthetic_balloons(folder, num_train=NUM_RENDERED, num_val=1, size=SIZE, progress=False)


class Draws(Sampler[Draw]):
    """Our batches, one photo after the other, which Detectron2's grouping by aspect ratio puts together again."""

    def __init__(self, loader: DataLoader[Any]) -> None:
        self.batches: Any = loader.batch_sampler

    def __iter__(self) -> Iterator[Draw]:
        for batch in self.batches:
            yield from batch


class StockTrainer(DefaultTrainer):
    """Detectron2's trainer with our sampler and seeds; everything else is its own."""

    def build_hooks(self) -> list[HookBase | None]:
        """Add the seed of each step to Detectron2's hooks."""
        return [IterationSeed(max(self.cfg.SEED, 0)), *super().build_hooks()]

    @classmethod
    def build_train_loader(cls, cfg: CfgNode) -> Any:
        """Build Detectron2's loader in our order: workers get single photos in turn, not four at a time."""
        dicts = training_photos(cfg)
        mapped: Dataset[Any] = MapDataset(DatasetFromList(dicts, copy=False), DatasetMapper(cfg, is_train=True))
        seeded = SeededDataset(mapped, max(cfg.SEED, 0))
        grouping, size = cfg.DATALOADER.ASPECT_RATIO_GROUPING, cfg.SOLVER.IMS_PER_BATCH
        draws = Draws(build_train_loader(cfg))
        photos = ToIterableDataset(seeded, draws, shard_chunk_size=1 if grouping else size)
        return build_batch_data_loader(
            photos, None, size, aspect_ratio_grouping=grouping, num_workers=cfg.DATALOADER.NUM_WORKERS
        )


class Side:
    """Trainer that takes one step at a time.

    Attributes:
        losses: the total loss of each step so far.
    """

    def __init__(self, trainer: DefaultTrainer) -> None:
        self.trainer = trainer
        self.losses: list[float] = []
        trainer.iter = trainer.start_iter
        trainer.storage = EventStorage(trainer.start_iter)
        with trainer.storage:
            trainer.before_train()

    def step(self) -> None:
        """Do what ``TrainerBase.train`` does in an iteration."""
        trainer = self.trainer
        with trainer.storage:
            trainer.before_step()
            trainer.run_step()
            self.losses.append(trainer.storage.latest()["total_loss"][0])
            trainer.after_step()
        trainer.iter += 1


def both_sides(args: argparse.Namespace, folder: Path) -> dict[str, Side]:
    """Build stock and ours with the same weights, and ours with all photos decoded."""
    opts = [*args.opts, *NOTHING_ELSE]
    ours_cfg = load_config(args.config_file, [*FAST, *opts, "OUTPUT_DIR", str(folder / "ours")], device="cpu")
    if args.weights:
        use_weights(ours_cfg, args.weights)
    seed_all_rng(max(ours_cfg.SEED, 0))
    ours = BalloonTrainer(ours_cfg)
    ours.resume_or_load(resume=False)
    stock_opts = [*opts, *PLAIN, "OUTPUT_DIR", str(folder / "stock")]
    stock = StockTrainer(stock_config("", args.config_file, stock_opts))
    stock.model.load_state_dict(ours.model.state_dict())
    keep_photos(ours)
    return {STOCK: Side(stock), OURS: Side(ours)}


def settings(cfg: CfgNode) -> str:
    """Return the settings in which the sides differ, after all overrides."""
    keys = ("SOLVER.AMP.ENABLED", "SOLVER.CHANNELS_LAST", "DATALOADER.CACHE_MEGABYTES", "DATALOADER.NUM_WORKERS")
    values = {key: reduce(getattr, key.split("."), cfg) for key in keys}
    return ", ".join(f"{key} {value}" for key, value in values.items())


def keep_photos(trainer: BalloonTrainer) -> None:
    """Load each photo once; the loading processes start with these photos."""
    for index in range(len(trainer.data_loader.batch_sampler.groups)):
        trainer.data_loader.dataset[index, 0]


def print_losses(stock: list[float], ours: list[float]) -> None:
    """Print both curves, and their distance."""
    apart = [abs(a - b) / a for a, b in zip(stock, ours, strict=True)]
    print("\ntotal loss, the same batches and weights at the start")
    print("  stock  " + "  ".join(f"{value:.4f}" for value in stock))
    print("  ours   " + "  ".join(f"{value:.4f}" for value in ours))
    print(f"  apart by {statistics.median(apart):.2%} of stock's (median), at most {max(apart):.2%}")


if __name__ == "__main__":
    main()
