"""One batch: inputs to tasks, tasks through workers, their rows into the record."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import partial
from typing import Any

import numpy as np

from balloon_splash import __version__
from balloon_splash.batch.cluster import check_address, connected
from balloon_splash.batch.pool import WorkerPool
from balloon_splash.batch.record import Kind, Record, Row, row_of_result
from balloon_splash.batch.store import Place, reached
from balloon_splash.batch.tasks import Task, plan_tasks
from balloon_splash.errors import UsageError
from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.loading import load_finder
from balloon_splash.splasher.options import SplashOptions


class BatchReport:
    """Receiver of the progress of a batch. This one is silent; override the methods of interest."""

    def begin(self, missing: int, existing: int) -> None:
        """Receive the numbers of inputs to splash and of those whose results exist, once the plan is made."""

    def row(self, row: Row) -> None:
        """Receive the row of an input that is done or has failed."""

    def note(self, text: str) -> None:
        """Receive one line that is not an error."""


SILENT = BatchReport()


@dataclass(frozen=True)
class BatchSummary:
    """Result of a batch.

    Attributes:
        done: number of inputs splashed now.
        existed: number of inputs whose results existed.
        failed: number of inputs without a result; the record names the reasons.
        objects: number of objects that kept their colour, of the inputs splashed now.
        seconds: time taken.
        record: address of the record.
    """

    done: int
    existed: int
    failed: int
    objects: int
    seconds: float
    record: str


def splash_batch(
    inputs: Sequence[str],
    output: str,
    options: SplashOptions | None = None,
    *,
    finder: Callable[[], Finder] | None = None,
    ray_address: str = "local",
    workers: int | None = None,
    on_gpus: bool = False,
    record: Kind = "jsonl",
    report: BatchReport = SILENT,
) -> BatchSummary:
    """Splash everything that ``inputs`` name on a Ray cluster, as ``balloon-splash batch`` does.

    >>> splash_batch(["s3://photos/2026"], "s3://photos/2026-splash").failed     # doctest: +SKIP
    0

    Each input has one row in the record, ``record.jsonl`` or ``record.parquet`` in the folder of the results. The same
    call again splashes only what has no result yet.

    Args:
        inputs: files, folders, globs and URLs, of this machine or wherever fsspec reaches.
        output: folder of the results, likewise.
        options: options of the splash; ``existing="overwrite"`` replaces results, the others skip their inputs.
        finder: function that each worker calls for its model; None stands for the model that ships.
        ray_address: see :func:`balloon_splash.batch.cluster.connected`.
        workers: most workers; None takes as many as the cluster has cores, or GPUs.
        on_gpus: give each worker a GPU in place of a core.
        record: ``jsonl`` or ``parquet``.
        report: receives progress and messages.

    Raises:
        UsageError: inputs, output or cluster cannot be reached, or options that contradict each other or the results.
        BalloonSplashError: the model cannot be loaded.
    """
    options, started = options or SplashOptions(), time.monotonic()
    if options.detections or options.save_detections or options.save_annotations:
        raise UsageError("a batch keeps its own record; expected neither detections nor annotations to read or write")
    check_address(ray_address)
    options.look.check()
    folder = Place(output)
    if output.startswith(("http://", "https://")):
        raise UsageError(f"--output {folder.name}: cannot be written; expected a folder, of this machine or a bucket")
    with reached(folder):
        existing = {folder.under(name).address for name in folder.files()}
    tasks = plan_tasks(inputs, folder, options, report.note)
    load = finder or partial(load_finder, device="cuda" if on_gpus else "cpu", confidence=options.floor)
    if not on_gpus:  # a model for a GPU may not load where the batch is started
        options.selection.check(load().class_names)
    with connected(ray_address, workers) as cluster:
        pool = WorkerPool(options, load, cluster.workers(workers, on_gpus=on_gpus), workers, on_gpus)
        overwrite = options.existing == "overwrite"
        with reached(folder):
            rows = Record(folder, record)
            rows.check_options(_described(options, load), overwrite=overwrite)
        missing = tasks if overwrite else _missing(tasks, existing, rows)
        return _run(tasks, missing, rows, pool, report, started)


def _run(
    tasks: Sequence[Task],
    missing: Sequence[Task],
    rows: Record,
    pool: WorkerPool,
    report: BatchReport,
    started: float,
) -> BatchSummary:
    report.begin(len(missing), len(tasks) - len(missing))
    done = failed = objects = 0
    try:
        for row in pool.rows(missing):
            rows.add(row)
            report.row(row)
            failed += row["error"] is not None
            done += row["error"] is None
            objects += row["objects"] or 0
    finally:
        rows.store()
    rows.finish(task.name for task in tasks)
    for place in {Place(task.output).folder for task in tasks}:
        place.remove_leftovers()
    return BatchSummary(done, len(tasks) - len(missing), failed, objects, time.monotonic() - started, rows.file.name)


def _missing(tasks: Sequence[Task], existing: Collection[str], rows: Record) -> list[Task]:
    """Return the tasks without a result. One whose row was lost with its process gets another row."""
    missing = []
    for task in tasks:
        if rows.done(task.name):
            continue
        if task.output in existing and not task.clash:
            rows.add(row_of_result(task.name, task.output))
        else:
            missing.append(task)
    return missing


def _described(options: SplashOptions, load: Callable[[], Finder]) -> dict[str, str]:
    """Describe what the results depend on, as texts that can be compared."""
    names = ("look", "selection", "files", "video", "tiles", "add_boxes")
    found: dict[str, Any] = {name: getattr(options, name) for name in names}
    found |= load.keywords if isinstance(load, partial) else {"finder": getattr(load, "__qualname__", type(load))}
    return {"balloon_splash": __version__, **{name: _as_text(value) for name, value in found.items()}}


def _as_text(value: object) -> str:
    """Return the representation of a value, with digests of the arrays in it, which ``repr`` would shorten."""
    if isinstance(value, np.ndarray):
        return hashlib.sha256(value.tobytes()).hexdigest()
    if is_dataclass(value):
        return f"{type(value).__name__}({', '.join(_as_text(getattr(value, each.name)) for each in fields(value))})"
    return repr(value)
