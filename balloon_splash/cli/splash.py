"""``splash``: keep the colour where the objects are, grey everywhere else."""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from balloon_splash.cli.common import EXIT_OK, EXIT_SOME_FAILED, EXIT_USAGE, run_cli
from balloon_splash.errors import UsageError

if TYPE_CHECKING:
    from balloon_splash.media.inputs import Source
    from balloon_splash.splash.look import Look
    from balloon_splash.splash.select import Selection
    from balloon_splash.splash_photos import Detect, Outcome, Summary

EXAMPLES = """\
examples:
  splash.py --input photo.jpg --weights balloon.pth              writes photo_splash.jpg beside it
  splash.py --input holiday/ --recursive --output results/       a whole folder
  splash.py --input photo.jpg --background blur --soft           blurred ground, soft edges
  splash.py --input photo.jpg --background transparent           objects cut out, as PNG
  splash.py --input street.jpg --classes dog --largest           only the largest dog
  splash.py --input photo.jpg --save-detections found.json       then, without the model:
  splash.py --input photo.jpg --detections found.json --instances 2 --output second.jpg
  cat photo.jpg | splash.py --input - --output - > result.jpg

exit code: 0 all done, 1 some inputs failed, 2 wrong use or nothing done
"""


def build_parser() -> argparse.ArgumentParser:
    """The command line, in groups of what people want."""
    parser = argparse.ArgumentParser(
        prog="splash.py",
        description="Keep the colour where the objects are and turn the rest grey.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for add in (_add_files, _add_model, _add_selection, _add_background, _add_edges, _add_extras, _add_messages):
        add(parser)
    return parser


def _add_files(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what goes in and out")
    group.add_argument(
        "--input", nargs="+", required=True, metavar="WHAT", help="files, folders, globs, http(s) URLs, or - for stdin"
    )
    group.add_argument("--output", metavar="PATH", help="file, folder, or - for stdout (beside the input, *_splash.*)")
    group.add_argument("--recursive", action="store_true", help="look into the folders of folders, too")
    group.add_argument("--overwrite", action="store_true", help="replace results that are there already")
    group.add_argument("--quality", type=int, choices=range(1, 101), metavar="1-100", help="instead of the input's")
    group.add_argument("--allow-private-urls", action="store_true", help="let URLs lead into the local network")


def _add_model(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which model")
    group.add_argument("--weights", metavar="W", help="path, URL or model zoo name")
    group.add_argument("--config-file", metavar="C", help="the model's configuration (the package's default)")
    group.add_argument("--device", help="e.g. cpu or cuda (a GPU if there is one)")
    group.add_argument("--batch-size", type=_positive, default=1, metavar="N", help="photos a step (%(default)s)")
    group.add_argument("--opts", nargs="+", default=[], metavar="KEY VALUE", help="overrides of the configuration")
    group.add_argument("--detections", metavar="FILE", help="take the objects from this file; no model is run")


def _add_selection(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which objects keep their colour")
    group.add_argument("--confidence", type=_share, default=0.9, metavar="0-1", help="lowest score (%(default)s)")
    group.add_argument("--classes", nargs="+", default=[], metavar="NAME", help="only these classes")
    group.add_argument("--instances", nargs="+", type=_positive, default=[], metavar="N", help="by number, from 1")
    group.add_argument("--top-k", type=_positive, metavar="K", help="only the K with the best scores")
    group.add_argument("--largest", action="store_true", help="only the largest")
    group.add_argument("--box", nargs=4, type=float, metavar=("X0", "Y0", "X1", "Y1"), help="only those in this box")
    group.add_argument("--point", nargs=2, type=float, metavar=("X", "Y"), help="only the one at this pixel")


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
        "--refine", type=_positive, nargs="?", const=16, default=0, metavar="PX", help="follow the photo's contours"
    )
    group.add_argument("--outline", action="store_true", help="draw a contour around each object")
    group.add_argument("--labels", action="store_true", help="write number, class and score at each object")


def _add_extras(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what else is written, beside the result")
    group.add_argument("--save-mask", action="store_true", help="the matte, *_mask.png")
    group.add_argument("--save-masks", action="store_true", help="a mask for each object, *_mask_NN.png")
    group.add_argument("--save-crops", action="store_true", help="each object cut out, *_crop_NN.png")
    group.add_argument("--compare", action="store_true", help="before and after side by side, *_compare.png")
    group.add_argument("--save-detections", metavar="FILE", help="all objects found: .json (COCO) or .jsonl")


def _add_messages(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("messages")
    volume = group.add_mutually_exclusive_group()
    volume.add_argument("--quiet", action="store_true", help="errors only")
    volume.add_argument("-v", "--verbose", action="store_true", help="a line for each photo")
    group.add_argument("--json", action="store_true", help="the summary as JSON on stdout")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    from balloon_splash.media.inputs import expand_inputs

    if args.json and args.output == "-":
        raise UsageError("--json and --output - both want standard output: choose one")
    sources = expand_inputs(args.input, recursive=args.recursive)
    videos = [source for source in sources if source.is_video]
    photos = [source for source in sources if not source.is_video]
    if videos:
        _splash_videos(videos, args)
    return _splash_photos(photos, args)


def _splash_videos(videos: Sequence[Source], args: argparse.Namespace) -> None:
    """The one place where videos leave for their own pipeline."""
    raise UsageError(f"{videos[0].name}: videos cannot be splashed yet; expected photos")


def _splash_photos(photos: Sequence[Source], args: argparse.Namespace) -> int:
    from PIL.Image import DecompressionBombWarning

    from balloon_splash.media.outputs import plan_outputs
    from balloon_splash.splash_files import Files, PhotoFinisher
    from balloon_splash.splash_photos import Job, splash_photos

    warnings.simplefilter("ignore", DecompressionBombWarning)  # such photos are refused, with an error of their own
    look, selection = _look(args), _selection(args)
    files = Files(
        mask=args.save_mask,
        instance_masks=args.save_masks,
        crops=args.save_crops,
        compare=args.compare,
        quality=args.quality,
        overwrite=args.overwrite,
    )
    if files.extras and args.output == "-":
        raise UsageError("--output - takes the splash alone; masks, cut-outs and comparisons need a folder")
    targets = plan_outputs(photos, args.output, transparent=look.transparent, overwrite=args.overwrite)
    detect = _detector(args, selection)
    with _Progress(len(photos), quiet=args.quiet, verbose=args.verbose) as progress:
        summary = splash_photos(
            [Job(source, target) for source, target in zip(photos, targets, strict=True)],
            detect,
            PhotoFinisher(look, selection, files),
            batch_size=args.batch_size,
            allow_private=args.allow_private_urls,
            report=progress.report,
        )
    _save_detections(summary, args)
    return _conclude(summary, args)


def _look(args: argparse.Namespace) -> Look:
    from balloon_splash.media.reading import read_picture
    from balloon_splash.splash.look import Look

    kind, _, path = args.background.partition(":")
    background = read_picture(path).rgb if kind == "image" else args.background
    look = Look(
        background=background,
        invert=args.invert,
        soft=args.soft,
        feather=args.feather,
        grow=args.grow - args.shrink,
        refine=args.refine,
        outline=args.outline,
        labels=args.labels,
    )
    look.check()
    return look


def _selection(args: argparse.Namespace) -> Selection:
    from balloon_splash.splash.select import Selection

    return Selection(
        confidence=args.confidence,
        classes=args.classes,
        instances=args.instances,
        box=tuple(args.box) if args.box else None,
        point=tuple(args.point) if args.point else None,
        largest=args.largest,
        top_k=args.top_k,
    )


def _detector(args: argparse.Namespace, selection: Selection) -> Detect:
    """The model, or the file that stands for it."""
    if args.detections:
        from balloon_splash.splash_photos import recorded

        return recorded(args.detections)
    from balloon_splash.inference.segmenter import Segmenter

    segmenter = Segmenter.from_config(
        args.config_file, args.weights, device=args.device, confidence=args.confidence, opts=args.opts
    )
    selection.check(segmenter.class_names)
    return lambda sources, pictures: segmenter.detect([picture.rgb8 for picture in pictures])


def _save_detections(summary: Summary, args: argparse.Namespace) -> None:
    if args.save_detections:
        from balloon_splash.splash.records import write_detections

        found = {outcome.job.source.name: outcome.found for outcome in summary.done if outcome.found is not None}
        write_detections(found, args.save_detections, overwrite=args.overwrite)


def _conclude(summary: Summary, args: argparse.Namespace) -> int:
    """Print the summary and choose the exit code."""
    kept = sum(outcome.kept for outcome in summary.done)
    if not args.quiet:
        line = f"{len(summary.done)} of {len(summary.outcomes)} splashed, {kept} objects, {summary.seconds:.1f} s"
        print(line, file=sys.stderr)
    if args.json:
        print(json.dumps({"seconds": round(summary.seconds, 3), "photos": [_entry(o) for o in summary.outcomes]}))
    if not summary.failed:
        return EXIT_OK
    return EXIT_SOME_FAILED if summary.done else EXIT_USAGE


def _entry(outcome: Outcome) -> dict[str, Any]:
    target = outcome.job.target
    return {
        "input": outcome.job.source.name,
        "output": None if outcome.error or target is None else str(target),
        "found": None if outcome.found is None else len(outcome.found),
        "kept": outcome.kept,
        "error": outcome.error,
        "notes": list(outcome.notes),
    }


class _Progress:
    """A bar with ETA and the messages above it, all on stderr."""

    def __init__(self, total: int, *, quiet: bool, verbose: bool) -> None:
        from tqdm import tqdm

        self.quiet, self.verbose = quiet, verbose
        self.bar = tqdm(total=total, unit="photo", disable=quiet, file=sys.stderr)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()

    def report(self, outcome: Outcome) -> None:
        name = outcome.job.source.name
        if outcome.error is not None:
            self._say(f"error: {' '.join(outcome.error.split())}")
        elif not self.quiet:
            for note in outcome.notes:
                self._say(f"note: {name}: {note}")
            if self.verbose:
                self._say(f"{name}: {outcome.kept} objects -> {outcome.job.target or 'stdout'}")
        self.bar.update()

    def _say(self, line: str) -> None:
        self.bar.write(line, file=sys.stderr)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} found, expected 1 or more")
    return value


def _length(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 10_000:
        raise argparse.ArgumentTypeError(f"{text} found, expected 0 or more pixels")
    return value


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} found, expected a number from 0 to 1")
    return value
