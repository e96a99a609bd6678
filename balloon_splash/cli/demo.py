"""Command line of the demo: ``make demo``, ``make train``, ``tools/demo.py`` and ``balloon-splash demo``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import run_cli
from balloon_splash.cli.parser import Parser
from balloon_splash.errors import UsageError

PARENT = Path(__file__).resolve().parents[2]
"""The folder that holds the package: a checkout, or one of installed packages."""

#: Spelled out here so that ``--help`` need not load them; a test compares.
SAMPLE_NAMES = ("shapes", "coco", "nucleus")


def build_parser() -> Parser:
    """Build the options of the demo."""
    parser = Parser(
        "Splash pictures of balloons with the model that ships; with --train, first train a small model in a few "
        "minutes, evaluate it, and use that."
    )
    parser.add_argument("--train", action="store_true", help="train a small model (default: use the one that ships)")
    parser.add_argument(
        "--sample",
        choices=SAMPLE_NAMES,
        help="train, evaluate and splash another sample of the article's repository, on pictures that the project "
        "makes (default: balloons)",
    )
    parser.add_argument(
        "--dataset",
        type=Path,
        metavar="DIR",
        help="folder with train/ and val/ in it (default: the balloon dataset where DETECTRON2_DATASETS has it, else "
        "rendered pictures)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("output/demo"),
        metavar="DIR",
        help="folder for results (default: %(default)s)",
    )
    parser.add_argument(
        "--iterations",
        type=int,
        metavar="N",
        help="number of iterations to train, with --train or --sample (default: the configuration's)",
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    if args.iterations is not None and not (args.train or args.sample):
        raise UsageError("--iterations without --train or --sample; expected one of them with it")
    if args.sample:
        if args.dataset is not None:
            raise UsageError("--sample with --dataset; expected one of them: a sample has pictures of its own")
        return _sample(args)
    return _train(args) if args.train else _splash_at_once(args)


def _splash_at_once(args: argparse.Namespace) -> int:
    from balloon_splash.data.datasets.folders import datasets_root
    from balloon_splash.demo import find_pictures

    print("1. pictures", flush=True)
    pictures = find_pictures(args.dataset, datasets_root() / "balloon", args.output)
    print(f"   {pictures}\n2. splash, with the model that ships", flush=True)
    splashed = args.output / "splash"
    code = _splash(_pictures(pictures), splashed)
    print(f"before and after: {splashed}\nto train a model: {training_command(PARENT)}")
    return code


def training_command(root: Path) -> str:
    """Return the command that trains the demo's model; ``root`` is the folder that holds the package."""
    return "make train" if (root / "Makefile").is_file() else "balloon-splash demo --train"


def _train(args: argparse.Namespace) -> int:
    print("1. pictures", flush=True)
    from balloon_splash.data.datasets.folders import datasets_root
    from balloon_splash.demo import CONFIDENCE, find_data, train_model

    data = find_data(args.dataset, datasets_root() / "balloon", args.output)
    print(f"   {data.root}\n2. training and evaluation, a few minutes", flush=True)
    weights = train_model(data, args.output, iterations=args.iterations)
    print("3. splash of the validation pictures", flush=True)
    splashed = args.output / f"splash_{data.name}"
    code = _splash(_pictures(data.root / "val"), splashed, "--weights", str(weights), "--confidence", str(CONFIDENCE))
    print(f"pictures: {splashed}\nnumbers:  {weights.parent}/results.json, model beside them")
    return code


def _sample(args: argparse.Namespace) -> int:
    from balloon_splash.samples import SAMPLES, train_sample

    sample, output = SAMPLES[args.sample], args.output
    print("1. pictures", flush=True)
    pictures = sample.prepare(output)
    print(f"   {pictures}\n2. training and evaluation, some minutes", flush=True)
    weights = train_sample(args.sample, output, iterations=args.iterations)
    print("3. splash of validation pictures", flush=True)
    splashed = output / f"splash_{args.sample}"
    options = ["--weights", str(weights), "--confidence", str(sample.confidence), "--recursive"]
    if sample.submission:
        options += ["--save-annotations", str(output / "submit.csv"), "--annotation-format", "submission"]
    code = _splash([str(pictures)], splashed, *options)
    print(f"pictures: {splashed}\nnumbers:  {weights.parent}/results.json, model beside them")
    if sample.submission:
        print(f"masks:    {output / 'submit.csv'}, as run lengths")
    return code


def _pictures(folder: Path) -> list[str]:
    """Return the pictures of a dataset's folder, without the annotation file beside them."""
    from balloon_splash.media.formats import is_picture

    return [str(path) for path in sorted(folder.iterdir()) if is_picture(path)]


def _splash(inputs: Sequence[str], splashed: Path, *options: str) -> int:
    from balloon_splash.cli import splash

    return splash.main(["--input", *inputs, "--output", f"{splashed}/", "--overwrite", "--compare", *options])
