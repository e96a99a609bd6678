"""Videos, one after another; each is a stream of its own, and one bad video does not stop the others."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from balloon_splash.errors import BalloonSplashError, MediaError
from balloon_splash.media.inputs import Source
from balloon_splash.media.outputs import pipe_suffix, video_path
from balloon_splash.media.spool import send_to_stdout
from balloon_splash.media.video.codecs import WRITABLE_SUFFIXES
from balloon_splash.splash.look import Look
from balloon_splash.splash.select import Selection
from balloon_splash.splasher.detectors import Detector
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.outcomes import Job, Outcome, Summary
from balloon_splash.splasher.video_stream import Progress, VideoOptions, VideoSummary, splash_video


@dataclass(frozen=True)
class VideoFinisher:
    """How videos are splashed and written.

    Attributes:
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        options: part of the video, steadiness, encoding.
        taken: files, with all links resolved, that may be written to only if a job says so.
    """

    look: Look
    selection: Selection
    options: VideoOptions
    taken: Collection[Path] = frozenset()


def splash_videos(
    jobs: Sequence[Job],
    detector: Detector,
    finisher: VideoFinisher,
    *,
    allow_private: bool = False,
    report: Callable[[Outcome], None] = lambda outcome: None,
    progress: Progress | None = None,
) -> Summary:
    """Splash each video, with its sound.

    Args:
        jobs: the videos and their targets.
        detector: the model, or a file of what it found earlier.
        finisher: how.
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
        outcome = _splash_one(job, detector, finisher, allow_private, progress)
        summary.outcomes.append(outcome)
        report(outcome)
        if outcome.interrupted:
            break
    summary.seconds = time.monotonic() - start
    return summary


def _splash_one(
    job: Job, detector: Detector, finisher: VideoFinisher, allow_private: bool, progress: Progress | None
) -> Outcome:
    options = finisher.options
    frames = FrameSplasher(finisher.look, finisher.selection, followed=options.steadiness is not None)
    names: dict[str, str] = {}
    try:
        with job.source.local_file(allow_private=allow_private) as path, _target(job, path, finisher) as target:
            names = {str(path): job.source.name, **({} if job.target else {str(target): "standard output"})}
            video = splash_video(
                path,
                target,
                segment=frames.candidates_of(detector.video(job.source)),
                compose=frames.compose,
                options=options,
                progress=progress,
            )
            if job.target is None:
                send_to_stdout(target)
            else:
                job = Job(job.source, target)
    except (BalloonSplashError, FileExistsError) as error:
        return Outcome(job, error=_renamed(str(error), names))
    return Outcome(job, kept=len(frames.kept), video=video, notes=_notes(job.source, target, video, names))


@contextlib.contextmanager
def _target(job: Job, path: Path, finisher: VideoFinisher) -> Iterator[Path]:
    """The file to write, now that the one to read is at hand; a temporary one for standard output.

    A pipe gets a video when it is whole, like any other file: what fails leaves it empty.
    """
    transparent, encoding = finisher.look.transparent, finisher.options.encoding
    if job.target is None:
        suffix = pipe_suffix(job.source.relative, transparent=transparent, encoding=encoding, sound_of=path)
        with tempfile.TemporaryDirectory(prefix="balloon_splash_") as folder:
            yield Path(folder) / f"stdout{suffix}"
        return
    target = job.target
    if job.suffix_open:
        named = video_path(job.source.relative, transparent=transparent, encoding=encoding, sound_of=path)
        target = target.with_suffix(named.suffix)
    if target != job.target and target.resolve() in finisher.taken:
        raise MediaError(f"{target}: is an input, or another result of this run; give another --output")
    yield target


def _notes(source: Source, target: Path, video: VideoSummary, names: Mapping[str, str]) -> tuple[str, ...]:
    notes = [_renamed(warning, names) for warning in video.warnings]
    suffix = source.relative.suffix.lower()
    if suffix not in WRITABLE_SUFFIXES:
        notes.insert(0, f"videos cannot be written as {suffix}: the result is {target.suffix}")
    return tuple(notes)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """``text`` with what the user calls things in the place of temporary files."""
    for temporary, name in names.items():
        text = text.replace(temporary, name)
    return text
