"""Messages of ``splash``: progress and notes on stderr, the summary as JSON on stdout."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from balloon_splash.cli.common import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED
from balloon_splash.progress import ProgressBar, say
from balloon_splash.splasher.outcomes import Outcome, Summary
from balloon_splash.splasher.run import RunReport


class Progress(RunReport):
    """Bars with speed and ETA, and the messages above them.

    Args:
        quiet: print errors only.
        verbose: also print one line per photo and video.
        of_videos: options that were given and have no effect on photos.
    """

    def __init__(self, *, quiet: bool, verbose: bool, of_videos: Sequence[str] = ()) -> None:
        self._quiet, self._verbose = quiet, verbose
        self._of_videos = of_videos
        self._photos: ProgressBar | None = None
        self._frames: ProgressBar | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_photos()
        self._close_frames()

    def begin(self, photos: int, videos: int) -> None:
        """Show the bar of the photos, if there are any, and name options without effect."""
        if photos and not videos and self._of_videos:
            self.note(f"{', '.join(self._of_videos)}: no effect on photos")
        self._photos = ProgressBar(total=photos, unit="photo", disable=self._quiet or photos == 0)

    def photo(self, outcome: Outcome) -> None:
        """Print the messages about one photo, and move its bar."""
        self.settled(outcome)
        if self._photos is not None:
            self._photos.update()

    def frame(self, done: int, expected: int | None) -> None:
        """Move the bar of the current video."""
        if self._frames is None:
            self._close_photos()
            self._frames = ProgressBar(total=expected, unit="frame", disable=self._quiet)
        self._frames.update()

    def video(self, outcome: Outcome) -> None:
        """Print the messages about one video."""
        self._close_frames()
        self.settled(outcome)

    def note(self, text: str) -> None:
        """Print a line that is not an error, above the bars if there are any."""
        if not self._quiet:
            say(f"note: {text}")

    def settled(self, outcome: Outcome) -> None:
        """Print the error of one photo or video, or what could not be kept."""
        name = outcome.job.source.name
        if outcome.error is not None:
            say(f"error: {' '.join(outcome.error.split())}")
        elif not self._quiet:
            for note in outcome.notes:
                say(f"note: {name}: {note.removeprefix(f'{name}: ')}")
            if outcome.interrupted and outcome.video is not None:
                say(f"interrupted: {outcome.job.target} holds the first {float(outcome.video.seconds):.1f} s")
            if self._verbose and outcome.skipped:
                say(f"{name}: {outcome.job.target} already exists")
            elif self._verbose:
                say(f"{name}: {outcome.kept} objects -> {outcome.job.target or 'stdout'}")

    def _close_photos(self) -> None:
        if self._photos is not None:
            self._photos.close()

    def _close_frames(self) -> None:
        if self._frames is not None:
            self._frames.total = self._frames.n  # the expected number is a guess from the length of the file
            self._frames.close()
            self._frames = None


def conclude(summary: Summary, *, quiet: bool, as_json: bool) -> int:
    """Print the summary and choose the exit code."""
    outcomes, done = summary.outcomes, summary.done
    skipped = sum(outcome.skipped for outcome in outcomes)
    if not quiet:
        frames = sum(outcome.video.frames for outcome in done if outcome.video is not None)
        parts = [
            f"{len(done)} of {len(outcomes)} splashed",
            *([f"{skipped} already existed"] if skipped else []),
            f"{sum(outcome.kept for outcome in done)} objects",
            *([f"{frames} frames"] if summary.videos else []),
            f"{summary.seconds:.1f} s",
        ]
        say(", ".join(parts))
    if as_json:
        entries = {
            "seconds": round(summary.seconds, 3),
            "photos": [{**_entry(outcome), "found": outcome.found} for outcome in summary.photos],
            "videos": [{**_entry(outcome), **_video_entry(outcome)} for outcome in summary.videos],
        }
        print(json.dumps(entries))
    if any(outcome.interrupted for outcome in outcomes):
        return EXIT_INTERRUPTED
    return EXIT_SOME_FAILED if summary.failed else EXIT_OK


def _entry(outcome: Outcome) -> dict[str, Any]:
    target = outcome.job.target
    return {
        "input": outcome.job.source.name,
        "output": None if outcome.error or target is None else str(target),
        "kept": outcome.kept,
        "skipped": outcome.skipped,
        "error": outcome.error,
        "notes": list(outcome.notes),
    }


def _video_entry(outcome: Outcome) -> dict[str, Any]:
    video = outcome.video
    if video is None:
        return {}
    return {
        "frames": video.frames,
        "length": float(video.seconds),
        "height": video.size[0],
        "width": video.size[1],
        "copied_tracks": list(video.copied_tracks),
        "interrupted": video.interrupted,
    }
