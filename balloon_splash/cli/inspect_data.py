"""Command line of the data report: ``tools/inspect_data.py`` and ``balloon-splash inspect-data``."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.parser import Parser, add_classes, add_report, names
from balloon_splash.errors import UsageError

EXAMPLES = """\
examples:
  both splits of the balloons, and photos that are in both:
    %(prog)s --dataset /data/balloon --output report
  your own annotations, made with VIA:
    %(prog)s --annotations kites/via_region_data.json --images kites --class-names kite --output report
"""


def build_parser() -> Parser:
    """The command's options."""
    parser = Parser("Write an HTML report on a dataset: samples, sizes, faults, duplicates, anchors.", EXAMPLES)
    data = parser.add_argument_group("data")
    data.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="WHAT",
        help="a registered dataset, a folder with train/ and val/ in it, or a dataset file (YAML); may be repeated "
        "(default: none)",
    )
    data.add_argument(
        "--annotations",
        type=Path,
        metavar="FILE",
        help="an annotation file, or a folder of them, of any format that the README lists (default: none)",
    )
    data.add_argument(
        "--images", type=Path, metavar="DIR", help="photos of --annotations (default: looked up beside them)"
    )
    add_classes(data)
    data.add_argument(
        "--max-photos",
        type=int,
        default=300,
        metavar="N",
        help="decode at most N photos of a dataset, drawn at random (default: %(default)s)",
    )
    parser.add_alias("--json", "--annotations", type=Path)
    parser.add_alias("--class-name", "--class-names", type=names)
    parser.add_alias("--balloon", "--balloon")
    parser.add_argument(
        "--config-file",
        default="configs/balloon_R101_FPN.yaml",
        metavar="FILE",
        help="configuration of the model whose anchors are checked: a path, or a name from configs/ or Detectron2's "
        "zoo (default: %(default)s)",
    )
    add_report(parser)
    parser.add_overrides()
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    if not args.dataset and args.annotations is None:
        raise UsageError("nothing to inspect; expected --dataset WHAT or --annotations FILE")
    if args.images is not None and args.annotations is None:
        raise UsageError("--images without --annotations; expected both, or neither")
    if args.max_photos < 1:
        raise UsageError(f"--max-photos is {args.max_photos}, expected 1 or more")
    from balloon_splash.config import load_config
    from balloon_splash.inspect.dataset.report import inspect_data
    from balloon_splash.inspect.page.report import check_free

    started = time.monotonic()
    check_free(args.output, overwrite=args.overwrite)
    cfg = load_config(args.config_file, args.opts, device="cpu")
    names = _register(args)
    report = inspect_data(names, cfg, max_photos=args.max_photos, progress=not args.quiet)
    page = report.write(args.output, overwrite=args.overwrite)
    if not args.quiet:
        print(f"{page}: written in {time.monotonic() - started:.0f} s; open it in a browser")
    return EXIT_OK


def _register(args: argparse.Namespace) -> list[str]:
    """Register the datasets of the options; return the names of all datasets to inspect."""
    from balloon_splash.data.datasets.builtin import named_datasets, register_balloon
    from balloon_splash.data.datasets.catalog import register_instances
    from balloon_splash.data.datasets.layout import Split, classes_of

    if args.balloon:
        register_balloon(args.balloon)
    classes = {"class_names": args.class_names, "class_attribute": args.class_attribute}
    found = [name for what in args.dataset for name in named_datasets(what, **classes)]
    if args.annotations is None:
        return found
    name = args.annotations.stem
    if args.class_attribute is None and args.class_names is None and args.annotations.exists():
        classes["class_names"] = list(classes_of([Split(args.annotations, args.images)]))
    if args.class_attribute is None:
        classes["class_names"] = classes["class_names"] or ["object"]
    register_instances(name, args.annotations, args.images, **classes)
    return [*found, name]
