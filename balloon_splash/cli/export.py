"""``export``: a trained model for other programs, as TorchScript, ONNX or OpenVINO."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="export_model.py",
        description="Write a trained model for other programs, and check that each finds what the original finds.",
    )
    parser.add_argument("--weights", metavar="W", help="path, URL, or a name, as for splash.py")
    parser.add_argument("--config-file", metavar="C", help="configuration (the one beside the weights)")
    parser.add_argument("--output", required=True, metavar="FOLDER", help="where the files go")
    parser.add_argument("--name", default="model", help="of the files, without suffix (%(default)s)")
    formats = ("torchscript", "onnx", "openvino")
    parser.add_argument("--formats", nargs="+", choices=formats, default=formats, help="only these (all)")
    parser.add_argument(
        "--check", nargs="+", required=True, metavar="PHOTO", help="compare on these; at least one with an object"
    )
    parser.add_argument("--confidence", type=float, default=0.5, metavar="0-1", help="lowest score (%(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there already")
    parser.add_argument("--opts", nargs="+", default=[], metavar="KEY VALUE", help="overrides of the configuration")
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
    return EXIT_OK
