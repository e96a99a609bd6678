"""Cross-validation: one recipe on several splits or with several seeds, and the mean and spread of its AP."""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from detectron2.config import CfgNode
from tabulate import tabulate

from balloon_splash.config import load_config
from balloon_splash.data.datasets.examine import examine_datasets
from balloon_splash.data.datasets.folds import N_FOLDS, WHOLE, fold_name
from balloon_splash.data.training.training_photos import repeat_factors
from balloon_splash.errors import ConfigError, TrainingError
from balloon_splash.files import atomic_path

#: Reported metrics, by their names in a run's ``metrics.json``.
METRICS = ("bbox/AP", "segm/AP", "segm/AP50", "segm/AP75", "boundary/AP")

#: Placeholder for a run's name in the common options.
RUN = "{run}"

_RESULTS = "results.json"


Train: TypeAlias = Callable[[Sequence[str]], int]
"""Function that runs the training command with these arguments in a new process, and returns its exit code."""


@dataclass(frozen=True)
class Run:
    """One run of the training.

    Attributes:
        seed: seed of everything random in it.
        fold: fold of the balloon photos on which it is tested; None keeps the split of the configuration.
        n_folds: number of folds.
    """

    seed: int
    fold: int | None = None
    n_folds: int = N_FOLDS

    @property
    def name(self) -> str:
        """Name of its folder."""
        if self.fold is None:
            return f"seed{self.seed}"
        return f"fold{self.fold}{'' if self.n_folds == N_FOLDS else f'of{self.n_folds}'}_seed{self.seed}"

    def overrides(self, folder: Path, cfg: CfgNode) -> list[str]:
        """Return its overrides of ``cfg``: a fold replaces ``balloon_train``, other sets stay.

        Raises:
            ConfigError: there is a fold, but the configuration does not train on ``balloon_train``.
        """
        opts = ["SEED", str(self.seed), "OUTPUT_DIR", str(folder)]
        if self.fold is None:
            return opts
        if WHOLE not in cfg.DATASETS.TRAIN:
            raise ConfigError(
                f"DATASETS.TRAIN is {', '.join(cfg.DATASETS.TRAIN)}; expected {WHOLE}, which the folds divide; "
                f"--opts DATASETS.TRAIN \"('{WHOLE}',)\" names it"
            )
        train = {WHOLE: fold_name(self.fold, "train", self.n_folds)}
        sets = tuple(train.get(name, name) for name in cfg.DATASETS.TRAIN)
        repeats = [(train.get(name, name), factor) for name, factor in repeat_factors(cfg).items()]
        opts += ["DATASETS.TRAIN", str(sets), "DATASETS.TRAIN_REPEAT_FACTOR", str(repeats)]
        return [*opts, "DATASETS.TEST", str((fold_name(self.fold, "val", self.n_folds),))]


def cross_validate(
    runs: Sequence[Run],
    output: Path,
    config_file: str,
    options: Sequence[str] = (),
    overrides: Sequence[str] = (),
    *,
    train: Train,
) -> dict[str, dict[str, float]]:
    """Do the runs that are not done yet, each in its own process and folder; resume interrupted ones.

    Args:
        runs: the runs.
        output: parent of their folders.
        config_file: see :func:`balloon_splash.config.config_path`.
        options: further arguments of the training command, with :data:`RUN` for the run's name.
        overrides: ``KEY VALUE`` pairs for all runs.
        train: function that runs the training command.

    Returns:
        The name of each run and its metrics, in percent.

    Raises:
        ConfigError, DatasetError: the configuration or a dataset is wrong, or cannot be divided into folds; raised
            before the first run.
        TrainingError: a run failed.
    """
    cfg = load_config(config_file, overrides)
    commands = {}
    for run in runs:
        own = [option.replace(RUN, run.name) for option in options]
        commands[run.name] = (
            ["--config-file", config_file, *own],
            [*overrides, *run.overrides(output / run.name, cfg)],
        )
        examine_datasets(load_config(config_file, commands[run.name][1]))
    return {name: _results(name, output / name, train, *command) for name, command in commands.items()}


def _results(
    name: str, folder: Path, train: Train, options: Sequence[str], overrides: Sequence[str]
) -> dict[str, float]:
    from balloon_splash.weights.run_folder import has_run

    kept = folder / _RESULTS
    if kept.is_file():
        return {metric: float(value) for metric, value in json.loads(kept.read_text(encoding="utf-8")).items()}
    print(f"{name}: {'resuming' if has_run(folder) else 'training'}", file=sys.stderr, flush=True)
    resume = ["--resume"] if has_run(folder) else []
    code = train([*options, *resume, *overrides])
    if code == 130:
        raise KeyboardInterrupt
    if code:
        raise TrainingError(f"{folder}: the run ended with exit code {code}, see above; the same command resumes it")
    results = last_evaluation(folder / "metrics.json")
    with atomic_path(kept) as path:
        path.write_text(json.dumps(results, indent=1), encoding="utf-8")
    return results


def last_evaluation(metrics: Path) -> dict[str, float]:
    """Return the metrics of the last evaluation in a run's ``metrics.json``; without masks, box AP alone.

    Raises:
        TrainingError: it holds none.
    """
    lines = metrics.read_text(encoding="utf-8").splitlines() if metrics.is_file() else []
    evaluations = [record for record in map(json.loads, lines) if METRICS[0] in record]
    if not evaluations:
        raise TrainingError(f"{metrics}: no evaluation found; expected one at the end of the run")
    noted = {name: float(evaluations[-1].get(name, math.nan)) for name in METRICS}
    return {name: value for name, value in noted.items() if math.isfinite(value)}  # JSON has no other numbers


def summary(results: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return, per metric, ``mean``, ``sd`` (of a sample, where there are several runs), ``min`` and ``max``."""
    told = {}
    for name in METRICS:
        values = [metrics[name] for metrics in results.values() if name in metrics]
        if values:
            spread = {"sd": statistics.stdev(values)} if len(values) > 1 else {}
            told[name] = {"mean": statistics.fmean(values), **spread, "min": min(values), "max": max(values)}
    return told


def table(results: dict[str, dict[str, float]]) -> str:
    """Return a table with one row per run, and mean and spread below."""
    rows = [[name, *(metrics.get(metric) for metric in METRICS)] for name, metrics in results.items()]
    told = summary(results)
    rows += [[row, *(told.get(metric, {}).get(row) for metric in METRICS)] for row in ("mean", "sd")]
    return tabulate(rows, headers=["", *METRICS], floatfmt=".1f", missingval="-")
