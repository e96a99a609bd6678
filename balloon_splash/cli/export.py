"""Command line of ``tools/export_model.py``: a trained model as TorchScript, ONNX or OpenVINO."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli, share
from balloon_splash.cli.parser import Parser, add_opts


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Export a trained model for other programs, and check that each file finds what the original finds."
    )
    parser.add_argument("--weights", metavar="W", help="weights: a path, a URL, or a name (default: balloon)")
    parser.add_argument(
        "--config-file",
        metavar="FILE",
        help="configuration: a path, one of ours, or one of Detectron2's zoo (default: the one beside the weights)",
    )
    parser.add_argument("--output", required=True, metavar="DIR", help="folder of the exported files")
    parser.add_argument("--name", default="model", help="name of the files, without suffix (default: %(default)s)")
    formats = ("torchscript", "onnx", "openvino")
    parser.add_argument(
        "--formats", nargs="+", choices=formats, default=formats, help="formats to write (default: all)"
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
    parser.add_argument("--overwrite", action="store_true", help="replace existing files (default: refuse)")
    add_opts(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    from balloon_splash.export.model import export
    from balloon_splash.inference.segmenter import Segmenter
    from balloon_splash.media.reading import read_picture

    photos = {name: read_picture(name).rgb8 for name in args.check}
    segmenter = Segmenter.from_config(
        args.config_file, args.weights, device="cpu", confidence=args.confidence, opts=args.opts
    )
    written = export(segmenter, Path(args.output), args.name, args.formats, photos, overwrite=args.overwrite)
    for name, path, differences in written:
        print(f"{path} ({name}); largest differences from torch:")
        for photo, found in differences.items():
            print(
                f"  {photo}: {found.found} objects, boxes {found.boxes:.2g} pixels, scores {found.scores:.2g}, "
                f"masks {found.masks:.2g}"
            )
    print(f"how to run them without this package: {Path(args.output, f'{args.name}_example.py')}")
    return EXIT_OK
