"""Jobs of a run and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from balloon_splash.media.inputs import Source
from balloon_splash.splasher.video_stream import VideoSummary


@dataclass(frozen=True)
class Job:
    """Photo or video with the target of its splash.

    Attributes:
        source: the photo or video.
        target: the file to write; None is standard output.
        suffix_open: whether the target's suffix was guessed before the file was fetched, and may still change.
    """

    source: Source
    target: Path | None
    suffix_open: bool = False


@dataclass(frozen=True)
class Outcome:
    """Result of one photo or video.

    Attributes:
        job: its job.
        error: one line, if it failed.
        found: number of objects in the photo; None for videos.
        kept: number of objects that kept their colour: in a video, of different objects.
        video: frames, length and so on, of a video that was written.
        notes: features of the file that could not be kept.
        skipped: whether the result already existed and was left alone.
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
        """True if Ctrl-C ended this video early."""
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
