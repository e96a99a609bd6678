"""Command line of ``tools/convert_matterport.py``: an old ``.h5`` as weights for every command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli, share
from balloon_splash.cli.parser import Parser, add_opts

EXAMPLES = """\
examples:
  the model of the article, as balloon.py trained it:
    %(prog)s --weights mask_rcnn_balloon_0030.h5 --class-names balloon --output old_balloon.safetensors
  a model with its own configuration:
    %(prog)s --weights mask_rcnn_shapes_0010.h5 --class-names square circle triangle --output shapes.safetensors \\
      --image-min-dim 128 --image-max-dim 128 --anchor-scales 8 16 32 64 128 --min-confidence 0.7
then:
    splash.py --input photo.jpg --weights old_balloon.safetensors
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Convert weights of matterport's Mask R-CNN (.h5) to a file that every command here takes, with its "
        "configuration beside it. The results are those of the original.",
        EXAMPLES,
    )
    parser.add_argument(
        "--weights", type=Path, required=True, metavar="FILE", help=".h5 file of weights or of a whole model"
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="file to write, *.safetensors")
    parser.add_argument(
        "--class-names",
        nargs="+",
        required=True,
        metavar="NAME",
        help="names of the classes in the order of the add_class calls, without the background",
    )
    parts = parser.add_mutually_exclusive_group()
    parts.add_argument(
        "--equal", action="store_true", help="use layers that compute what the original does (default: on)"
    )
    parts.add_argument(
        "--stock",
        action="store_true",
        help="use Detectron2's own layers, an approximation for programs that have no others (default: off)",
    )
    parser.add_argument(
        "--storage",
        choices=("fp32", "fp16", "int8"),
        default="fp32",
        help="type of each large weight; only fp32 is exact (default: %(default)s)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files (default: refuse)")
    group = parser.add_argument_group("settings of the program that trained the model, which the file does not hold")
    _add_photos(group)
    _add_anchors(group)
    _add_objects(group)
    add_opts(group)
    return parser


def _add_photos(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--image-min-dim", type=int, default=800, metavar="PX", help="IMAGE_MIN_DIM in pixels (default: %(default)s)"
    )
    group.add_argument(
        "--image-max-dim", type=int, default=1024, metavar="PX", help="IMAGE_MAX_DIM in pixels (default: %(default)s)"
    )
    group.add_argument(
        "--image-min-scale",
        type=float,
        default=0.0,
        metavar="FACTOR",
        help="IMAGE_MIN_SCALE, the smallest factor of resizing (default: 0, no limit)",
    )
    group.add_argument(
        "--resize-mode",
        choices=("square", "pad64", "none"),
        default="square",
        help="IMAGE_RESIZE_MODE, the shape to which photos are resized (default: %(default)s)",
    )
    group.add_argument(
        "--mean-pixel",
        nargs=3,
        type=float,
        default=(123.7, 116.8, 103.9),
        metavar="0-255",
        help="MEAN_PIXEL in the order red, green, blue (default: 123.7 116.8 103.9)",
    )


def _add_anchors(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--anchor-scales",
        nargs=5,
        type=float,
        default=(32, 64, 128, 256, 512),
        metavar="PX",
        help="RPN_ANCHOR_SCALES in pixels, one per level (default: 32 64 128 256 512)",
    )
    group.add_argument(
        "--anchor-ratios",
        nargs="+",
        type=float,
        default=(0.5, 1, 2),
        metavar="RATIO",
        help="RPN_ANCHOR_RATIOS, width by height (default: 0.5 1 2)",
    )


def _add_objects(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--min-confidence",
        type=share,
        default=0.9,
        metavar="0-1",
        help="DETECTION_MIN_CONFIDENCE, the lowest score of an object (default: %(default)s)",
    )
    group.add_argument(
        "--max-instances",
        type=int,
        default=100,
        metavar="N",
        help="DETECTION_MAX_INSTANCES, the largest number of objects per photo (default: %(default)s)",
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    from balloon_splash.export.from_matterport import MatterportSettings, convert_matterport

    converted = convert_matterport(
        args.weights,
        args.output,
        args.class_names,
        MatterportSettings(
            min_dim=args.image_min_dim,
            max_dim=args.image_max_dim,
            min_scale=args.image_min_scale,
            resize_mode=args.resize_mode,
            anchor_scales=args.anchor_scales,
            anchor_ratios=args.anchor_ratios,
            mean_pixel=args.mean_pixel,
            min_confidence=args.min_confidence,
            max_instances=args.max_instances,
        ),
        equal=not args.stock,
        storage=args.storage,
        opts=args.opts,
        overwrite=args.overwrite,
    )
    of = converted.architecture
    print(f"network        ResNet-{of.depth}-FPN, {of.num_classes} classes: {', '.join(args.class_names)}")
    print(f"file           {converted.weights} ({converted.weights.stat().st_size / 1e6:.1f} MB)")
    print(f"configuration  {converted.config}")
    return EXIT_OK
