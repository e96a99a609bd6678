"""Command line of ``tools/prepare_balloon.py``: the balloon dataset, or rendered balloons, for ``balloon_train``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.parser import Parser
from balloon_splash.errors import UsageError


def build_parser() -> Parser:
    """The command's options."""
    parser = Parser("Download and unpack the balloon dataset (74 photos, 38 MB), or render balloons instead.")
    parser.add_argument(
        "--output",
        metavar="DIR",
        type=Path,
        help="folder for the dataset (default: balloon, or synthetic_balloon, in $DETECTRON2_DATASETS or datasets)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace an existing dataset (default: refuse)")
    parser.add_argument(
        "--quiet", action="store_true", help="print errors only (default: also progress and a closing line)"
    )
    _add_official(parser)
    _add_synthetic(parser)
    return parser


def _add_official(parser: Parser) -> None:
    group = parser.add_argument_group("the balloon dataset")
    group.add_argument("--archive", metavar="FILE", type=Path, help="local copy of the archive (default: download it)")
    group.add_argument("--url", help="URL to download from (default: the official release)")
    group.add_argument("--sha256", metavar="HEX", help="SHA-256 that the archive must have (default: any)")
    group.add_argument(
        "--allow-http", action="store_true", help="accept plain http to other machines (default: https only)"
    )


def _add_synthetic(parser: Parser) -> None:
    group = parser.add_argument_group("rendered balloons")
    group.add_argument(
        "--synthetic", action="store_true", help="render balloons instead of downloading photos (default: download)"
    )
    group.add_argument(
        "--num-train",
        metavar="N",
        type=int,
        default=60,
        help="number of training pictures to render (default: %(default)s)",
    )
    group.add_argument(
        "--num-val",
        metavar="N",
        type=int,
        default=15,
        help="number of validation pictures to render (default: %(default)s)",
    )
    group.add_argument(
        "--seed", metavar="N", type=int, default=0, help="random seed of the rendered pictures (default: %(default)s)"
    )
    group.add_argument(
        "--scenes",
        metavar="KIND",
        nargs="+",
        choices=("party", "crowd", "hot-air"),
        default=["party"],
        help="kinds of rendered scenes, taken in turn: party, crowd, hot-air; a repeated one comes more often "
        "(default: party)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    if args.synthetic and (args.archive or args.url or args.sha256):
        raise UsageError("--synthetic renders pictures; expected it without --archive, --url and --sha256")
    if args.archive and args.url:
        raise UsageError("--archive and --url name two sources; expected one of them")
    from balloon_splash.data.datasets.folders import datasets_root

    datasets = datasets_root()
    message = _write_synthetic(args, datasets) if args.synthetic else _prepare_official(args, datasets)
    if not args.quiet:
        print(message)
    return EXIT_OK


def _write_synthetic(args: argparse.Namespace, datasets: Path) -> str:
    from balloon_splash.data.datasets.synthetic import write_synthetic_balloons

    folder = write_synthetic_balloons(
        args.output or datasets / "synthetic_balloon",
        num_train=args.num_train,
        num_val=args.num_val,
        seed=args.seed,
        kinds=args.scenes,
        overwrite=args.overwrite,
        progress=not args.quiet,
    )
    return f"{folder}: {args.num_train} training and {args.num_val} validation pictures rendered"


def _prepare_official(args: argparse.Namespace, datasets: Path) -> str:
    from balloon_splash.data.datasets.prepare import OFFICIAL_URL, is_complete_balloon, prepare_balloon

    output = args.output or datasets / "balloon"
    if not args.overwrite and is_complete_balloon(output):
        return f"{output}: already complete, nothing to do"
    folder = prepare_balloon(
        output,
        url=args.url or OFFICIAL_URL,
        archive=args.archive,
        sha256=args.sha256,
        allow_http=args.allow_http,
        overwrite=args.overwrite,
        progress=not args.quiet,
    )
    return f"{folder}: complete, all sizes and annotation files checked"
