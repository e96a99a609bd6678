"""Targets of results, decided for all inputs before anything runs."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TypeAlias

from balloon_splash.errors import MediaError, OutputExistsError, UsageError
from balloon_splash.media.formats import SUFFIXES, WITH_ALPHA, format_of, is_video
from balloon_splash.media.inputs import STDIO, Source
from balloon_splash.media.video.codecs import ALPHA_SUFFIXES, WRITABLE_SUFFIXES, Encoding

RESULT_ENDING = "_splash"
USUAL_ENCODING = Encoding()
FALLBACK_SUFFIX = ".png"
SOUND_SUFFIXES = (".mov", ".mkv")
"""Suffixes that replace those of files that cannot hold a video's sound."""

Target: TypeAlias = "Path | MediaError | None"
"""Path of a result, None for standard output, or the error why there is none."""


def splash_path(source: Path, kind: str | None = None) -> Path:
    """Return ``<stem>_splash.<ext>`` beside ``source``, with another extension if the result has another format.

    Args:
        source: the input file, existing or not.
        kind: Pillow's name of the format of the result; None keeps the source's.
    """
    suffix = source.suffix
    if format_of(source) is None or (kind is not None and format_of(source) != kind):
        suffix = next((ending for ending, name in SUFFIXES.items() if name == kind), FALLBACK_SUFFIX)
    return source.with_name(f"{source.stem}{RESULT_ENDING}{suffix}")


def extra_path(target: Path, ending: str, *, twin: bool = False) -> Path:
    """Return ``<stem>_splash_<ending>.png`` beside a splash.

    Args:
        target: the splash.
        ending: the kind of the extra file.
        twin: whether another splash differs from this one by its suffix alone; ``<stem>`` then includes the suffix.
    """
    stem = target.stem.removesuffix(RESULT_ENDING) + (target.suffix if twin else "")
    return target.with_name(f"{stem}{RESULT_ENDING}_{ending}.png")


def twins(targets: Sequence[Path]) -> frozenset[Path]:
    """Return the targets that differ from another one by their suffix alone."""
    counts = Counter(target.with_suffix("") for target in targets)
    return frozenset(target for target in targets if counts[target.with_suffix("")] > 1)


def video_path(
    source: Path, *, transparent: bool = False, encoding: Encoding = USUAL_ENCODING, sound_of: Path | None = None
) -> Path:
    """Return ``<stem>_splash.<ext>`` beside a video; MP4 where its format cannot be written, MOV for alpha.

    Args:
        source: the input file, existing or not.
        transparent: whether the result is transparent.
        encoding: encoding of the result.
        sound_of: the input, if it exists: MOV or Matroska replace a format that cannot hold its sound.
    """
    fitting = ALPHA_SUFFIXES if transparent else WRITABLE_SUFFIXES
    suffix = source.suffix if source.suffix.lower() in fitting else ".mov" if transparent else ".mp4"
    if sound_of is not None and encoding.audio == "copy":
        others = [other for other in SOUND_SUFFIXES if encoding.fits(other, alpha=transparent)]
        suffix = _holding_sound([suffix, *others], sound_of)
    return source.with_name(f"{source.stem}{RESULT_ENDING}{suffix}")


def pipe_suffix(
    source: Path, *, transparent: bool = False, encoding: Encoding = USUAL_ENCODING, sound_of: Path | None = None
) -> str:
    """Return the suffix for standard output: as :func:`video_path`, but one that also takes the codec."""
    usual = video_path(source, transparent=transparent, encoding=encoding, sound_of=sound_of).suffix
    return next((suffix for suffix in (usual, ".mkv", ".mov") if encoding.fits(suffix, alpha=transparent)), usual)


def _holding_sound(suffixes: Sequence[str], source: Path) -> str:
    """Return the first of the suffixes whose files hold the sound, or else the first one."""
    import av  # which photos do not need

    from balloon_splash.media.video.sound import holds_sound

    try:
        return next((suffix for suffix in suffixes if holds_sound(suffix, source)), suffixes[0])
    except (av.FFmpegError, OSError):
        return suffixes[0]  # damaged: its reader will report it


def plan_outputs(
    sources: Sequence[Source],
    output: str | None,
    *,
    transparent: bool = False,
    overwrite: bool = False,
    encoding: Encoding = USUAL_ENCODING,
    also_read: Collection[Path] = (),
) -> list[Target]:
    """Return one target per source; None stands for standard output, an error for a target of two sources.

    Args:
        sources: the inputs.
        output: a file (for one input), a folder (ends with a slash, exists, or has no suffix), ``-``, or None for
            a target beside each input.
        transparent: whether the results need an alpha channel; PNG and MOV replace formats without.
        overwrite: whether targets may already exist.
        encoding: encoding of videos.
        also_read: further files that the run reads.

    Raises:
        UsageError: one file for many inputs, a target that is an input, that exists, or that cannot hold the result.
    """
    if output == STDIO:
        if len(sources) != 1:
            raise UsageError(f"--output -: {len(sources)} inputs found; standard output takes exactly one")
        if sources[0].is_video:
            suffix = pipe_suffix(sources[0].relative, transparent=transparent, encoding=encoding)
            encoding.choose(Path(f"stdout{suffix}"), alpha=transparent)
        return [None]
    targets = [_target(source, output, transparent, encoding, single=len(sources) == 1) for source in sources]
    for source, target in zip(sources, targets, strict=True):
        if source.is_video:
            encoding.choose(target, alpha=transparent)
    _check(targets, input_paths(sources) | {path.resolve() for path in also_read}, overwrite)
    return _without_clashes(sources, targets)


def input_paths(sources: Sequence[Source]) -> set[Path]:
    """Return the files among the sources."""
    return {Path(os.path.realpath(source.path)) for source in sources if source.path is not None}


def _target(source: Source, output: str | None, transparent: bool, encoding: Encoding, *, single: bool) -> Path:
    if output is None:
        if source.path is None and source.url is None:
            raise UsageError(f"{source.name} has no name to derive one from: give --output")
        return result_path(source, source.path or source.relative, transparent, encoding)
    if is_folder(output):
        return Path(output) / result_path(source, source.relative, transparent, encoding)
    if not single:
        raise UsageError(f"--output {output}: a file for several inputs; give a folder (end it with a slash)")
    target = Path(output)
    if source.is_video:
        if target.suffix.lower() == ".png" and source.suffix.lower() not in (".png", ".apng"):
            raise UsageError(f"--output {output}: {source.name} is a video; expected .apng for an animation in PNG")
        return target
    found = format_of(target)
    if found is None:
        of_video = f"{source.name} is a photo" if is_video(target) else "unknown suffix"
        raise UsageError(f"--output {output}: {of_video}; expected one of {' '.join(SUFFIXES)}")
    if transparent and found not in WITH_ALPHA:
        raise UsageError(f"--output {output}: {found} cannot be transparent; expected e.g. .png or .webp")
    return target


def result_path(source: Source, path: Path, transparent: bool, encoding: Encoding) -> Path:
    """Return the result of ``source`` beside ``path``, in a format that can hold it.

    Args:
        source: the input.
        path: its path, or the one below the folder of the results; the suffix is the source's.
        transparent: whether the result needs an alpha channel.
        encoding: encoding of a video.
    """
    path = path.with_suffix(source.suffix)
    if source.is_video:
        return video_path(path, transparent=transparent, encoding=encoding, sound_of=source.file)
    return splash_path(path, "PNG" if transparent and format_of(path) not in WITH_ALPHA else None)


def is_folder(output: str) -> bool:
    """Return whether an output is a folder: it ends with a slash, exists as one, or has no suffix."""
    return output.endswith(("/", os.sep)) or Path(output).is_dir() or not Path(output).suffix


def _check(targets: Sequence[Path], inputs: Collection[Path], overwrite: bool) -> None:
    for target in targets:
        if target.resolve() in inputs:
            raise UsageError(f"{target}: is an input; expected another file for the result")
        if target.exists() and not overwrite:
            raise OutputExistsError.at(target, or_else=", or --skip-existing (in Python: skip) to leave it")


def _without_clashes(sources: Sequence[Source], targets: Sequence[Path]) -> list[Target]:
    """Return the targets, with an error for all that share one."""
    places = [target.resolve() for target in targets]
    counts = Counter(places)
    planned: list[Target] = []
    for target, place in zip(targets, places, strict=True):
        if counts[place] == 1:
            planned.append(target)
            continue
        names = " and ".join(source.name for source, other in zip(sources, places, strict=True) if other == place)
        planned.append(MediaError(f"{target}: would be the result of both {names}; give another --output"))
    return planned
