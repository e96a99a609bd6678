"""Command line of ``tools/cross_validate.py``: mean and spread of AP over folds and seeds."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.parser import Parser, add_device, add_training_set, as_arguments
from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE
from balloon_splash.errors import UsageError
from balloon_splash.weights.names import names_help
from balloon_splash.wording import counted

if TYPE_CHECKING:
    from balloon_splash.engine.out_of_fold import OutOfFold

#: Of ``balloon_fold0_train`` and so on; spelled out here so that ``--help`` need not load them; a test compares.
N_FOLDS = 5

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
  two folds instead of five, the first of them alone:
    %(prog)s --config-file configs/balloon_R50_FPN.yaml --folds 2 --only 0 --output output/halves
  a second step, for each fold from its own first step:
    %(prog)s --config-file configs/balloon_R50_slim_points.yaml --output output/second \\
        --weights 'output/folds/{run}/model_final.pth'
Run again, the same command resumes an interrupted run and skips the runs that are done.
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Train on several splits or with several seeds, one after the other; report the mean and spread of AP.",
        f"{names_help(training=True)}\n{EXAMPLES}",
    )
    parser.add_argument(
        "--config-file",
        required=True,
        metavar="FILE",
        help="configuration: a path, or a name from configs/ or Detectron2's zoo",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for all runs")
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--folds",
        type=_numbers,
        default=[N_FOLDS],
        metavar="N",
        help="number of parts to divide the photos into, 2 or more; several numbers, separated by commas, choose among "
        f"{N_FOLDS} parts as --only does (default: {N_FOLDS})",
    )
    which.add_argument(
        "--no-folds",
        action="store_true",
        help="keep the split of the configuration and vary the seed alone (default: vary the fold)",
    )
    parser.add_argument(
        "--only",
        type=_numbers,
        metavar="N,N",
        help="numbers of the folds to run, from 0, separated by commas (default: all)",
    )
    parser.add_argument(
        "--seeds", type=_numbers, default=[0], metavar="N,N", help="random seeds, separated by commas (default: 0)"
    )
    add_training_set(parser)
    parser.add_argument("--weights", metavar="W", help=WEIGHTS_HELP)
    add_device(parser)
    parser.add_argument("--num-gpus", type=int, default=1, metavar="N", help="GPUs per run (default: %(default)s)")
    parser.add_overrides()
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    import json

    from balloon_splash.data.datasets.builtin import register_balloon
    from balloon_splash.data.datasets.folders import datasets_root
    from balloon_splash.devices import check_device
    from balloon_splash.engine.cross_validation import RUN, Run, cross_validate, summary, table
    from balloon_splash.engine.out_of_fold import out_of_fold
    from balloon_splash.files import atomic_path

    if args.weights == "last":
        raise UsageError("--weights last: each run starts from the same weights; the same command resumes by itself")
    n_folds, folds = _folds(args)
    runs = [Run(seed, fold, n_folds) for seed in sorted(set(args.seeds)) for fold in folds]
    starts = [Path(args.weights.replace(RUN, run.name)) for run in runs if RUN in (args.weights or "")]
    missing = [path for path in starts if not path.is_file()]
    if missing:
        raise UsageError(f"--weights {missing[0]}: no such file; expected one for each of {len(runs)} runs")
    if args.device:
        check_device(args.device)
    if args.dataset or args.class_names or args.class_attribute:
        folder = args.dataset or datasets_root() / "balloon"
        classes = register_balloon(folder, class_names=args.class_names, class_attribute=args.class_attribute)
        args.opts = [*_fitting(args, len(classes)), *args.opts]
    options = ["--num-gpus", str(args.num_gpus)]
    options += as_arguments(args, "dataset", "class_names", "class_attribute", "weights", "device")
    results = cross_validate(runs, args.output, args.config_file, options, args.opts, train=_train)
    written = args.output / "cross_validation.json"
    with atomic_path(written, overwrite=True) as path:
        path.write_text(json.dumps({"runs": results, "summary": summary(results)}, indent=1), encoding="utf-8")
    print(table(results))
    print(_told(out_of_fold(args.output / run.name for run in runs), args.output))
    print(f"numbers: {written}")
    return EXIT_OK


def _told(predictions: OutOfFold, output: Path) -> str:
    """Write the predictions; return one line about what a splash at its defaults finds among them."""
    from balloon_splash.engine.out_of_fold import FILE

    if not predictions.objects:
        return "objects found: unknown; the runs' folders hold no predictions with objects to compare them with"
    predictions.write(output / FILE)
    found, others = predictions.counts(DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE)
    return (
        f"at {DEFAULT_CONFIDENCE:g}, and {DEFAULT_LOW_CONFIDENCE:g} beside: {found} of "
        f"{counted(predictions.objects, 'object')} found, {counted(others, 'other mark')} ({output / FILE})"
    )


def _folds(args: argparse.Namespace) -> tuple[int, list[int] | list[None]]:
    """Return the number of folds, and the numbers of those to run; a None alone without folds."""
    if args.no_folds:
        if args.only is not None:
            raise UsageError("--only names folds, --no-folds has none; expected one of the two")
        return N_FOLDS, [None]
    # Before there was --only, several numbers after --folds chose some of the five.
    older = len(args.folds) > 1
    n_folds = N_FOLDS if older else args.folds[0]
    if n_folds < 2:
        raise UsageError(f"--folds {n_folds}; expected 2 or more parts; --only {n_folds} runs fold {n_folds} alone")
    chosen = args.folds if older else range(n_folds) if args.only is None else args.only
    unknown = sorted(set(chosen) - set(range(n_folds)))
    if unknown:
        raise UsageError(f"fold {unknown[0]}; expected some of 0 to {n_folds - 1} (--only)")
    return n_folds, sorted(set(chosen))


def _fitting(args: argparse.Namespace, n_classes: int) -> list[str]:
    """Return overrides that fit the configuration to the dataset, as training does: its sets, its classes."""
    from balloon_splash.config import load_config

    opts: list[str] = []
    sets = load_config(args.config_file).DATASETS
    if args.dataset and not any(name.startswith("balloon_") for name in (*sets.TRAIN, *sets.TEST)):
        opts += ["DATASETS.TRAIN", "('balloon_train',)", "DATASETS.TEST", "('balloon_val',)"]
    if n_classes > 1:
        opts += ["MODEL.ROI_HEADS.NUM_CLASSES", str(n_classes), "MODEL.POINT_HEAD.NUM_CLASSES", str(n_classes)]
    return opts


def _train(arguments: Sequence[str]) -> int:
    """Run the training command in a new process."""
    return subprocess.run([sys.executable, "-c", _TRAIN, *arguments], check=False).returncode


def _numbers(text: str) -> list[int]:
    numbers = text.split(",")
    if not all(number.isdecimal() for number in numbers):
        raise argparse.ArgumentTypeError(f"{text!r} found, expected numbers separated by commas, such as 0,1,2")
    return [int(number) for number in numbers]
