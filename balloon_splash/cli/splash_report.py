"""Summary of ``splash``: a line on stderr, JSON on stdout, the exit code."""

from __future__ import annotations

import json
from typing import Any

from balloon_splash.cli.common import EXIT_INTERRUPTED, EXIT_OK, EXIT_SOME_FAILED
from balloon_splash.progress import say
from balloon_splash.splasher.outcomes import Outcome, Summary
from balloon_splash.wording import counted


def conclude(summary: Summary, *, quiet: bool, as_json: bool) -> int:
    """Print the summary and choose the exit code."""
    outcomes, done = summary.outcomes, summary.done
    skipped = sum(outcome.skipped for outcome in outcomes)
    if not quiet:
        frames = sum(outcome.video.frames for outcome in done if outcome.video is not None)
        parts = [
            f"{len(done)} of {len(outcomes)} splashed",
            *([f"{skipped} already existed"] if skipped else []),
            counted(sum(outcome.kept for outcome in done), "object"),
            *([counted(frames, "frame")] if summary.videos else []),
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
