"""Options of ``splash``, grouped by purpose."""

from __future__ import annotations

import argparse
from typing import Literal

from balloon_splash.cli.common import number, share
from balloon_splash.cli.parser import Parser, add_opts
from balloon_splash.compositing import DEFAULT_CONFIDENCE, DEFAULT_LOW_CONFIDENCE
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
  cat photo.jpg | %(prog)s --input - --output - > result.jpg    videos, too
  %(prog)s --input 0                                            the webcam, live in a window

exit code: 0 all done, 1 inputs failed, 2 wrong use, 130 interrupted
"""


def build_parser() -> Parser:
    """The command line."""
    parser = Parser(
        "Keep the colour where the objects are and turn the rest grey.", f"{names_help(training=False)}\n{EXAMPLES}"
    )
    _add_files(parser)
    _add_model(parser)
    _add_selection(parser)
    _add_background(parser)
    _add_edges(parser)
    _add_videos(parser)
    _add_extras(parser)
    _add_messages(parser)
    return parser


def _add_files(parser: Parser) -> None:
    group = parser.add_argument_group("input and output")
    group.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="WHAT",
        help="files, folders, globs, http(s) URLs, - for standard input, or the number of a webcam",
    )
    group.add_argument(
        "--output",
        metavar="PATH",
        help="file or folder for results, - for standard output (default: *_splash.* beside each input)",
    )
    group.add_argument("--recursive", action="store_true", help="search subfolders as well (default: do not)")
    existing = group.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace existing results (default: refuse)")
    existing.add_argument(
        "--skip-existing", action="store_true", help="skip inputs whose result already exists (default: refuse)"
    )
    group.add_argument(
        "--quality",
        type=_quality,
        metavar="1-100",
        help="quality of JPEG, WebP, HEIC and AVIF photos, from 1 to 100 (default: the photo's own)",
    )
    group.add_argument(
        "--allow-private-urls",
        action="store_true",
        help="accept URLs into the local network, and plain http (default: refuse)",
    )


def _add_model(parser: Parser) -> None:
    group = parser.add_argument_group("model")
    group.add_argument(
        "--weights", metavar="W", help="weights: a path, a URL, or a name from the list below (default: balloon)"
    )
    group.add_argument(
        "--config-file",
        metavar="FILE",
        help="configuration: a path, one of ours, or one of Detectron2's zoo (default: the one beside the weights)",
    )
    group.add_argument("--device", help="cpu, cuda, cuda:1, ... (default: a GPU if there is one)")
    group.add_argument(
        "--backend",
        choices=("auto", "torch", "openvino"),
        default="auto",
        help="engine that runs the model; auto takes the fastest available (default: %(default)s)",
    )
    group.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16", "int8"),
        default="auto",
        help="precision of the model, from exact to fast; auto takes int8 where OpenVINO runs a model packed with its "
        "ranges, else bf16 where the device has it, else fp32 (default: %(default)s)",
    )
    group.add_argument(
        "--calibration",
        nargs="+",
        default=[],
        metavar="PHOTO",
        help="photos on which to measure the ranges of int8 (default: the training photos)",
    )
    group.add_argument(
        "--batch-size",
        type=_positive,
        default=4,
        metavar="N",
        help="number of photos or frames that the model gets at once (default: %(default)s)",
    )
    group.add_argument(
        "--scales",
        nargs="+",
        type=_positive,
        default=[],
        metavar="PX",
        help="short edges, in pixels, at which the model sees each picture, such as 480 800; each costs a run of the "
        "model (default: the configuration's)",
    )
    group.add_argument(
        "--tiles",
        type=_tiles,
        metavar="auto|PX",
        help="also search large pictures in tiles of PX pixels, 1024 for auto, to find small objects (default: do not)",
    )
    add_opts(group)
    group.add_argument(
        "--detections",
        metavar="FILE",
        help="file of --save-detections, or COCO with RLE masks, from which to take the objects instead of running "
        "the model (default: none)",
    )


def _add_selection(parser: Parser) -> None:
    group = parser.add_argument_group("objects that keep their colour")
    group.add_argument(
        "--confidence",
        type=share,
        default=DEFAULT_CONFIDENCE,
        metavar="0-1",
        help="lowest score of an object, from 0 to 1 (default: %(default)s)",
    )
    low = group.add_mutually_exclusive_group()
    low.add_argument(
        "--low-confidence",
        type=share,
        metavar="0-1",
        help="lowest score, from 0 to 1, of an object beside one of its class that reaches "
        f"--confidence (default: {DEFAULT_LOW_CONFIDENCE})",
    )
    low.add_argument(
        "--no-low-confidence", action="store_true", help="require --confidence of every object (default: do not)"
    )
    group.add_argument(
        "--classes", nargs="+", default=[], metavar="NAME", help="keep only objects of these classes (default: all)"
    )
    group.add_argument(
        "--instances",
        nargs="+",
        type=_positive,
        default=[],
        metavar="N",
        help="keep only objects with these numbers, which --labels shows (default: all)",
    )
    group.add_argument(
        "--top-k",
        type=_positive,
        metavar="K",
        help="keep only the K objects with the best scores; in videos, with the best mean scores (default: all)",
    )
    group.add_argument(
        "--largest",
        action="store_true",
        help="keep only the largest object; in videos, the one with the largest mean area (default: all)",
    )
    group.add_argument(
        "--box",
        nargs=4,
        type=float,
        metavar=("X0", "Y0", "X1", "Y1"),
        help="keep only objects in this box, in pixels; in videos, those that appear there (default: all)",
    )
    group.add_argument(
        "--add-box",
        nargs=4,
        type=float,
        action="append",
        default=[],
        metavar=("X0", "Y0", "X1", "Y1"),
        help="add an object that the model has missed, in this box in pixels; in videos, in the first frame, from "
        "which it is followed; may be repeated (default: none)",
    )
    group.add_argument(
        "--point",
        nargs=2,
        type=float,
        metavar=("X", "Y"),
        help="keep only the object at this pixel; in videos, the one that appears there (default: all)",
    )


def _add_background(parser: Parser) -> None:
    group = parser.add_argument_group("background")
    group.add_argument(
        "--background",
        default="grey",
        metavar="B",
        help="background: grey, desaturate[:AMOUNT], blur[:PIXELS], pixelate[:PIXELS], black, white, any colour "
        "(#rrggbb), "
        "transparent, or image:FILE (default: %(default)s)",
    )
    group.add_argument("--invert", action="store_true", help="keep the colour outside the objects (default: inside)")


def _add_edges(parser: Parser) -> None:
    group = parser.add_argument_group("edges and marks")
    group.add_argument(
        "--soft", action="store_true", help="soften edges by the model's soft masks (default: hard edges)"
    )
    group.add_argument(
        "--feather",
        type=_length,
        default=0.0,
        metavar="PX",
        help="width of a soft ramp over the edge, in pixels (default: %(default)g)",
    )
    group.add_argument(
        "--grow",
        type=_length,
        default=0.0,
        metavar="PX",
        help="distance to grow the objects by, in pixels (default: %(default)g)",
    )
    group.add_argument(
        "--shrink",
        type=_length,
        default=0.0,
        metavar="PX",
        help="distance to shrink the objects by, in pixels (default: %(default)g)",
    )
    group.add_argument(
        "--refine",
        type=_positive,
        nargs="?",
        const=16,
        default=0,
        metavar="PX",
        help="fit edges to the picture's contours within PX pixels, 16 if PX is left out (default: do not)",
    )
    group.add_argument("--outline", action="store_true", help="draw a contour around each object (default: do not)")
    group.add_argument(
        "--labels", action="store_true", help="write number, class and score at each object (default: do not)"
    )


def _add_videos(parser: Parser) -> None:
    group = parser.add_argument_group("videos and animations")
    group.add_argument(
        "--start",
        type=_seconds,
        default=0.0,
        metavar="T",
        help="start of the part to keep, seconds or [h:]mm:ss (default: 0)",
    )
    group.add_argument(
        "--end", type=_seconds, metavar="T", help="end of the part to keep, seconds or [h:]mm:ss (default: the end)"
    )
    group.add_argument(
        "--stride", type=_positive, default=1, metavar="N", help="keep every Nth frame, at unchanged speed (default: 1)"
    )
    group.add_argument("--max-frames", type=_positive, metavar="N", help="stop after N frames (default: the end)")
    group.add_argument(
        "--every",
        type=_every,
        default=1,
        metavar="N|auto",
        help="run the model on every Nth frame, from 1 to 60, and more often where in doubt; optical flow carries "
        "objects over the frames between, which is faster and less exact; auto is 12, or 1 with --detections "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--codec", metavar="C", help="codec: h264, h265, vp9, av1 or prores (default: the usual one of the file type)"
    )
    group.add_argument(
        "--video-quality",
        type=int,
        metavar="Q",
        help="quality of the video on the codec's own scale, CRF; lower is better (default: the codec's)",
    )
    group.add_argument("--no-audio", action="store_true", help="leave the sound out (default: copy it)")
    group.add_argument(
        "--no-steady", action="store_true", help="splash each frame by itself (default: follow and smooth the objects)"
    )
    group.add_argument(
        "--keep-partial",
        action="store_true",
        help="on Ctrl-C, finish the file with the frames so far (default: no file)",
    )


def _add_extras(parser: Parser) -> None:
    group = parser.add_argument_group("further results, written beside the splash")
    group.add_argument(
        "--save-mask", action="store_true", help="write the matte of each photo, *_splash_mask.png (default: do not)"
    )
    group.add_argument(
        "--save-masks", action="store_true", help="write one mask per object, *_splash_mask_NN.png (default: do not)"
    )
    group.add_argument(
        "--save-crops", action="store_true", help="write one cut-out per object, *_splash_crop_NN.png (default: do not)"
    )
    group.add_argument(
        "--compare",
        action="store_true",
        help="write before and after side by side, *_splash_compare.png (default: do not)",
    )
    group.add_argument(
        "--save-detections",
        metavar="FILE",
        help="write a record of all objects, .json (COCO) or .jsonl; videos need .jsonl (default: none)",
    )
    group.add_argument(
        "--save-annotations",
        metavar="PATH",
        help="write the outlines of the objects that keep their colour in photos, to correct and train on: a file, or "
        "a folder for labelme and yolo (default: none)",
    )
    group.add_argument(
        "--annotation-format",
        choices=("via2", "coco", "labelme", "yolo", "submission"),
        default="via2",
        help="format of --save-annotations; submission is the run-length CSV of the nucleus competition (default: "
        "%(default)s)",
    )


def _add_messages(parser: Parser) -> None:
    group = parser.add_argument_group("messages")
    volume = group.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="print errors only (default: progress and notes as well)")
    volume.add_argument(
        "-v", "--verbose", action="store_true", help="also print one line per photo and video (default: do not)"
    )
    group.add_argument(
        "--json", action="store_true", help="print the summary as JSON to standard output (default: do not)"
    )


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} found, expected a whole number, 1 or more")
    return value


def _every(text: str) -> int | None:
    return None if text == "auto" else _positive(text)


def _tiles(text: str) -> int | Literal["auto"]:
    return "auto" if text == "auto" else _positive(text)


def _quality(text: str) -> int:
    value = _positive(text)
    if value > 100:
        raise argparse.ArgumentTypeError(f"{text} found, expected a whole number from 1 to 100")
    return value


def _length(text: str) -> float:
    value = number(text)
    if not 0 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} found, expected a number of pixels, 0 or more")
    return value


def _seconds(text: str) -> float:
    try:
        parts = [float(part) for part in text.split(":")]
    except ValueError:
        parts = []
    if not 1 <= len(parts) <= 3 or not all(0 <= part < float("inf") for part in parts):
        raise argparse.ArgumentTypeError(f"{text} found, expected seconds, mm:ss or h:mm:ss")
    return sum(part * 60**power for power, part in enumerate(reversed(parts)))
