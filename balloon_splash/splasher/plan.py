"""What ``splash`` is going to write, decided and checked before a model is loaded."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from balloon_splash.errors import MediaError, UsageError
from balloon_splash.media.inputs import Source
from balloon_splash.media.outputs import SOUND_SUFFIXES, input_paths, is_folder, plan_outputs, twins
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.splasher.outcomes import Job, Outcome, Summary


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        photos: to be splashed.
        videos: likewise.
        settled: what needs no work: results that are there already, names that clash.
        taken: files that are read or written anyway, where nothing else may be written.
        twins: targets that differ from another one by their suffix alone.
    """

    photos: list[Job]
    videos: list[Job]
    settled: list[Outcome]
    taken: frozenset[Path]
    twins: frozenset[Path]

    def join(self, photos: Summary, videos: Summary) -> None:
        """Add what was settled to the summaries of what was done."""
        for outcome in self.settled:
            (videos if outcome.job.source.is_video else photos).outcomes.append(outcome)


def make_plan(args: argparse.Namespace, sources: Sequence[Source], *, transparent: bool, encoding: Encoding) -> Plan:
    """Decide for each source what becomes of it.

    Raises:
        UsageError: options that contradict each other, or files that must not be written.
    """
    _check_options(args, sources)
    also_read = _also_read(args)
    targets = plan_outputs(
        sources,
        args.output,
        transparent=transparent,
        overwrite=args.overwrite or args.skip_existing,
        encoding=encoding,
        also_read=also_read,
    )
    jobs, settled = [], []
    for source, target in zip(sources, targets, strict=True):
        if isinstance(target, MediaError):
            settled.append(Outcome(Job(source, None), error=str(target)))
            continue
        job = Job(source, target, suffix_open=source.file is None and source.is_video and _derives(args.output))
        there = _existing(job) if args.skip_existing else None
        if there is None:
            jobs.append(job)
        else:
            settled.append(Outcome(Job(source, there), skipped=True))
    written = [target for target in targets if isinstance(target, Path)]
    taken = input_paths(sources) | {path.resolve() for path in (*also_read, *written)}
    if args.save_detections:
        record = Path(args.save_detections)
        if record.resolve() in taken:
            raise UsageError(f"--save-detections {record}: is an input or a result; expected a file of its own")
        taken.add(record.resolve())
    return Plan(
        photos=[job for job in jobs if not job.source.is_video],
        videos=[job for job in jobs if job.source.is_video],
        settled=settled,
        taken=frozenset(taken),
        twins=twins(written),
    )


def _derives(output: str | None) -> bool:
    """Whether results are named after their inputs."""
    return output is None or is_folder(output)


def _existing(job: Job) -> Path | None:
    """The result, if it is there already."""
    if job.target is None:
        return None
    others = [job.target.with_suffix(suffix) for suffix in SOUND_SUFFIXES] if job.suffix_open else []
    return next((path for path in (job.target, *others) if path.exists()), None)


def _also_read(args: argparse.Namespace) -> list[Path]:
    """Files that are read beside the inputs."""
    kind, _, ground = args.background.partition(":")
    return [Path(name) for name in (ground if kind == "image" else None, args.detections, args.weights) if name]


def _check_options(args: argparse.Namespace, sources: Sequence[Source]) -> None:
    extras = args.save_mask or args.save_masks or args.save_crops or args.compare
    if args.json and args.output == "-":
        raise UsageError("--json and --output - both want standard output: choose one")
    if extras and args.output == "-":
        raise UsageError("--output - takes the splash alone; masks, cut-outs and comparisons need a folder")
    if args.detections and args.save_detections:
        raise UsageError("--save-detections writes what a model finds; with --detections none is run")
    videos = [source for source in sources if source.is_video]
    if extras and len(videos) == len(sources):
        raise UsageError(f"{videos[0].name}: masks, cut-outs and comparisons are made of photos, not of videos")
    if videos and args.save_detections and not args.save_detections.endswith(".jsonl"):
        raise UsageError(f"--save-detections {args.save_detections}: videos are recorded line by line; expected .jsonl")
