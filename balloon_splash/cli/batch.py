"""``batch``: splash more photos and videos than one machine can, on a Ray cluster."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, EXIT_SOME_FAILED, run_cli
from balloon_splash.cli.model_options import add_model, model_of
from balloon_splash.cli.parser import Parser
from balloon_splash.cli.splash_options import (
    add_finding,
    add_input_rules,
    add_inputs,
    add_look,
    add_photo_files,
    add_videos,
)
from balloon_splash.cli.splash_values import options_of
from balloon_splash.cli.table import read_as
from balloon_splash.errors import UsageError
from balloon_splash.option_table import POSITIVE
from balloon_splash.weights.names import names_help
from balloon_splash.wording import counted

if TYPE_CHECKING:
    from balloon_splash.batch.job import BatchReport, BatchSummary

EXAMPLES = """\
examples:
  %(prog)s --input photos/ --recursive --output results/                    all cores of this machine
  %(prog)s --input s3://bucket/in --output s3://bucket/out --ray auto       the cluster that this machine belongs to
  %(prog)s --input 's3://bucket/2026-*/*.jpg' --output gs://other/out --record parquet

Run again, the same command splashes only what has no result yet. A bucket needs fsspec's package for it (pip install
s3fs, gcsfs, adlfs, ...), and credentials on all machines, where that package looks for them.

exit code: 0 all done, 1 inputs failed, 2 wrong use, 130 interrupted
"""


def build_parser() -> Parser:
    """Return the command line."""
    parser = Parser(
        "Splash more photos and videos than one machine can, on a Ray cluster.",
        f"{names_help(training=False)}\n{EXAMPLES}",
    )
    _add_files(parser)
    _add_cluster(parser)
    add_finding(add_model(parser, help_text="cpu, or cuda for one worker per GPU, not per core (default: cpu)"))
    add_look(parser)
    add_videos(parser)
    add_photo_files(parser)
    messages = parser.add_argument_group("messages")
    messages.add_argument("--quiet", action="store_true", help="print errors only (default: also progress and notes)")
    return parser


def _add_files(parser: Parser) -> None:
    group = parser.add_argument_group("input and output")
    add_inputs(
        group,
        "files, folders, globs and URLs: local, or with any protocol that fsspec knows, such as s3:// and gs://",
    )
    group.add_argument(
        "--output",
        required=True,
        metavar="FOLDER",
        help="folder for results: local, or with any protocol that fsspec knows",
    )
    group.add_argument("--overwrite", action="store_true", help="replace existing results (default: skip their inputs)")
    group.add_argument(
        "--record",
        choices=("jsonl", "parquet"),
        default="jsonl",
        help="format of the record in the output folder, one row per input (default: %(default)s)",
    )
    add_input_rules(group)


def _add_cluster(parser: Parser) -> None:
    group = parser.add_argument_group("cluster")
    group.add_argument(
        "--ray",
        default="local",
        metavar="WHERE",
        help="Ray cluster to use: local starts one on this machine, auto joins the one that this machine belongs to, "
        "HOST:PORT joins another (default: %(default)s)",
    )
    group.add_argument(
        "--workers",
        type=read_as(POSITIVE),
        metavar="N",
        help="largest number of workers, each with its own model, and its own core or GPU (default: as many as fit)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    if args.device not in (None, "cpu", "cuda"):
        raise UsageError(f"--device {args.device}; expected cpu, or cuda for one worker per GPU")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # silences a note of Ray's about its next version
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # and its advice to the authors of workers
    from balloon_splash.batch.job import splash_batch
    from balloon_splash.splasher.loading import load_finder

    options = replace(options_of(args), existing="overwrite" if args.overwrite else "skip")
    summary = splash_batch(
        args.input,
        args.output,
        options,
        finder=partial(load_finder, **model_of(args, options.floor) | {"device": args.device or "cpu"}),
        ray_address=args.ray,
        workers=args.workers,
        on_gpus=args.device == "cuda",
        record=args.record,
        report=_progress(quiet=args.quiet),
    )
    return _conclude(summary, quiet=args.quiet)


def _conclude(summary: BatchSummary, *, quiet: bool) -> int:
    from balloon_splash.progress import say

    if not quiet:
        existed = f", {summary.existed} already existed" if summary.existed else ""
        objects = counted(summary.objects, "object")
        total = summary.done + summary.existed + summary.failed
        say(
            f"{summary.done} of {total} splashed{existed}, {summary.failed} failed, {objects}, "
            f"{summary.seconds:.1f} s; record: {summary.record}"
        )
    return EXIT_SOME_FAILED if summary.failed else EXIT_OK


def _progress(*, quiet: bool) -> BatchReport:
    from balloon_splash.batch.job import BatchReport
    from balloon_splash.batch.record import Row
    from balloon_splash.progress import ProgressBar, say

    class Progress(BatchReport):
        """Bar with speed and ETA, and the messages above it."""

        def begin(self, missing: int, existing: int) -> None:
            self._bar = ProgressBar(total=missing, unit="file", disable=quiet or missing == 0)

        def row(self, row: Row) -> None:
            if row["error"] is not None:
                say(f"error: {' '.join(row['error'].split())}")
            self._bar.update()
            if self._bar.n == self._bar.total:
                self._bar.close()

        def note(self, text: str) -> None:
            if not quiet:
                say(f"note: {text}")

    return Progress()
