"""Command line of the training: ``tools/train_net.py`` and ``balloon-splash train``."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.deadline import ended_in_time
from balloon_splash.cli.parser import Parser, add_device, add_training_set, as_arguments
from balloon_splash.errors import UsageError
from balloon_splash.weights.names import names_help

if TYPE_CHECKING:
    from detectron2.config import CfgNode

EXAMPLES = """\
examples:
  from COCO weights, as in the article:
    %(prog)s --config-file configs/balloon_R101_FPN.yaml
  from ImageNet weights, on the CPU or a small GPU, with the dataset elsewhere:
    %(prog)s --config-file configs/balloon_R50_FPN.yaml --weights imagenet --dataset /data/balloon
  resume after an interruption:
    %(prog)s --config-file configs/balloon_R50_FPN.yaml --resume
  evaluate:
    %(prog)s --config-file configs/balloon_R50_FPN.yaml --eval-only --weights output/balloon_R50_FPN/model_best.pth
  on eight GPUs, with another learning rate:
    %(prog)s --config-file configs/balloon_R101_FPN.yaml --num-gpus 8 SOLVER.BASE_LR 0.01
    torchrun --nproc-per-node 8 tools/train_net.py --config-file configs/balloon_R101_FPN.yaml
  two machines, the first of them (see docs/scale.md for Slurm and more):
    %(prog)s --num-machines 2 --machine-rank 0 --dist-url tcp://10.0.0.1:29500
"""

#: Options of the article and of other trainers.
ELSEWHERE = {
    "--logs": "OUTPUT_DIR DIR",
    "--output": "OUTPUT_DIR DIR",
    "--epochs": "SOLVER.MAX_ITER N",
    "--lr": "SOLVER.BASE_LR X",
    "--batch-size": "SOLVER.IMS_PER_BATCH N",
}


def build_parser() -> Parser:
    """Build Detectron2's usual options, spelled out here so that ``--help`` does not load it, and the article's."""
    parser = Parser("Train or evaluate a model.", f"{names_help(training=True)}\n{EXAMPLES}", ELSEWHERE)
    parser.add_argument(
        "--config-file",
        default="configs/balloon_R101_FPN.yaml",
        metavar="FILE",
        help="configuration: a path, or a name from configs/ or Detectron2's zoo (default: %(default)s)",
    )
    add_training_set(parser)
    parser.add_argument(
        "--weights",
        metavar="W",
        help="weights to start from: a name from the list below, a path or a URL; last is the same as --resume "
        "(default: those of the configuration)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="resume from the last checkpoint in OUTPUT_DIR (default: start a new run)"
    )
    parser.add_argument(
        "--eval-only", action="store_true", help="evaluate the weights without training (default: train)"
    )
    add_device(parser)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="print the whole log (default: progress and warnings)"
    )
    several = parser.add_argument_group(
        "several processes and machines",
        "torchrun and srun start the processes by themselves; these options start them by hand, as in Detectron2's "
        "own tools. The processes share the photos of an iteration, SOLVER.IMS_PER_BATCH.",
    )
    several.add_argument(
        "--num-gpus",
        type=int,
        default=1,
        metavar="N",
        help="processes per machine, each on a GPU of its own, or on the CPU with --device cpu (default: %(default)s)",
    )
    several.add_argument("--num-machines", type=int, default=1, metavar="N", help="machines (default: %(default)s)")
    several.add_argument(
        "--machine-rank", type=int, default=0, metavar="N", help="number of this machine, from 0 (default: %(default)s)"
    )
    several.add_argument(
        "--dist-url",
        default="auto",
        metavar="URL",
        help="where the processes meet, tcp://HOST:PORT of the first machine (default: a free port of this machine)",
    )
    parser.add_overrides()
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    from balloon_splash.engine.interruption import is_waiting
    from balloon_splash.engine.processes import launch_processes

    with ended_in_time(patient=is_waiting):
        launch_processes(_run_process, args)
    return EXIT_OK


def _run_process(args: argparse.Namespace) -> None:
    """Run one process; a function of the module, so that it can be sent to the others."""
    from detectron2.utils import comm

    from balloon_splash.config import config_path, load_config, use_class_count
    from balloon_splash.data.datasets.builtin import check_holds_splits, register_balloon
    from balloon_splash.data.datasets.examine import examine_datasets
    from balloon_splash.data.datasets.folders import datasets_root
    from balloon_splash.engine.run import (
        evaluate,
        results_table,
        start_logging,
        train,
    )
    from balloon_splash.weights.resolve import use_weights
    from balloon_splash.weights.run_folder import check_run_folder, has_run, sole_use

    args.config_file = str(config_path(args.config_file))  # Detectron2 copies the arguments into the log
    cfg = load_config(args.config_file, args.opts, device=args.device)
    resume = args.resume or args.weights == "last"
    if args.weights and args.weights != "last":
        use_weights(cfg, args.weights)
    if args.dataset or args.class_names or args.class_attribute:
        _use_balloon_sets(cfg, args)
        if args.dataset:
            check_holds_splits(args.dataset)
        folder = args.dataset or datasets_root() / "balloon"
        classes = register_balloon(folder, class_names=args.class_names, class_attribute=args.class_attribute)
        if len(classes) > 1:
            use_class_count(cfg, len(classes), args.opts)
    if resume or not args.eval_only:
        check_run_folder(cfg.OUTPUT_DIR, resume=resume)
    if args.eval_only:
        if resume:
            use_weights(cfg, "last")
        cfg.OUTPUT_DIR = str(Path(cfg.OUTPUT_DIR, "eval"))  # keep the configuration and the log of the run
    cfg.freeze()
    examine_datasets(cfg)
    with sole_use(cfg.OUTPUT_DIR) if comm.is_main_process() else contextlib.nullcontext():
        if not args.eval_only:
            check_run_folder(cfg.OUTPUT_DIR, resume=resume)  # check again: another run may have ended there meanwhile
        start_logging(cfg, args, verbose=args.verbose)
        try:
            results = evaluate(cfg) if args.eval_only else train(cfg, resume=resume)
        except KeyboardInterrupt:
            if comm.is_main_process() and not args.eval_only and has_run(cfg.OUTPUT_DIR):
                print(f"to resume: {_resume_command(args)}", file=sys.stderr)
            raise
    if comm.is_main_process():
        print(results_table(results))
        print(f"log, metrics, checkpoints and pictures: {cfg.OUTPUT_DIR}")


def _use_balloon_sets(cfg: CfgNode, args: argparse.Namespace) -> None:
    """Train and test on the sets of ``--dataset`` (in place), in place of others that the configuration names.

    Raises:
        UsageError: the overrides name other sets, or only ``--class-names`` or ``--class-attribute`` are given.
    """
    from balloon_splash.data.datasets.dataset_file import is_dataset_file, read_dataset_file

    named = (*cfg.DATASETS.TRAIN, *cfg.DATASETS.TEST)
    own = read_dataset_file(args.dataset).name if args.dataset and is_dataset_file(args.dataset) else None
    if any(name.startswith(("balloon_", f"{own or 'balloon'}_")) for name in named):
        return
    if not args.dataset:
        raise UsageError(
            f"--class-names and --class-attribute are for --dataset; {Path(args.config_file).name} names "
            f"{', '.join(named)}, which have classes already"
        )
    if {"DATASETS.TRAIN", "DATASETS.TEST"} & set(args.opts):
        raise UsageError(
            f"--dataset {args.dataset} becomes balloon_train and balloon_val, and DATASETS.TRAIN or .TEST names "
            f"{', '.join(named)}; expected one of the two"
        )
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = ("balloon_train",), ("balloon_val",)


def _resume_command(args: argparse.Namespace) -> str:
    """Return the command that resumes this run."""
    program = sys.argv[0].split(" ") if " " in sys.argv[0] else ["python", sys.argv[0]]
    options = as_arguments(args, "config_file", "dataset", "class_names", "class_attribute", "device")
    return shlex.join([*program, *options, "--resume", *args.opts])
