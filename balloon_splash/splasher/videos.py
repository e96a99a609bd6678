"""Videos, one after another; each is a stream of its own, and one bad video does not stop the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from balloon_splash.errors import BalloonSplashError
from balloon_splash.media.inputs import Source
from balloon_splash.media.video.codecs import WRITABLE_SUFFIXES
from balloon_splash.splash.look import Look
from balloon_splash.splash.select import Selection
from balloon_splash.splasher.detectors import Detector
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.outcomes import Job, Outcome, Summary
from balloon_splash.splasher.video import Progress, VideoOptions, splash_video


def splash_videos(
    jobs: Sequence[Job],
    detector: Detector,
    look: Look,
    selection: Selection,
    *,
    options: VideoOptions,
    allow_private: bool = False,
    report: Callable[[Outcome], None] = lambda outcome: None,
    progress: Progress | None = None,
) -> Summary:
    """Splash each video, with its sound.

    Args:
        jobs: the videos and their targets, which must be files.
        detector: the model, or a file of what it found earlier.
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        options: part of the video, steadiness, encoding.
        allow_private: URLs may lead to addresses inside the local network.
        report: called once for each video, when it is done or has failed.
        progress: told after each frame.

    Returns:
        one outcome for each job, in order; after Ctrl-C with ``options.keep_partial``, none for the videos that were
        not begun. Errors that a user can mend become outcomes; others are raised.
    """
    start = time.monotonic()
    summary = Summary()
    for job in jobs:
        outcome = _splash_one(job, detector, FrameSplasher(look, selection), options, allow_private, progress)
        summary.outcomes.append(outcome)
        report(outcome)
        if outcome.interrupted:
            break
    summary.seconds = time.monotonic() - start
    return summary


def _splash_one(
    job: Job,
    detector: Detector,
    frames: FrameSplasher,
    options: VideoOptions,
    allow_private: bool,
    progress: Progress | None,
) -> Outcome:
    assert job.target is not None, "a video cannot be written to standard output"
    try:
        with job.source.local_file(allow_private=allow_private) as path:
            video = splash_video(
                path,
                job.target,
                segment=frames.candidates(detector.video(job.source, options.clip)),
                compose=frames.compose,
                options=options,
                progress=progress,
            )
    except (BalloonSplashError, FileExistsError) as error:
        return Outcome(job, error=str(error))
    return Outcome(
        job, kept=len(frames.kept), video=video, notes=(*_new_format(job.source, job.target), *video.warnings)
    )


def _new_format(source: Source, target: Path) -> tuple[str, ...]:
    suffix = source.relative.suffix.lower()
    return (
        () if suffix in WRITABLE_SUFFIXES else (f"videos cannot be written as {suffix}: the result is {target.suffix}",)
    )
