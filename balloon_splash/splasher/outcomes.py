"""Jobs and their outcomes: the inputs of a run, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balloon_splash.media.inputs import Source
from balloon_splash.splasher.video_stream import VideoSummary


@dataclass(frozen=True)
class Job:
    """A photo or video and where its splash goes.

    Attributes:
        source: which one.
        target: the file to write; None is standard output.
        suffix_open: whether the target's suffix was guessed before the file was at hand, and may become another one.
    """

    source: Source
    target: Path | None
    suffix_open: bool = False


@dataclass(frozen=True)
class Outcome:
    """Result of one photo or video.

    Attributes:
        job: which one.
        error: one line, if it failed.
        found: how many objects are in the photo; None for videos.
        kept: how many objects kept their colour: in a video, different ones.
        video: frames, length and so on, of a video that was written.
        notes: what could not be kept of the file.
        skipped: whether the result was there already and is left alone.
    """

    job: Job
    error: str | None = None
    found: int | None = None
    kept: int = 0
    video: VideoSummary | None = None
    notes: tuple[str, ...] = ()
    skipped: bool = False

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended this video early."""
        return self.video is not None and self.video.interrupted


@dataclass
class Summary:
    """Outcomes of a run, and the seconds that it took."""

    outcomes: list[Outcome] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def photos(self) -> list[Outcome]:
        """Outcomes of photos."""
        return [outcome for outcome in self.outcomes if not outcome.job.source.is_video]

    @property
    def videos(self) -> list[Outcome]:
        """Outcomes of videos and animations."""
        return [outcome for outcome in self.outcomes if outcome.job.source.is_video]

    @property
    def failed(self) -> list[Outcome]:
        """Outcomes without a splash."""
        return [outcome for outcome in self.outcomes if outcome.error is not None]

    @property
    def done(self) -> list[Outcome]:
        """Outcomes with a new splash."""
        return [outcome for outcome in self.outcomes if outcome.error is None and not outcome.skipped]
