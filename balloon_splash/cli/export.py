"""Command line of ``tools/export_model.py``: a trained model for a splash without torch, or for other programs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, run_cli, share
from balloon_splash.cli.model_options import add_trained_model
from balloon_splash.cli.parser import Parser, add_opts
from balloon_splash.errors import UsageError
from balloon_splash.progress import ProgressBar, say
from balloon_splash.weights.names import names_help
from balloon_splash.wording import counted

if TYPE_CHECKING:
    from balloon_splash.export.check import Difference
    from balloon_splash.export.model import Photos

PACKED = "packed"

EXAMPLES = """\
examples:
  one file that splash.py --weights runs without torch, in 8 bits by ranges measured on photos:
    %(prog)s --weights output/cups/model_best.pth --output exported --formats packed --check cups/val/a.jpg \\
        --calibration cups/train/*.jpg
  all formats of the model that ships:
    %(prog)s --output exported --check photo.jpg
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Export a trained model for a splash without torch and for other programs; check that each file finds what the "
        "original finds.",
        f"{names_help(training=False)}\n{EXAMPLES}",
    )
    add_trained_model(parser)
    parser.add_argument("--output", required=True, metavar="DIR", help="folder for the exported files")
    parser.add_argument("--name", default="model", help="name of the files, without suffix (default: %(default)s)")
    formats = (PACKED, "torchscript", "onnx", "openvino")
    parser.add_argument(
        "--formats",
        nargs="+",
        choices=formats,
        default=formats,
        help=f"formats to write; {PACKED} is the file that a splash runs without torch (default: all)",
    )
    parser.add_argument(
        "--check",
        nargs="+",
        required=True,
        metavar="PHOTO",
        help="photos on which to compare the exported model with the original; at least one must show an object",
    )
    parser.add_argument(
        "--confidence",
        type=share,
        default=0.5,
        metavar="0-1",
        help="lowest score of an object, from 0 to 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--calibration",
        nargs="+",
        default=[],
        metavar="PHOTO",
        help="photos on which to measure the ranges for 8-bit computation, for the packed file; 20 of the training "
        "photos are enough (default: none; the packed file keeps the ranges of packed weights)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files (default: refuse)")
    add_opts(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    from balloon_splash.media.reading import read_picture

    if args.calibration and PACKED not in args.formats:
        raise UsageError(f"--calibration is for the packed file; expected {PACKED} among --formats")
    photos = {name: read_picture(name).rgb8 for name in args.check}
    others = [name for name in args.formats if name != PACKED]
    with ProgressBar(total=len(args.formats), unit="format") as bar:
        if PACKED in args.formats:
            bar.set_description(PACKED)
            _export_packed(args, photos)
            bar.update()
        if others:
            _export_others(args, others, photos, bar)
    return EXIT_OK


def _export_packed(args: argparse.Namespace, photos: Photos) -> None:
    from balloon_splash.export.packed_model import export_packed

    packed, differences = export_packed(
        args.weights,
        Path(args.output, f"{args.name}.safetensors"),
        photos,
        config_file=args.config_file,
        confidence=args.confidence,
        calibration=args.calibration,
        opts=args.opts,
        overwrite=args.overwrite,
    )
    if packed.hindrance:
        say(f"{packed.path} ({PACKED}); runs with torch only: {packed.hindrance}", sys.stdout)
    else:
        say(f"{packed.path} ({PACKED}, {packed.n_bytes / 1e6:.1f} MB); largest differences from torch:", sys.stdout)
        _print(differences)


def _export_others(args: argparse.Namespace, formats: Sequence[str], photos: Photos, bar: ProgressBar) -> None:
    from balloon_splash.export.model import export
    from balloon_splash.inference.segmenter import Segmenter

    bar.set_description("loading the model")
    segmenter = Segmenter.from_config(
        args.config_file, args.weights, device="cpu", confidence=args.confidence, opts=args.opts
    )
    written = export(segmenter, Path(args.output), args.name, formats, photos, overwrite=args.overwrite)
    for name in formats:
        bar.set_description(name)
        _, path, differences = next(written)
        say(f"{path} ({name}); largest differences from torch:", sys.stdout)
        _print(differences)
        bar.update()
    say(f"how to run them without this package: {Path(args.output, f'{args.name}_example.py')}", sys.stdout)


def _print(differences: Mapping[str, Difference]) -> None:
    for photo, found in differences.items():
        objects = "other objects" if found.found < 0 else counted(found.found, "object")
        say(
            f"  {photo}: {objects} for {found.expected}, boxes {found.boxes:.2g} pixels, "
            f"scores {found.scores:.2g}, masks {found.masks:.2g}",
            sys.stdout,
        )
