"""Options of ``splash``, grouped by purpose; most are those of ``batch`` as well."""

from __future__ import annotations

import argparse

from balloon_splash.cli.model_options import add_model
from balloon_splash.cli.parser import Parser
from balloon_splash.cli.table import add_group, add_option, read_as
from balloon_splash.option_table import BACKGROUND, EDGES, POSITIVE, QUALITY, SELECTION, TILES, VIDEOS
from balloon_splash.weights.names import names_help

EXAMPLES = """\
examples:
  %(prog)s --input photo.jpg                                    writes photo_splash.jpg beside it
  %(prog)s --input holiday/ --recursive --output results/       a whole folder, photos and videos
  %(prog)s --input party.mp4                                    a video, with its sound
  %(prog)s --input party.mp4 --start 1:30 --end 1:45 --output clip.gif
  %(prog)s --input photo.jpg --background blur --soft           blurred background, soft edges
  %(prog)s --input photo.jpg --background transparent           objects cut out, as PNG
  %(prog)s --input street.jpg --classes dog --largest           only the largest dog
  %(prog)s --input photo.jpg --save-detections found.json       then, without the model:
  %(prog)s --input photo.jpg --detections found.json --instances 2 --output second.jpg
  cat photo.jpg | %(prog)s --input - --output - > result.jpg    a pipe; takes videos, too
  %(prog)s --input 0                                            the webcam, live in a window

exit code: 0 all done, 1 inputs failed, 2 wrong use, 130 interrupted
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Keep the colour where the objects are and turn the rest grey.",
        f"{names_help(training=False)}\n{EXAMPLES}",
        elsewhere={"--image": "--input", "--video": "--input"},  # the article's
    )
    _add_files(parser)
    _add_model(parser)
    add_look(parser)
    _add_videos(parser)
    _add_further_results(parser)
    _add_messages(parser)
    return parser


def add_look(parser: Parser) -> None:
    """Add the choice of objects, background, edges and marks."""
    add_group(parser, "objects that keep their colour", SELECTION)
    add_group(parser, "background", BACKGROUND)
    edges = add_group(parser, "edges and marks", EDGES)
    edges.add_argument(
        "--strokes",
        metavar="FILE",
        help="PNG file of brush strokes over the photo, in any size: green adds to the objects, red removes from them, "
        "transparent leaves them (default: none)",
    )


def add_inputs(group: argparse._ActionsContainer, help_text: str) -> None:
    """Add the choice of inputs; ``help_text`` says what ``--input`` takes."""
    group.add_argument("--input", nargs="+", required=True, metavar="WHAT", help=help_text)
    group.add_argument("--recursive", action="store_true", help="search subfolders as well (default: off)")


def add_input_rules(group: argparse._ActionsContainer) -> None:
    """Add what applies to all inputs and their results."""
    add_option(group, QUALITY)
    group.add_argument(
        "--allow-private-urls",
        action="store_true",
        help="accept URLs on the local network, and plain http (default: refuse)",
    )


def add_finding(group: argparse._ActionsContainer) -> None:
    """Add how pictures go through the model."""
    group.add_argument(
        "--batch-size",
        type=read_as(POSITIVE),
        default=4,
        metavar="N",
        help="number of photos or frames that go through the model at once (default: %(default)s)",
    )
    add_option(group, TILES)


def add_videos(parser: Parser) -> argparse._ArgumentGroup:
    """Add the options of videos."""
    return add_group(parser, "videos and animations", VIDEOS)


def add_photo_files(parser: Parser) -> argparse._ArgumentGroup:
    """Add the files beside the splash of a photo."""
    group = parser.add_argument_group("further results, written beside the splash")
    group.add_argument(
        "--save-mask", action="store_true", help="write the matte of each photo, *_splash_mask.png (default: off)"
    )
    group.add_argument(
        "--save-masks", action="store_true", help="write one mask per object, *_splash_mask_NN.png (default: off)"
    )
    group.add_argument(
        "--save-crops", action="store_true", help="write one cut-out per object, *_splash_crop_NN.png (default: off)"
    )
    group.add_argument(
        "--compare",
        action="store_true",
        help="write before and after in one picture, beside or above each other, *_splash_compare.png (default: off)",
    )
    return group


def _add_files(parser: Parser) -> None:
    group = parser.add_argument_group("input and output")
    add_inputs(group, "files, folders, globs, http(s) URLs, - for standard input, or the number of a webcam")
    group.add_argument(
        "--output",
        metavar="PATH",
        help="file or folder for results, - for standard output (default: *_splash.* beside each input)",
    )
    existing = group.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace existing results (default: refuse)")
    existing.add_argument(
        "--skip-existing", action="store_true", help="skip inputs whose result already exists (default: refuse)"
    )
    add_input_rules(group)


def _add_model(parser: Parser) -> None:
    group = add_model(parser)
    add_finding(group)
    group.add_argument(
        "--detections",
        metavar="FILE",
        help="take the objects from this file of --save-detections, or of COCO with RLE masks, instead of running the "
        "model (default: none)",
    )


def _add_videos(parser: Parser) -> None:
    group = add_videos(parser)
    group.add_argument(
        "--keep-partial",
        action="store_true",
        help="on Ctrl-C, keep the part of the video that is done (default: keep no file)",
    )


def _add_further_results(parser: Parser) -> None:
    group = add_photo_files(parser)
    group.add_argument(
        "--save-detections",
        metavar="FILE",
        help="write a record of all objects, .json (COCO) or .jsonl; videos need .jsonl (default: none)",
    )
    group.add_argument(
        "--save-annotations",
        metavar="PATH",
        help="write the outlines of the objects that keep their colour in photos, for correction and training: a file, "
        "or a folder for labelme and yolo (default: none)",
    )
    group.add_argument(
        "--annotation-format",
        choices=("via2", "coco", "labelme", "yolo", "submission"),
        help="format of --save-annotations; submission is the run-length CSV of the nucleus competition "
        "(default: via2)",
    )


def _add_messages(parser: Parser) -> None:
    group = parser.add_argument_group("messages")
    volume = group.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print errors only (default: also progress and notes)")
    volume.add_argument(
        "-v", "--verbose", action="store_true", help="also print one line per photo and video (default: off)"
    )
    group.add_argument("--json", action="store_true", help="print a summary as JSON on standard output (default: off)")
