"""Plan of a run: the file to write for each input, decided and checked before a model is loaded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from balloon_splash.errors import MediaError, OutputExistsError, UsageError
from balloon_splash.media.inputs import STDIO, Source
from balloon_splash.media.outputs import SOUND_SUFFIXES, input_paths, is_folder, plan_outputs, twins
from balloon_splash.splasher.detection_files import JSON_LINES
from balloon_splash.splasher.options import SplashOptions
from balloon_splash.splasher.outcomes import Job, Outcome


@dataclass(frozen=True)
class Plan:
    """Planned work of a run.

    Attributes:
        photos: photos to splash.
        videos: videos to splash.
        settled: inputs that need no work: existing results, names that clash.
        taken: files that are read or written anyway, to which nothing else may be written.
        twins: targets that differ from another one by their suffix alone.
    """

    photos: list[Job]
    videos: list[Job]
    settled: list[Outcome]
    taken: frozenset[Path]
    twins: frozenset[Path]


def make_plan(sources: Sequence[Source], output: str | None, options: SplashOptions) -> Plan:
    """Decide what to do with each source.

    Args:
        sources: the inputs.
        output: a file, a folder, ``-`` for standard output, or None for the folder of each input.
        options: everything else.

    Raises:
        UsageError: options that contradict each other, or files that must not be written.
    """
    _check_options(sources, output, options)
    also_read = [*options.also_read, *([Path(options.detections)] if options.detections else [])]
    targets = plan_outputs(
        sources,
        output,
        transparent=options.look.transparent,
        overwrite=options.existing != "refuse",
        encoding=options.video.encoding,
        also_read=also_read,
    )
    jobs, settled = [], []
    for source, target in zip(sources, targets, strict=True):
        if isinstance(target, MediaError):
            settled.append(Outcome(Job(source, None), error=str(target)))
            continue
        job = Job(source, target, suffix_open=source.file is None and source.is_video and _derives(output))
        there = _existing(job) if options.existing == "skip" else None
        if there is None:
            jobs.append(job)
        else:
            settled.append(Outcome(Job(source, there), skipped=True))
    written = [target for target in targets if isinstance(target, Path)]
    taken = input_paths(sources) | {path.resolve() for path in (*also_read, *written)}
    if options.save_detections:
        record = Path(options.save_detections)
        if record.resolve() in taken:
            raise UsageError(f"--save-detections {record}: is an input or a result; expected another file")
        taken.add(record.resolve())
    return Plan(
        photos=[job for job in jobs if not job.source.is_video],
        videos=[job for job in jobs if job.source.is_video],
        settled=settled,
        taken=frozenset(taken),
        twins=twins(written),
    )


def _derives(output: str | None) -> bool:
    """Return whether results are named after their inputs."""
    return output is None or is_folder(output)


def _existing(job: Job) -> Path | None:
    """Return the result, if it already exists."""
    if job.target is None:
        return None
    others = [job.target.with_suffix(suffix) for suffix in SOUND_SUFFIXES] if job.suffix_open else []
    return next((path for path in (job.target, *others) if path.exists()), None)


def _check_options(sources: Sequence[Source], output: str | None, options: SplashOptions) -> None:
    extras, record = options.files.extras, options.save_detections
    annotations = Path(options.save_annotations) if options.save_annotations else None
    if annotations is not None and annotations.is_file() and options.existing != "overwrite":
        raise OutputExistsError.at(annotations)
    if extras and output == STDIO:
        raise UsageError("--output - takes the splash alone; masks, cut-outs and comparisons need a folder")
    if options.detections and record:
        raise UsageError("--save-detections writes what a model finds; with --detections none is run")
    videos = [source for source in sources if source.is_video]
    if options.of_photos and videos and len(videos) == len(sources):
        raise UsageError(f"{videos[0].name}: {options.of_photos} are made of photos, not of videos")
    if videos and record and not record.endswith(JSON_LINES):
        raise UsageError(f"--save-detections {record}: videos are recorded line by line; expected {JSON_LINES}")
