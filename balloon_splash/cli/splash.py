"""``splash``: keep the colour where the objects are, grey everywhere else."""

from __future__ import annotations

import argparse
import contextlib
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from balloon_splash.cli.common import EXIT_OK, run_cli
from balloon_splash.cli.quick_start import quick_imports
from balloon_splash.cli.splash_options import build_parser
from balloon_splash.errors import UsageError

if TYPE_CHECKING:
    from balloon_splash.cli.splash_report import Progress
    from balloon_splash.inference.segmenter import Segmenter
    from balloon_splash.splash.look import Look
    from balloon_splash.splash.select import Selection
    from balloon_splash.splasher.detection_files import Record
    from balloon_splash.splasher.detectors import Detector
    from balloon_splash.splasher.outcomes import Summary
    from balloon_splash.splasher.photo_results import Files
    from balloon_splash.splasher.plan import Plan
    from balloon_splash.splasher.video_stream import VideoOptions


class Style(NamedTuple):
    """What the options say about the result."""

    look: Look
    selection: Selection
    options: VideoOptions


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, build_parser(), argv)


def _run(args: argparse.Namespace) -> int:
    if len(args.input) == 1 and args.input[0].isdecimal() and not Path(args.input[0]).exists():
        return _splash_webcam(int(args.input[0]), args)
    return _splash_files(args)


def _splash_files(args: argparse.Namespace) -> int:
    from PIL.Image import DecompressionBombWarning

    from balloon_splash.cli.splash_report import Progress, conclude
    from balloon_splash.media.inputs import expand_inputs
    from balloon_splash.media.spool import spooled
    from balloon_splash.splasher.outcomes import Summary
    from balloon_splash.splasher.plan import make_plan

    warnings.simplefilter("ignore", DecompressionBombWarning)  # such photos are refused, with an error of their own
    style = Style(_look(args), _selection(args), _video_options(args))
    photos, videos = Summary(), Summary()
    with spooled(expand_inputs(args.input, recursive=args.recursive)) as sources:
        plan = make_plan(args, sources, transparent=style.look.transparent, encoding=style.options.encoding)
        with _record(args) as record:
            detector = _detector(args, style.selection, record) if plan.photos or plan.videos else None
            with Progress(len(plan.photos), quiet=args.quiet, verbose=args.verbose) as progress:
                if args.quality is not None and all(source.is_video for source in sources):
                    progress.note("--quality is for photos; videos have --video-quality")
                for outcome in plan.settled:
                    progress.tell(outcome)
                if detector is not None:
                    photos, videos = _splash_plan(args, plan, style, detector, progress)
    plan.join(photos, videos)
    return conclude(photos, videos, quiet=args.quiet, as_json=args.json)


def _splash_plan(
    args: argparse.Namespace, plan: Plan, style: Style, detector: Detector, progress: Progress
) -> tuple[Summary, Summary]:
    """Splash the photos, then the videos."""
    from balloon_splash.splasher.photo_batch import splash_photos
    from balloon_splash.splasher.photo_results import PhotoFinisher
    from balloon_splash.splasher.video_batch import VideoFinisher, splash_videos

    photos = splash_photos(
        plan.photos,
        detector,
        PhotoFinisher(style.look, style.selection, _files(args), plan.taken, plan.twins),
        batch_size=args.batch_size,
        allow_private=args.allow_private_urls,
        report=progress.photo,
    )
    videos = splash_videos(
        plan.videos,
        detector,
        VideoFinisher(style.look, style.selection, style.options, plan.taken),
        allow_private=args.allow_private_urls,
        report=progress.video,
        progress=progress.frame,
    )
    return photos, videos


def _splash_webcam(index: int, args: argparse.Namespace) -> int:
    from balloon_splash.splasher.live import splash_webcam

    if args.output or args.detections or args.save_detections:
        raise UsageError(f"--input {index}: a webcam is shown in a window; nothing can be read or written beside it")
    look, selection = _look(args), _selection(args)
    splash_webcam(index, lambda: _segmenter(args, selection), look, selection, max_frames=args.max_frames)
    return EXIT_OK


def _look(args: argparse.Namespace) -> Look:
    from balloon_splash.media.reading import read_picture
    from balloon_splash.splash.look import Look

    kind, _, path = args.background.partition(":")
    if kind == "image" and not path:
        raise UsageError(f"--background {args.background}: names no picture; expected image:FILE")
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


def _files(args: argparse.Namespace) -> Files:
    from balloon_splash.splasher.photo_results import Files

    return Files(
        mask=args.save_mask,
        instance_masks=args.save_masks,
        crops=args.save_crops,
        compare=args.compare,
        quality=args.quality,
        overwrite=args.overwrite,
    )


def _video_options(args: argparse.Namespace) -> VideoOptions:
    from balloon_splash.media.video.clip import Clip
    from balloon_splash.media.video.codecs import Encoding
    from balloon_splash.splash.smoothing import Steadiness
    from balloon_splash.splasher.video_stream import VideoOptions

    return VideoOptions(
        clip=Clip(start=args.start, end=args.end, stride=args.stride, max_frames=args.max_frames),
        batch_size=args.batch_size,
        steadiness=None if args.no_steady else Steadiness(),
        encoding=Encoding(codec=args.codec, quality=args.video_quality, audio="drop" if args.no_audio else "copy"),
        overwrite=args.overwrite,
        keep_partial=args.keep_partial,
    )


def _record(args: argparse.Namespace) -> contextlib.AbstractContextManager[Record | None]:
    from balloon_splash.splasher.detection_files import recording

    if not args.save_detections:
        return contextlib.nullcontext()
    return recording(args.save_detections, overwrite=args.overwrite)


def _detector(args: argparse.Namespace, selection: Selection, record: Record | None) -> Detector:
    """The model, or the file that stands for it."""
    from balloon_splash.cli.splash_report import note
    from balloon_splash.splasher.detectors import ModelDetector, RecordedDetector

    if args.detections:
        return RecordedDetector(args.detections)
    tell = partial(note, quiet=args.quiet)
    return ModelDetector(_segmenter(args, selection), record, tell)


def _segmenter(args: argparse.Namespace, selection: Selection) -> Segmenter:
    with quick_imports():
        from balloon_splash.inference.segmenter import Segmenter

    segmenter = Segmenter.from_config(
        args.config_file,
        args.weights,
        device=args.device,
        confidence=args.confidence,
        backend=args.backend,
        precision=args.precision,
        calibration=args.calibration,
        opts=args.opts,
    )
    selection.check(segmenter.class_names)
    return segmenter
