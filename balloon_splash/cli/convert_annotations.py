"""Command line of ``tools/convert_annotations.py``: annotations of one tool, written for another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.parser import Parser
from balloon_splash.wording import counted

#: Spelled out here so that ``--help`` does not load the readers; a test compares.
TARGETS = ("via2", "coco", "labelme", "yolo", "submission")
SOURCES = (
    "auto", "via", "via3", "labelme", "coco", "yolo", "cvat", "rectlabel", "label-studio", "labelbox",
    "superannotate", "supervisely", "isat", "voc", "png-masks",
)  # fmt: skip
EXAMPLES = """\
examples:
  CVAT's COCO export, to correct in VIA 2, with regions painted by its brush as objects:
    %(prog)s cvat/annotations/instances_default.json via_region_data.json --to via2 --crowds-as-objects
  a VIA file whose regions have an attribute "class", in Ultralytics' layout:
    %(prog)s kites/train/via_region_data.json kites_yolo --to yolo --class-attribute class
"""


def build_parser() -> Parser:
    """The command's options."""
    parser = Parser("Convert annotations from one format to another.", EXAMPLES)
    parser.add_argument("source", metavar="FROM", type=Path, help="annotation file, or folder of annotations")
    parser.add_argument(
        "target", metavar="TO", type=Path, help="file (via2, coco, submission) or folder (labelme, yolo) to write"
    )
    parser.add_argument(
        "--to",
        required=True,
        choices=TARGETS,
        help="format to write; submission is the run-length CSV of the nucleus competition",
    )
    parser.add_argument(
        "--format", default="auto", choices=SOURCES, help="format of FROM (default: recognised by its content)"
    )
    parser.add_argument("--images", metavar="DIR", type=Path, help="folder of the photos (default: the folder of FROM)")
    parser.add_argument(
        "--class-name", metavar="NAME", help="class of all objects, for VIA files and masks (default: object)"
    )
    parser.add_argument(
        "--class-attribute",
        metavar="KEY",
        help="attribute of VIA regions that holds the class (default: one class for all regions)",
    )
    parser.add_argument(
        "--crowds-as-objects",
        action="store_true",
        help="treat regions with iscrowd 1 as objects (default: keep them as crowds)",
    )
    parser.add_argument(
        "--close-polylines", action="store_true", help="close open polylines to polygons (default: leave them out)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="stop at the first fault (default: report it and continue)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace existing files (default: refuse)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    from balloon_splash.data.annotations.convert import convert_annotations
    from balloon_splash.data.annotations.records import ReadOptions

    options = ReadOptions(
        class_names=(args.class_name,) if args.class_name else None,
        class_attribute=args.class_attribute,
        close_polylines=args.close_polylines,
        crowds_as_objects=args.crowds_as_objects,
        strict=args.strict,
    )
    report, lost = convert_annotations(
        args.source,
        args.target,
        args.to,
        images=args.images,
        format=args.format,
        options=options,
        overwrite=args.overwrite,
    )
    written = f"{counted(report.n_photos, 'photo')}, {counted(report.n_instances, 'object')}"
    print(f"{args.target}: {written} written for {args.to}")
    for line in lost:
        print(f"lost: {line}")
    if args.to == "yolo":
        print(f"copy the photos into {args.target / 'images'}")
    return EXIT_OK
