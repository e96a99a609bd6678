"""Run over many inputs: photos, videos, folders, globs, URLs and pipes, each splashed or reported."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from balloon_splash.errors import MediaError, UsageError
from balloon_splash.media.inputs import expand_inputs
from balloon_splash.media.spool import spooled
from balloon_splash.splasher.added_boxes import FOLLOWED_EVERY, part_inside
from balloon_splash.splasher.detection_files import Record, recording
from balloon_splash.splasher.finder import Finder, NamedFinder
from balloon_splash.splasher.finding import model_finder
from balloon_splash.splasher.options import RECORD_FLOOR, SplashOptions
from balloon_splash.splasher.outcomes import Summary
from balloon_splash.splasher.photo_batch import splash_photos
from balloon_splash.splasher.photo_results import PhotoResults
from balloon_splash.splasher.plan import Plan, make_plan
from balloon_splash.splasher.record_finder import RecordFinder
from balloon_splash.splasher.reports import SILENT, RunReport

if TYPE_CHECKING:
    from balloon_splash.splasher.annotation_file import AnnotationFile

FinderOrLoader: TypeAlias = "Finder | Callable[[], Finder]"
"""Finder, or a function that loads one, called once the plan is made, and only if there is work."""


def splash_inputs(
    inputs: Sequence[str],
    output: str | None = None,
    options: SplashOptions | None = None,
    *,
    finder: FinderOrLoader | None = None,
    report: RunReport = SILENT,
) -> Summary:
    """Splash everything that ``inputs`` name, as ``balloon-splash splash`` does.

    >>> splash_inputs(["holiday/"], "results/").failed     # doctest: +SKIP
    []

    Args:
        inputs: files, folders, globs, http(s) URLs, or ``-`` for standard input.
        output: a file, a folder, ``-`` for standard output, or None for ``<stem>_splash.<ext>`` beside each input.
        options: all other options.
        finder: the model, or a function that loads it; None stands for the model that ships.
        report: receives progress and messages.

    Returns:
        one outcome per input. Errors of single inputs become outcomes.

    Raises:
        UsageError: inputs that do not exist, options that contradict each other.
        OutputExistsError: results already exist, and ``options.existing`` is ``refuse``.
        BalloonSplashError: the model or the record cannot be read, the record cannot be written.
    """
    options = options or SplashOptions()
    options.look.check()
    with spooled(expand_inputs(inputs, recursive=options.recursive, note=report.note)) as sources:
        plan = make_plan(sources, output, options)
        if options.add_boxes:
            _check_boxes(plan, options)
        with _record(options) as record:
            named = _named_finder(finder, options, record, report) if plan.photos or plan.videos else None
            report.begin(len(plan.photos), len(plan.videos))
            if options.files.quality is not None and all(source.is_video for source in sources):
                report.note("--quality is for photos; videos have --video-quality")
            if options.of_photos and plan.videos:
                report.note(f"{options.of_photos} are made of photos; the videos get none")
            for outcome in plan.settled:
                report.settled(outcome)
            summary = Summary() if named is None else _run(plan, options, named, report)
            summary.outcomes += plan.settled
    return summary


def _run(plan: Plan, options: SplashOptions, finder: NamedFinder, report: RunReport) -> Summary:
    """Splash the photos, then the videos."""
    results = PhotoResults(options.files, plan.taken, plan.twins)
    annotations = _annotations(options)
    done = splash_photos(
        plan.photos,
        finder,
        options.look,
        options.selection,
        results if annotations is None else annotations.added_to(results),
        batch_size=options.batch_size,
        allow_private=options.allow_private_urls,
        report=report.photo,
    )
    if annotations is not None:
        for loss in annotations.write(done.outcomes):
            report.note(loss)
    if not plan.videos:
        return done
    from balloon_splash.splasher.video_batch import splash_videos  # imports PyAV, which photos do not need

    video = options.video
    if options.detections and video.every is None:
        video = replace(video, every=1)  # a record has every frame at once
    if options.add_boxes:
        video = replace(video, every=min(video.every or FOLLOWED_EVERY, FOLLOWED_EVERY))
    videos = splash_videos(
        plan.videos,
        finder,
        options.look,
        options.selection,
        video,
        taken=plan.taken,
        allow_private=options.allow_private_urls,
        report=report.video,
        progress=report.frame,
    )
    return Summary([*done.outcomes, *videos.outcomes], done.seconds + videos.seconds)


def _check_boxes(plan: Plan, options: SplashOptions) -> None:
    """Refuse boxes outside the frames of a video that is already here, before a model is loaded.

    Raises:
        BoxOutsideError: a box is outside the picture.
    """
    from balloon_splash.splasher.video_stream import first_frame  # imports PyAV, which photos do not need

    for job in plan.videos:
        if job.source.file is None:
            continue
        with contextlib.suppress(MediaError):  # reported with the other outcomes
            size = first_frame(job.source.file, options.video.clip.start).rgb.shape[:2]
            for box in options.add_boxes:
                part_inside(box, size, job.source.name)


def _annotations(options: SplashOptions) -> AnnotationFile | None:
    if options.save_annotations is None:
        return None
    from balloon_splash.splasher.annotation_file import AnnotationFile  # imports Shapely, which other runs do not need

    overwrite = options.existing == "overwrite"
    return AnnotationFile(options.save_annotations, options.annotation_format, overwrite=overwrite)


def _record(options: SplashOptions) -> contextlib.AbstractContextManager[Record | None]:
    if not options.save_detections:
        return contextlib.nullcontext()
    return recording(options.save_detections, overwrite=options.existing == "overwrite")


def _named_finder(
    finder: FinderOrLoader | None, options: SplashOptions, record: Record | None, report: RunReport
) -> NamedFinder:
    if options.detections:
        if options.tiles is not None or options.add_boxes:
            raise UsageError("--tiles and --add-box need the model; expected them without --detections")
        recorded = RecordFinder(options.detections)
        if options.selection.floor < RECORD_FLOOR <= recorded.lowest:
            report.note(
                f"{options.detections} holds scores of {recorded.lowest:.2g} and more; --confidence "
                f"{options.selection.confidence:g} finds more only in a record saved with it"
            )
        return recorded
    model = _load(finder or partial(_shipped, options))
    options.selection.check(model.class_names)
    return model_finder(model, tiles=options.tiles, add_boxes=options.add_boxes, record=record, note=report.note)


def _load(finder: FinderOrLoader) -> Finder:
    return finder if isinstance(finder, Finder) else finder()


def _shipped(options: SplashOptions) -> Finder:
    from balloon_splash.splasher.loading import load_finder

    return load_finder(confidence=options.floor)
