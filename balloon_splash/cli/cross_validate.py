"""Command line of ``tools/cross_validate.py``: mean and spread of AP over folds and seeds."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.parser import Parser
from balloon_splash.weights.names import names_help

_TRAIN = "import sys; from balloon_splash.cli.train import main; sys.exit(main())"

WEIGHTS_HELP = (
    "weights to start each run from: a name from the list below, or a path in which {run} stands for the name of the "
    "run (default: those of the configuration)"
)
EXAMPLES = """\
examples:
  five runs, each tested on another fifth of the 74 balloon photos:
    %(prog)s --config-file configs/balloon_R50_FPN.yaml --weights imagenet --output output/folds
  three seeds on the usual split:
    %(prog)s --config-file configs/balloon_R50_FPN.yaml --no-folds --seeds 0,1,2 --output output/seeds
  a second step, for each fold from its own first step:
    %(prog)s --config-file configs/balloon_R50_slim_points.yaml --output output/second \\
        --weights 'output/folds/{run}/model_final.pth'
the same command again resumes an interrupted run, and skips the runs that are done
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Train on several splits or with several seeds, one after the other; report mean and spread of AP.",
        f"{names_help(training=True)}\n{EXAMPLES}",
    )
    parser.add_argument(
        "--config-file",
        required=True,
        metavar="FILE",
        help="configuration: a path, one of ours, or one of Detectron2's zoo",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for all runs")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--folds",
        type=_numbers,
        default=[0, 1, 2, 3, 4],
        metavar="N,N",
        help="numbers of the folds to run, from 0 to 4, separated by commas (default: all five)",
    )
    which.add_argument(
        "--no-folds",
        action="store_true",
        help="keep the split of the configuration and vary the seed alone (default: vary the fold)",
    )
    parser.add_argument(
        "--seeds", type=_numbers, default=[0], metavar="N,N", help="random seeds, separated by commas (default: 0)"
    )
    parser.add_argument(
        "--dataset",
        metavar="WHAT",
        help="folder with train/ and val/ in it, or a dataset file (YAML), for balloon_train and balloon_val "
        "(default: datasets/balloon)",
    )
    parser.add_argument("--weights", metavar="W", help=WEIGHTS_HELP)
    parser.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    parser.add_argument("--num-gpus", type=int, default=1, help="GPUs per run (default: %(default)s)")
    parser.add_overrides()
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    import json

    from balloon_splash.data.datasets.builtin import register_balloon
    from balloon_splash.data.datasets.folds import N_FOLDS
    from balloon_splash.devices import check_device
    from balloon_splash.engine.cross_validation import RUN, Run, cross_validate, summary, table
    from balloon_splash.errors import UsageError
    from balloon_splash.files import atomic_path

    unknown = sorted(set(args.folds) - set(range(N_FOLDS)))
    if unknown:
        raise UsageError(f"--folds {unknown[0]}; expected some of 0 to {N_FOLDS - 1}")
    if args.weights == "last":
        raise UsageError("--weights last: each run starts from the same weights; the same command resumes by itself")
    folds = [None] if args.no_folds else sorted(set(args.folds))
    runs = [Run(seed, fold) for seed in sorted(set(args.seeds)) for fold in folds]
    starts = [Path(args.weights.replace(RUN, run.name)) for run in runs if RUN in (args.weights or "")]
    missing = [path for path in starts if not path.is_file()]
    if missing:
        raise UsageError(f"--weights {missing[0]}: no such file; expected one for each of {len(runs)} runs")
    if args.device:
        check_device(args.device)
    if args.dataset:
        register_balloon(args.dataset)
    options = ["--num-gpus", str(args.num_gpus)]
    for name in ("dataset", "weights", "device"):
        if getattr(args, name):
            options += [f"--{name}", getattr(args, name)]
    results = cross_validate(runs, args.output, args.config_file, options, args.opts, train=_train)
    written = args.output / "cross_validation.json"
    with atomic_path(written, overwrite=True) as path:
        path.write_text(json.dumps({"runs": results, "summary": summary(results)}, indent=1), encoding="utf-8")
    print(table(results))
    print(f"numbers: {written}")
    return EXIT_OK


def _train(arguments: Sequence[str]) -> int:
    """Run the training command in a new process."""
    return subprocess.run([sys.executable, "-c", _TRAIN, *arguments], check=False).returncode


def _numbers(text: str) -> list[int]:
    numbers = text.split(",")
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} found, expected numbers separated by commas, such as 0,1,2")
    return [int(number) for number in numbers]
