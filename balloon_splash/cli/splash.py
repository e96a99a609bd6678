"""Command line of ``tools/splash.py``: keep the colour where the objects are, grey everywhere else."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.model_options import model_of
from balloon_splash.cli.splash_options import build_parser
from balloon_splash.cli.splash_values import options_of
from balloon_splash.errors import UsageError
from balloon_splash.option_table import VIDEOS

if TYPE_CHECKING:
    from balloon_splash.splasher.finder import Finder
    from balloon_splash.splasher.options import SplashOptions


def main(argv: Sequence[str] | None = None, *, finder: Finder | None = None) -> int:
    """Run the command; returns its exit code.

    Args:
        argv: arguments; None takes those of the process.
        finder: a finder to use in place of the model that the arguments name.
    """
    return run_cli(partial(_run, finder=finder), build_parser(), argv)


def _run(args: argparse.Namespace, finder: Finder | None) -> int:
    options = _options(args)
    if len(args.input) == 1 and args.input[0].isdecimal() and not Path(args.input[0]).exists():
        return _splash_webcam(int(args.input[0]), args, options, finder)
    return _splash_files(args, options, finder)


def _splash_files(args: argparse.Namespace, options: SplashOptions, finder: Finder | None) -> int:
    from balloon_splash.cli.splash_report import conclude
    from balloon_splash.media.inputs import STDIO
    from balloon_splash.media.opening import quiet_libraries
    from balloon_splash.splasher.reports import TerminalReport
    from balloon_splash.splasher.run import splash_inputs

    if args.json and args.output == STDIO:
        raise UsageError("--json and --output - both need standard output; expected one of them")
    quiet_libraries()
    of_videos = [option.flag for option in VIDEOS if getattr(args, option.name) != option.default]
    model = _loader(args, options) if finder is None else finder
    with TerminalReport(quiet=args.quiet, verbose=args.verbose, of_videos=of_videos) as report:
        summary = splash_inputs(args.input, args.output, options, finder=model, report=report)
    return conclude(summary, quiet=args.quiet, as_json=args.json)


def _options(args: argparse.Namespace) -> SplashOptions:
    options = options_of(args)
    if args.annotation_format and not args.save_annotations:
        raise UsageError(f"--annotation-format {args.annotation_format} without --save-annotations; expected both")
    return replace(
        options,
        video=replace(options.video, keep_partial=args.keep_partial),
        existing="overwrite" if args.overwrite else "skip" if args.skip_existing else "refuse",
        detections=args.detections,
        save_detections=args.save_detections,
        save_annotations=args.save_annotations,
        annotation_format=args.annotation_format or options.annotation_format,
    )


def _splash_webcam(index: int, args: argparse.Namespace, options: SplashOptions, finder: Finder | None) -> int:
    from balloon_splash.splasher.live import LIVE_SCALE, splash_webcam

    if args.tiles is not None or args.add_box:
        raise UsageError(f"--input {index}: a webcam takes neither --tiles nor --add-box")
    if args.output or args.detections or args.save_detections or args.save_annotations or options.files.extras:
        raise UsageError(f"--input {index}: a webcam is shown in a window; expected no other input and no output")
    args.scales = args.scales or [LIVE_SCALE]
    load = _loader(args, options) if finder is None else lambda: finder
    splash_webcam(index, load, options.look, options.selection, max_frames=args.max_frames)
    return EXIT_OK


def _loader(args: argparse.Namespace, options: SplashOptions) -> Callable[[], Finder]:
    """Return a function that loads the model that the arguments name."""
    from balloon_splash.splasher.loading import load_finder

    return partial(load_finder, **model_of(args, options.floor))
