"""Splash of a whole video: read, find, carry, follow, compose, write, all at once and in bounded memory."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TypeAlias

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.smoothing import Smoother, Steadiness
from balloon_splash.errors import OutputExistsError, UsageError
from balloon_splash.files import atomic_path
from balloon_splash.media.pixels import Pixels
from balloon_splash.media.video.animation import AnimationSource, is_read_by_pillow
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.frames import Frame
from balloon_splash.media.video.opacity import Opacity
from balloon_splash.media.video.opening import media_errors
from balloon_splash.media.video.sink import VideoSink
from balloon_splash.media.video.source import VideoSource
from balloon_splash.splasher.key_frames import (
    LONGEST_INTERVAL,
    USUAL_INTERVAL,
    Step,
    Undecided,
    find_between,
    steps_of,
)
from balloon_splash.splasher.pipeline import Stage, run_pipeline

FindInFrames: TypeAlias = Callable[[Sequence[Frame]], list[Detections]]
"""Function from a batch of frames to the objects in each."""

ComposeFrame: TypeAlias = Callable[[Pixels, Detections], Pixels]
"""Function from a ``(H, W, 3)`` frame and its objects to the ``(H', W', 3)`` RGB or ``(H', W', 4)`` RGBA result."""

Progress: TypeAlias = Callable[[int, "int | None"], object]
"""Function called after each frame, in another thread, with the frames done and those expected (None if unknown)."""

Settle: TypeAlias = Callable[[Frame, Detections, bool], Detections]
"""Function from a frame, its objects, and whether a finder saw it (or flow carried them) to the objects to follow."""

_Found: TypeAlias = tuple[Step[Frame], Detections]


@dataclass(frozen=True)
class VideoOptions:
    """Options of a video: the part to read, how to follow its objects, and how to write the result.

    Attributes:
        clip: part of the video; all of it by default.
        batch_size: number of frames that the model gets at once.
        every: most frames from one that the model sees to the next: between them, optical flow carries the objects, and
            where that is in doubt the model looks more often. 1 runs it on every frame; None chooses.
        steadiness: settings for following and smoothing objects in time; None splashes each frame by itself.
        encoding: codec, quality, sound.
        overwrite: replace an existing file.
        keep_partial: on Ctrl-C, finish the file with the frames done instead of leaving none.

    Raises:
        UsageError: a batch of no frames, or an interval out of range.
    """

    clip: Clip = field(default_factory=Clip)
    batch_size: int = 4
    every: int | None = 1
    steadiness: Steadiness | None = field(default_factory=Steadiness)
    encoding: Encoding = field(default_factory=Encoding)
    overwrite: bool = False
    keep_partial: bool = False

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise UsageError(f"batch_size is {self.batch_size}; expected 1 or more")
        if self.every is not None and not 1 <= self.every <= LONGEST_INTERVAL:
            raise UsageError(f"every is {self.every}; expected 1 to {LONGEST_INTERVAL} frames (--every)")


USUAL = VideoOptions()


@dataclass(frozen=True)
class VideoSummary:
    """Result of a video.

    Attributes:
        destination: the file written.
        frames: number of its frames.
        key_frames: number of frames that the model saw.
        seconds: its exact length in seconds.
        size: ``(height, width)`` of its frames in pixels.
        copied_tracks: codecs of the sound and subtitle tracks copied.
        elapsed: time that it took, in seconds.
        interrupted: whether it ends early because of Ctrl-C.
        warnings: faults of the input, and what could not be kept, one per line.
    """

    destination: Path
    frames: int
    key_frames: int
    seconds: Fraction
    size: tuple[int, int]
    copied_tracks: tuple[str, ...]
    elapsed: float
    interrupted: bool
    warnings: tuple[str, ...]


def splash_video(
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    *,
    find: FindInFrames,
    compose: ComposeFrame,
    settle: Settle = lambda frame, detections, found: detections,
    undecided: Undecided = lambda found: False,
    options: VideoOptions = USUAL,
    progress: Progress | None = None,
) -> VideoSummary:
    """Write the splash of ``source`` to ``destination``, whose suffix chooses the format.

    The five steps (reading; optical flow; the model; mattes and effect; writing) overlap: the model runs in the calling
    thread, where Ctrl-C reaches it, the others in their own threads. Sound is copied bit for bit, and so are the
    subtitles that the file's format takes.

    Args:
        source: the video, an animated GIF, WebP, PNG or AVIF included.
        destination: the file to write: .mp4, .m4v, .mov, .mkv, .webm, .gif, .webp, .png, .apng or .avif. It appears
            whole or not at all.
        find: the model, or a record.
        compose: function from a frame and its objects to the result.
        settle: function that receives the objects of each frame before they are followed, and may drop some.
        undecided: see :func:`balloon_splash.splasher.key_frames.find_between`.
        options: all other options.
        progress: function called after each frame.

    Raises:
        MediaError: the source cannot be read, or the destination cannot be written.
        UsageError: options contradict each other.
        OutputExistsError: the destination already exists, and ``options.overwrite`` is false.
        KeyboardInterrupt: Ctrl-C, without ``options.keep_partial``.
    """
    began = time.monotonic()
    source, destination = Path(source), Path(destination)
    _check(source, destination, options)
    opacity = Opacity(destination, options.encoding)
    every = options.every or USUAL_INTERVAL
    search = _Search(
        partial(find_between, detect=find, every=every, batch_size=options.batch_size, undecided=undecided), settle
    )
    finish = partial(_finish, compose=compose, steadiness=options.steadiness, opacity=opacity)
    with (
        open_video(source) as video,
        _output_path(destination, overwrite=options.overwrite) as path,
        VideoSink(path, video, destination=destination, clip=options.clip, encoding=options.encoding) as sink,
    ):
        interrupted = _run(video, [partial(steps_of, every=every), search, finish], sink, options, progress)
        sink.finish(cut=interrupted)
    return VideoSummary(
        destination=destination,
        frames=sink.frames,
        key_frames=search.key_frames,
        seconds=sink.end,
        size=sink.size,
        copied_tracks=sink.copied_tracks,
        elapsed=time.monotonic() - began,
        interrupted=interrupted,
        warnings=(*video.warnings, *opacity.warnings, *sink.warnings),
    )


def _run(
    video: VideoSource | AnimationSource,
    stages: Sequence[Stage],
    sink: VideoSink,
    options: VideoOptions,
    progress: Progress | None,
) -> bool:
    """Send the frames through; return whether Ctrl-C ended it and the frames done are to be kept."""
    expected = options.clip.frame_count(video.info.seconds, video.info.rate)

    def write(result: tuple[Frame, Pixels]) -> None:
        frame, pixels = result
        sink.write(pixels, frame.time, frame.duration)
        if progress is not None:
            progress(sink.frames, expected)

    try:
        run_pipeline(video.frames(options.clip), stages, write, here=1)
    except KeyboardInterrupt:
        if not options.keep_partial or sink.frames == 0:
            raise
        return True
    return False


def open_video(path: Path) -> VideoSource | AnimationSource:
    """Open a video or an animation for reading, by what is in it.

    Raises:
        MediaError: the file cannot be read, or is neither.
    """
    return AnimationSource(path) if is_read_by_pillow(path) else VideoSource(path)


def first_frame(path: Path, start: float = 0.0) -> Frame:
    """Return the first frame of a video, or of the part that begins at ``start`` seconds.

    Raises:
        MediaError: the file cannot be read.
    """
    with open_video(path) as video:
        return next(iter(video.frames(Clip(start=start, max_frames=1))))


class _Search:
    """Stage that finds the objects of each frame, and counts the frames that the model sees."""

    def __init__(self, find: Callable[[Iterator[Step[Frame]]], Iterator[_Found]], settle: Settle) -> None:
        self._find, self._settle = find, settle
        self.key_frames = 0

    def __call__(self, steps: Iterator[Step[Frame]]) -> Iterator[_Found]:
        for step, detections in self._find(steps):
            self.key_frames += step.is_key
            yield step, self._settle(step.frame, detections, step.is_key)


def _finish(
    found: Iterator[_Found], *, compose: ComposeFrame, steadiness: Steadiness | None, opacity: Opacity
) -> Iterator[tuple[Frame, Pixels]]:
    for step, detections in found if steadiness is None else _smoothed(found, steadiness):
        yield step.frame, opacity.carry(step.frame, compose(step.frame.rgb, detections))


def _smoothed(found: Iterator[_Found], steadiness: Steadiness) -> Iterator[_Found]:
    smoother: Smoother[Step[Frame]] = Smoother(steadiness)
    for step, detections in found:
        yield from smoother.push(step, detections, begins_scene=step.begins_scene)
    yield from smoother.finish()


def _check(source: Path, destination: Path, options: VideoOptions) -> None:
    options.encoding.choose(destination, alpha=False)
    if destination.exists():
        if source.exists() and destination.samefile(source):
            raise UsageError(f"{destination}: is the input itself; expected another file to write to")
        if not options.overwrite:
            raise OutputExistsError.at(destination)


@contextlib.contextmanager
def _output_path(destination: Path, *, overwrite: bool) -> Iterator[Path]:
    """Wrap ``atomic_path``, whose own errors, but not those of the block, become ``MediaError``."""
    with contextlib.ExitStack() as stack:
        with media_errors(destination, "cannot be written"):
            path = stack.enter_context(atomic_path(destination, overwrite=overwrite))
        yield path
        with media_errors(destination, "cannot be written"):
            stack.close()
