"""Command line of ``tools/inspect_model.py``: what a model does with a photo, and how good it is on a dataset."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, run_cli, share
from balloon_splash.errors import UsageError
from balloon_splash.weights.names import names_help

if TYPE_CHECKING:
    from balloon_splash.inspect.model.subject import Subject

EXAMPLES = """\
examples:
  one photo, stage by stage:
    %(prog)s --weights W --input photo.jpg --output report
  the same, held against the ground truth:
    %(prog)s --weights W --input val/photo.jpg --json val/via_region_data.json --output report
  a whole split:
    %(prog)s --weights W --dataset balloon_val --balloon /data/balloon --output report
  two checkpoints on the same photos:
    %(prog)s --weights model_0000199.pth --compare model_best.pth --dataset balloon_val --output report
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog=Path(sys.argv[0]).name,
        description="Show what a model does with a photo, stage by stage, or how good it is on a dataset.",
        epilog=f"{names_help(training=False)}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    model = parser.add_argument_group("model")
    model.add_argument("--config-file", metavar="FILE", help="path or name (config.yaml beside the weights)")
    model.add_argument("--weights", metavar="W", help="path, URL, or a name (balloon)")
    model.add_argument("--compare", metavar="W", help="weights of a second model, for the same photos")
    model.add_argument("--compare-config-file", metavar="FILE", help="its configuration (the same)")
    model.add_argument("--device", help="cpu, cuda, ...; by default a GPU if there is one")
    model.add_argument("--confidence", type=share, default=0.5, metavar="0-1", help="lowest score (default: 0.5)")
    photos = parser.add_argument_group("photos: --input, --dataset, or both for a photo of that dataset")
    photos.add_argument("--input", type=Path, metavar="PHOTO", help="one photo, to be shown stage by stage")
    photos.add_argument("--dataset", metavar="NAME", help="registered dataset: all of it, or where --input's truth is")
    photos.add_argument("--json", type=Path, metavar="FILE", help="VIA file with the ground truth of --input")
    photos.add_argument("--balloon", metavar="DIR", help="where balloon_train and balloon_val are: train/ and val/")
    photos.add_argument("--limit", type=int, default=1000, help="take so many photos of a larger dataset (1000)")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the report")
    parser.add_argument("--overwrite", action="store_true", help="replace a report that is there")
    parser.add_argument("--quiet", action="store_true", help="no progress, no closing line")
    parser.add_argument("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="overrides of the configuration")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    _check(args)
    from balloon_splash.data.datasets.builtin import register_balloon
    from balloon_splash.inspect.model.report import photo_report, split_report
    from balloon_splash.inspect.page.report import check_free

    check_free(args.output, overwrite=args.overwrite)
    if args.balloon:
        register_balloon(args.balloon)
    subjects = _subjects(args)
    if args.input:
        dataset = _register_json(args, subjects[0]) if args.json else args.dataset
        report = photo_report(
            args.input, subjects, confidence=args.confidence, dataset_name=dataset, progress=not args.quiet
        )
    else:
        report = split_report(
            args.dataset, subjects, confidence=args.confidence, limit=args.limit, progress=not args.quiet
        )
    page = report.write(args.output, overwrite=args.overwrite)
    if not args.quiet:
        print(page)
    return EXIT_OK


def _check(args: argparse.Namespace) -> None:
    if not args.input and not args.dataset:
        raise UsageError("nothing to look at; expected --input PHOTO or --dataset NAME")
    if args.json and not args.input:
        raise UsageError("--json tells the truth of one photo; expected --input PHOTO with it")
    if args.json and args.dataset:
        raise UsageError("--json and --dataset both say where the truth is: choose one")
    if args.compare_config_file and not args.compare:
        raise UsageError("--compare-config-file without --compare; expected the weights of the second model")
    if args.limit < 1:
        raise UsageError(f"--limit {args.limit}; expected 1 or more")
    if args.input and not args.input.is_file():
        raise UsageError(f"{args.input}: no such photo")


def _subjects(args: argparse.Namespace) -> list[Subject]:
    from balloon_splash.inspect.model.subject import Subject

    if not args.quiet:
        print("loading the model", file=sys.stderr)
    subjects = [Subject.load(args.config_file, args.weights, device=args.device, opts=args.opts)]
    if args.compare:
        config = args.compare_config_file or args.config_file  # None: the one beside the second weights
        subjects.append(Subject.load(config, args.compare, device=args.device, opts=args.opts))
    return subjects


def _register_json(args: argparse.Namespace, subject: Subject) -> str:
    """Make a dataset of the VIA file; returns its name."""
    from balloon_splash.data.datasets.catalog import register_via_instances

    if len(subject.class_names) > 1:
        raise UsageError(f"--json is for models of one class, this one has {len(subject.class_names)}; use --dataset")
    register_via_instances("inspected_photo", args.json, args.input.parent, class_names=subject.class_names)
    return "inspected_photo"
