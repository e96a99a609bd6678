"""Reports of a run while it goes on: none, or bars and messages on stderr."""

from __future__ import annotations

from collections.abc import Sequence

from balloon_splash.progress import ProgressBar, say
from balloon_splash.splasher.outcomes import Outcome
from balloon_splash.wording import counted


class RunReport:
    """Receiver of the progress of a run. This one is silent; override the methods of interest."""

    def begin(self, photos: int, videos: int) -> None:
        """Receive the numbers of photos and videos to splash, once the plan is made."""

    def note(self, text: str) -> None:
        """Receive one line that is not an error."""

    def settled(self, outcome: Outcome) -> None:
        """Receive an input that needs no work, or that clashes with another one."""

    def photo(self, outcome: Outcome) -> None:
        """Receive a photo that is done or has failed."""

    def frame(self, done: int, expected: int | None) -> None:
        """Receive the number of frames done of the current video, and of those expected (None if unknown)."""

    def video(self, outcome: Outcome) -> None:
        """Receive a video that is done or has failed."""


SILENT = RunReport()


class TerminalReport(RunReport):
    """Bars with speed and ETA on stderr, and the messages above them; a context manager.

    Args:
        quiet: print errors only.
        verbose: also print one line per photo and video.
        of_videos: options that were given and have no effect on photos.
    """

    def __init__(self, *, quiet: bool = False, verbose: bool = False, of_videos: Sequence[str] = ()) -> None:
        self._quiet, self._verbose = quiet, verbose
        self._of_videos = of_videos
        self._photos: ProgressBar | None = None
        self._frames: ProgressBar | None = None

    def __enter__(self) -> TerminalReport:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        in_a_video = self._frames is not None
        self._close_photos()
        self._close_frames()
        if in_a_video and kind is KeyboardInterrupt:
            self.note("the current video is not written; --keep-partial keeps the part that is done")

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
                say(f"{name}: {counted(outcome.kept, 'object')} -> {outcome.job.target or 'stdout'}")

    def _close_photos(self) -> None:
        if self._photos is not None:
            self._photos.close()

    def _close_frames(self) -> None:
        if self._frames is not None:
            self._frames.total = self._frames.n  # the expected number is a guess from the length of the file
            self._frames.close()
            self._frames = None
