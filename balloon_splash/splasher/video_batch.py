"""Batches of videos, one after another; one bad video does not stop the others."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.errors import BalloonSplashError, MediaError
from balloon_splash.media.inputs import Source
from balloon_splash.media.outputs import pipe_suffix, video_path
from balloon_splash.media.spool import send_to_stdout
from balloon_splash.media.video.codecs import WRITABLE_SUFFIXES, Encoding
from balloon_splash.splasher.added_boxes import BoxOutsideError
from balloon_splash.splasher.finder import NamedFinder
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.outcomes import Job, Outcome, Summary
from balloon_splash.splasher.video_stream import Progress, VideoOptions, VideoSummary, splash_video


def splash_videos(
    jobs: Sequence[Job],
    finder: NamedFinder,
    look: Look,
    selection: Selection,
    options: VideoOptions,
    *,
    taken: Collection[Path] = frozenset(),
    allow_private: bool = False,
    report: Callable[[Outcome], None] = lambda outcome: None,
    progress: Progress | None = None,
) -> Summary:
    """Splash each video, with its sound.

    Args:
        jobs: the videos and their targets.
        finder: the model, or a record.
        look: edges, background and marks.
        selection: which of the objects keep their colour.
        options: part of the video, steadiness, encoding.
        taken: files, with all links resolved, that may be written to only if a job says so.
        allow_private: let URLs lead to addresses inside the local network.
        report: function called once per video, when it is done or has failed.
        progress: function called after each frame.

    Returns:
        one outcome per job, in order; after Ctrl-C with ``options.keep_partial``, none for videos that had not
        started. Errors that a user can mend become outcomes; others are raised.

    Raises:
        BoxOutsideError: a box of ``finder`` lies outside a video.
    """
    start = time.monotonic()
    summary = Summary()
    for job in jobs:
        frames = FrameSplasher(look, selection, followed=options.steadiness is not None)
        target = partial(_target, job, transparent=look.transparent, encoding=options.encoding, taken=taken)
        outcome = _splash_one(job, finder, frames, target, options, allow_private, progress)
        summary.outcomes.append(outcome)
        report(outcome)
        if outcome.interrupted:
            break
    summary.seconds = time.monotonic() - start
    return summary


def _splash_one(
    job: Job,
    finder: NamedFinder,
    frames: FrameSplasher,
    target_of: Callable[[Path], contextlib.AbstractContextManager[Path]],
    options: VideoOptions,
    allow_private: bool,
    progress: Progress | None,
) -> Outcome:
    names: dict[str, str] = {}
    try:
        with job.source.local_file(allow_private=allow_private) as path, target_of(path) as target:
            names = {str(path): job.source.name, **({} if job.target else {str(target): "standard output"})}
            video = splash_video(
                path,
                target,
                find=frames.finding(finder, job.source, carried=options.every != 1),
                compose=frames.compose,
                settle=frames.settling(finder, job.source),
                undecided=frames.undecided,
                options=options,
                progress=progress,
            )
            if job.target is None:
                send_to_stdout(target)
            else:
                job = Job(job.source, target)
    except BoxOutsideError:  # of a video that had to be fetched before its size was known
        raise
    except BalloonSplashError as error:
        return Outcome(job, error=_renamed(str(error), names))
    notes = (*frames.explain_nothing(), *_notes(job.source, target, video, names))
    return Outcome(job, kept=len(frames.kept), video=video, notes=notes)


@contextlib.contextmanager
def _target(job: Job, path: Path, *, transparent: bool, encoding: Encoding, taken: Collection[Path]) -> Iterator[Path]:
    """Return the file to write, now that the input is there; a temporary one for standard output.

    A pipe gets a video only when it is whole, like any other file: a failure leaves it empty.
    """
    if job.target is None:
        suffix = pipe_suffix(job.source.relative, transparent=transparent, encoding=encoding, sound_of=path)
        with tempfile.TemporaryDirectory(prefix="balloon_splash_") as folder:
            yield Path(folder) / f"stdout{suffix}"
        return
    target = job.target
    if job.suffix_open:
        named = video_path(job.source.relative, transparent=transparent, encoding=encoding, sound_of=path)
        target = target.with_suffix(named.suffix)
    if target != job.target and target.resolve() in taken:
        raise MediaError(f"{target}: is an input, or another result of this run; give another --output")
    yield target


def _notes(source: Source, target: Path, video: VideoSummary, names: Mapping[str, str]) -> tuple[str, ...]:
    notes = [_renamed(warning, names) for warning in video.warnings]
    suffix = source.relative.suffix.lower()
    if suffix not in WRITABLE_SUFFIXES:
        notes.insert(0, f"videos cannot be written as {suffix}: the result is {target.suffix}")
    return tuple(notes)


def _renamed(text: str, names: Mapping[str, str]) -> str:
    """Return ``text`` with the user's names in place of temporary files."""
    for temporary, name in names.items():
        text = text.replace(temporary, name)
    return text
