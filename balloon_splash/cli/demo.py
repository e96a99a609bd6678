"""Command line of the demo: ``make demo``, ``tools/demo.py`` and ``balloon-splash demo``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import run_cli


def build_parser() -> argparse.ArgumentParser:
    """The options of the demo."""
    parser = argparse.ArgumentParser(
        description="Train a small model in a few minutes, evaluate it, and splash the validation pictures with it."
    )
    parser.add_argument(
        "--dataset",
        type=Path,
        metavar="DIR",
        help="folder with train/ and val/; by default the balloon dataset where DETECTRON2_DATASETS has it, else "
        "pictures that are rendered here",
    )
    parser.add_argument("--output", type=Path, default=Path("output/demo"), metavar="DIR", help="(%(default)s)")
    parser.add_argument("--iterations", type=int, metavar="N", help="train for so many steps")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    print("1. pictures", flush=True)
    from balloon_splash.data.folders import datasets_root
    from balloon_splash.demo import CONFIDENCE, find_data, run_demo

    data = find_data(args.dataset, datasets_root() / "balloon", args.output)
    print(f"   {data.root}\n2. training and evaluation, a few minutes", flush=True)
    weights = run_demo(data, args.output, iterations=args.iterations)
    print("3. splash of the validation pictures", flush=True)
    from balloon_splash.cli import splash

    splashed = args.output / f"splash_{data.name}"
    files = ["--input", str(data.root / "val"), "--output", f"{splashed}/", "--overwrite", "--compare"]
    code = splash.main([*files, "--weights", str(weights), "--confidence", str(CONFIDENCE)])
    print(f"pictures: {splashed}\nnumbers:  {weights.parent}/results.json, model beside them")
    return code
