"""Command line of the data report: ``tools/inspect_data.py`` and ``balloon-splash inspect-data``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.errors import UsageError

EXAMPLES = """\
examples:
  both splits of the balloons, which also shows photos that are in both:
    %(prog)s --dataset balloon_train --dataset balloon_val --balloon /data/balloon --output report
  your own annotations, made with VIA:
    %(prog)s --json kites/via_region_data.json --images kites --class-name kite --output report
"""


def build_parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(
        prog=Path(sys.argv[0]).name,
        description="Write an HTML report about a dataset: samples, sizes, faults, duplicates, fit of the anchors.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    data = parser.add_argument_group("what to look at")
    data.add_argument("--dataset", action="append", default=[], metavar="NAME", help="registered; may be given again")
    data.add_argument("--balloon", metavar="DIR", help="let balloon_train and balloon_val be DIR/train and DIR/val")
    data.add_argument("--json", type=Path, metavar="FILE", help="a VIA file that is not registered")
    data.add_argument("--images", type=Path, metavar="DIR", help="its photos (default: the folder of the file)")
    data.add_argument("--class-name", default="object", metavar="NAME", help="its class (default: %(default)s)")
    data.add_argument("--max-photos", type=int, default=300, metavar="N", help="to decode a dataset (%(default)s)")
    model = parser.add_argument_group("for which model")
    model.add_argument("--config-file", default="configs/balloon_R101_FPN.yaml", metavar="FILE", help="path or name")
    output = parser.add_argument_group("output")
    output.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder of the report")
    output.add_argument("--overwrite", action="store_true", help="replace a report that is there")
    output.add_argument("--quiet", action="store_true", help="no progress bars, no closing line")
    parser.add_argument("opts", nargs=argparse.REMAINDER, metavar="KEY VALUE", help="overrides of the configuration")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    if not args.dataset and args.json is None:
        raise UsageError("nothing to look at: expected --dataset NAME or --json FILE")
    if args.images is not None and args.json is None:
        raise UsageError("--images goes with --json, which names the annotations")
    if args.max_photos < 1:
        raise UsageError(f"--max-photos is {args.max_photos}, expected 1 or more")
    from balloon_splash.config import load_config
    from balloon_splash.inspect.dataset.report import inspect_data
    from balloon_splash.inspect.page.report import check_free

    started = time.monotonic()
    check_free(args.output, overwrite=args.overwrite)
    cfg = load_config(args.config_file, args.opts, device="cpu")
    names = [*args.dataset, *_register(args)]
    report = inspect_data(names, cfg, max_photos=args.max_photos, progress=not args.quiet)
    page = report.write(args.output, overwrite=args.overwrite)
    if not args.quiet:
        print(f"{page}: written in {time.monotonic() - started:.0f} s; open it in a browser")
    return EXIT_OK


def _register(args: argparse.Namespace) -> list[str]:
    """Register what the options point to; the name of the dataset of ``--json``, if there is one."""
    from balloon_splash.data.datasets.builtin import register_balloon
    from balloon_splash.data.datasets.catalog import register_via_instances

    if args.balloon:
        register_balloon(args.balloon)
    if args.json is None:
        return []
    name = args.json.stem
    register_via_instances(name, args.json, args.images or args.json.parent, class_names=[args.class_name])
    return [name]
