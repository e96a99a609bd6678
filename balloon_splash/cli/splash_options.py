"""The options of ``splash``, in groups of what people want."""

from __future__ import annotations

import argparse

from balloon_splash.cli.common import number, share
from balloon_splash.weights.names import names_help

EXAMPLES = """\
examples:
  splash.py --input photo.jpg --weights balloon.pth              writes photo_splash.jpg beside it
  splash.py --input holiday/ --recursive --output results/       a whole folder, photos and videos
  splash.py --input party.mp4 --weights balloon.pth              a video, with its sound
  splash.py --input party.mp4 --start 1:30 --end 1:45 --output clip.gif
  splash.py --input photo.jpg --background blur --soft           blurred ground, soft edges
  splash.py --input photo.jpg --background transparent           objects cut out, as PNG
  splash.py --input street.jpg --classes dog --largest           only the largest dog
  splash.py --input photo.jpg --save-detections found.json       then, without the model:
  splash.py --input photo.jpg --detections found.json --instances 2 --output second.jpg
  cat photo.jpg | splash.py --input - --output - > result.jpg    videos, too
  splash.py --input 0 --weights balloon.pth                      the webcam, live in a window

exit code: 0 all done, 1 inputs failed, 2 wrong use, 130 interrupted
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="splash.py",
        description="Keep the colour where the objects are and turn the rest grey.",
        epilog=f"{names_help(training=False)}\n{EXAMPLES}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
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


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what goes in and out")
    group.add_argument(
        "--input",
        nargs="+",
        required=True,
        metavar="WHAT",
        help="files, folders, globs, http(s) URLs, - for stdin, or the number of a webcam",
    )
    group.add_argument("--output", metavar="PATH", help="file, folder, or - for stdout (beside the input, *_splash.*)")
    group.add_argument("--recursive", action="store_true", help="look into the folders of folders, too")
    existing = group.add_mutually_exclusive_group()
    existing.add_argument("--overwrite", action="store_true", help="replace results that are there already")
    existing.add_argument("--skip-existing", action="store_true", help="leave them alone, and do the others")
    group.add_argument("--quality", type=_quality, metavar="1-100", help="instead of the photo's")
    group.add_argument(
        "--allow-private-urls", action="store_true", help="let URLs lead into the local network, and over plain http"
    )


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which model")
    group.add_argument("--weights", metavar="W", help="path, URL, or a name from the list below (balloon)")
    group.add_argument(
        "--config-file", metavar="C", help="configuration, ours or the zoo's (the one beside the weights)"
    )
    group.add_argument("--device", help="e.g. cpu or cuda (a GPU if there is one)")
    group.add_argument(
        "--backend",
        choices=("auto", "torch", "openvino"),
        default="auto",
        help="what computes (%(default)s: the fastest)",
    )
    group.add_argument(
        "--precision",
        choices=("auto", "fp32", "bf16", "int8"),
        default="auto",
        help="the later the faster; torch with fp32 is exact (%(default)s: bf16 where the device has it)",
    )
    group.add_argument(
        "--calibration", nargs="+", default=[], metavar="PHOTO", help="adjust int8 on these (the training photos)"
    )
    group.add_argument(
        "--batch-size", type=_positive, default=4, metavar="N", help="photos or frames a step (%(default)s)"
    )
    group.add_argument("--opts", nargs="+", default=[], metavar="KEY VALUE", help="overrides of the configuration")
    group.add_argument("--detections", metavar="FILE", help="take the objects from this file; no model is run")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which objects keep their colour")
    group.add_argument("--confidence", type=share, default=0.9, metavar="0-1", help="lowest score (%(default)s)")
    group.add_argument("--classes", nargs="+", default=[], metavar="NAME", help="only these classes")
    group.add_argument(
        "--instances", nargs="+", type=_positive, default=[], metavar="N", help="by the numbers that --labels shows"
    )
    group.add_argument(
        "--top-k", type=_positive, metavar="K", help="only the K with the best scores, in videos on average"
    )
    group.add_argument("--largest", action="store_true", help="only the largest, in videos on average")
    group.add_argument(
        "--box",
        nargs=4,
        type=float,
        metavar=("X0", "Y0", "X1", "Y1"),
        help="only those in this box; videos: that are there first",
    )
    group.add_argument(
        "--point",
        nargs=2,
        type=float,
        metavar=("X", "Y"),
        help="only the one at this pixel; videos: that is there first",
    )


def _add_background(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is shown elsewhere")
    group.add_argument(
        "--background",
        default="grey",
        metavar="B",
        help="grey, desaturate[:AMOUNT], blur[:PIXELS], pixelate[:PIXELS], black, white, any colour (#rrggbb), "
        "transparent, image:FILE (%(default)s)",
    )
    group.add_argument("--invert", action="store_true", help="keep the colour outside the objects instead")


def _add_edges(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("edges and marks")
    group.add_argument("--soft", action="store_true", help="soft edges, from the model's soft masks")
    group.add_argument("--feather", type=_length, default=0.0, metavar="PX", help="edges as soft as this")
    group.add_argument("--grow", type=_length, default=0.0, metavar="PX", help="enlarge the objects")
    group.add_argument("--shrink", type=_length, default=0.0, metavar="PX", help="make the objects smaller")
    group.add_argument(
        "--refine", type=_positive, nargs="?", const=16, default=0, metavar="PX", help="follow the picture's contours"
    )
    group.add_argument("--outline", action="store_true", help="draw a contour around each object")
    group.add_argument("--labels", action="store_true", help="write number, class and score at each object")


def _add_videos(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("videos and animations")
    group.add_argument("--start", type=_seconds, default=0.0, metavar="T", help="begin here: seconds or [h:]mm:ss")
    group.add_argument("--end", type=_seconds, metavar="T", help="end here")
    group.add_argument("--stride", type=_positive, default=1, metavar="N", help="only every Nth frame, at equal speed")
    group.add_argument("--max-frames", type=_positive, metavar="N", help="stop after so many frames")
    group.add_argument("--codec", metavar="C", help="h264, h265, vp9, av1, prores (what suits the file)")
    group.add_argument("--video-quality", type=int, metavar="Q", help="the codec's own scale: CRF, lower is better")
    group.add_argument("--no-audio", action="store_true", help="leave the sound out (it is copied)")
    group.add_argument("--no-steady", action="store_true", help="each frame on its own: objects are not followed")
    group.add_argument("--keep-partial", action="store_true", help="on Ctrl-C, keep what is done as a playable file")


def _add_extras(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what else is written, beside the result")
    group.add_argument("--save-mask", action="store_true", help="a photo's matte, *_splash_mask.png")
    group.add_argument("--save-masks", action="store_true", help="a mask for each object, *_splash_mask_NN.png")
    group.add_argument("--save-crops", action="store_true", help="each object cut out, *_splash_crop_NN.png")
    group.add_argument("--compare", action="store_true", help="before and after side by side, *_splash_compare.png")
    group.add_argument(
        "--save-detections", metavar="FILE", help="all objects found: .json (COCO) or .jsonl; videos need .jsonl"
    )


def _add_messages(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("messages")
    volume = group.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="errors only")
    volume.add_argument("-v", "--verbose", action="store_true", help="a line for each photo and video")
    group.add_argument("--json", action="store_true", help="the summary as JSON on stdout")


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} found, expected a whole number, 1 or more")
    return value


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
