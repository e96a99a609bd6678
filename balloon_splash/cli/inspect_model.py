"""Command line of ``tools/inspect_model.py``: report on a model with a photo, or on a dataset."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, run_cli, share
from balloon_splash.cli.model_options import add_trained_model
from balloon_splash.cli.parser import Parser, add_classes, add_device, add_report
from balloon_splash.compositing import DEFAULT_LOW_CONFIDENCE
from balloon_splash.errors import UsageError
from balloon_splash.weights.names import names_help

if TYPE_CHECKING:
    from balloon_splash.inspect.model.subject import Subject

EXAMPLES = """\
examples:
  one photo, stage by stage:
    %(prog)s --weights W --input photo.jpg --output report
  the same, compared with the ground truth:
    %(prog)s --weights W --input val/photo.jpg --annotations val/via_region_data.json --output report
  a whole split:
    %(prog)s --weights W --dataset /data/balloon --output report
  two checkpoints on the same photos:
    %(prog)s --weights model_0000199.pth --compare model_best.pth --dataset balloon_val --output report
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Write an HTML report on a model: its stages on one photo, or its accuracy on a dataset.",
        f"{names_help(training=False)}\n{EXAMPLES}",
    )
    model = parser.add_argument_group("model")
    add_trained_model(model)
    model.add_argument(
        "--compare", metavar="W", help="weights of a second model to compare on the same photos (default: none)"
    )
    model.add_argument(
        "--compare-config-file", metavar="FILE", help="configuration of the second model (default: --config-file)"
    )
    add_device(model)
    model.add_argument(
        "--confidence",
        type=share,
        default=DEFAULT_LOW_CONFIDENCE,
        metavar="0-1",
        help="lowest score of an object, from 0 to 1; a splash keeps an unsure one only beside a surer one, as "
        "the page says (default: %(default)s)",
    )
    photos = parser.add_argument_group("photos: --input, --dataset, or both for a photo of that dataset")
    photos.add_argument("--input", type=Path, metavar="PHOTO", help="photo to show stage by stage (default: none)")
    photos.add_argument(
        "--dataset",
        metavar="WHAT",
        help="a registered dataset, or a folder or dataset file (YAML), of which val is used; also the ground truth "
        "of --input (default: none)",
    )
    add_classes(photos)
    photos.add_argument(
        "--annotations", type=Path, metavar="FILE", help="VIA file with the ground truth of --input (default: none)"
    )
    photos.add_argument(
        "--limit",
        type=int,
        default=1000,
        metavar="N",
        help="use at most N photos of a dataset, spread evenly (default: %(default)s)",
    )
    add_report(parser)
    parser.add_alias("--json", "--annotations", type=Path)
    parser.add_alias("--balloon", "--balloon")
    parser.add_overrides()
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    _check(args)
    from balloon_splash.data.datasets.builtin import named_datasets, register_balloon
    from balloon_splash.inspect.model.report import photo_report, split_report
    from balloon_splash.inspect.page.report import check_free

    check_free(args.output, overwrite=args.overwrite)
    if args.balloon:
        register_balloon(args.balloon)
    classes = {"class_names": args.class_names, "class_attribute": args.class_attribute}
    dataset = named_datasets(args.dataset, **classes)[-1] if args.dataset else None
    subjects = _subjects(args)
    if args.input:
        dataset = _register_annotations(args, subjects[0]) if args.annotations else dataset
        report = photo_report(
            args.input, subjects, confidence=args.confidence, dataset_name=dataset, progress=not args.quiet
        )
    else:
        assert dataset is not None, "_check asks for one of the two"
        report = split_report(dataset, subjects, confidence=args.confidence, limit=args.limit, progress=not args.quiet)
    page = report.write(args.output, overwrite=args.overwrite)
    if not args.quiet:
        print(page)
    return EXIT_OK


def _check(args: argparse.Namespace) -> None:
    if not args.input and not args.dataset:
        raise UsageError("nothing to inspect; expected --input PHOTO or --dataset WHAT")
    if args.annotations and not args.input:
        raise UsageError("--annotations without --input; expected both, or neither")
    if args.annotations and args.dataset:
        raise UsageError("--annotations and --dataset both hold the ground truth of the photo; expected one of them")
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


def _register_annotations(args: argparse.Namespace, subject: Subject) -> str:
    """Register the VIA file as a dataset; return its name."""
    from balloon_splash.data.datasets.catalog import register_via_instances

    if len(subject.class_names) > 1:
        raise UsageError(
            f"--annotations is for models of one class, this one has {len(subject.class_names)}; expected --dataset"
        )
    register_via_instances("inspected_photo", args.annotations, args.input.parent, class_names=subject.class_names)
    return "inspected_photo"
