"""Where results are written, decided for all inputs before anything runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.errors import UsageError
from balloon_splash.media.formats import SUFFIXES, WITH_ALPHA, format_of
from balloon_splash.media.inputs import STDIO, Source
from balloon_splash.media.video.codecs import ALPHA_SUFFIXES, WRITABLE_SUFFIXES, Encoding

RESULT_ENDING = "_splash"
USUAL_ENCODING = Encoding()
FALLBACK_SUFFIX = ".png"


def splash_path(source: Path, kind: str | None = None) -> Path:
    """``<stem>_splash.<ext>`` beside ``source``; another extension if the result has another format.

    Args:
        source: the file that was read; need not exist.
        kind: Pillow's name of the format of the result; None keeps the source's.
    """
    suffix = source.suffix
    if format_of(source) is None or (kind is not None and format_of(source) != kind):
        suffix = next((ending for ending, name in SUFFIXES.items() if name == kind), FALLBACK_SUFFIX)
    return source.with_name(f"{source.stem}{RESULT_ENDING}{suffix}")


def video_path(source: Path, *, transparent: bool = False) -> Path:
    """``<stem>_splash.<ext>`` beside a video; MP4 where its own format cannot be written, MOV if it must hold alpha.

    Args:
        source: the file that was read; need not exist.
        transparent: the result is transparent.
    """
    fitting = ALPHA_SUFFIXES if transparent else WRITABLE_SUFFIXES
    suffix = source.suffix if source.suffix.lower() in fitting else ".mov" if transparent else ".mp4"
    return source.with_name(f"{source.stem}{RESULT_ENDING}{suffix}")


def plan_outputs(
    sources: Sequence[Source],
    output: str | None,
    *,
    transparent: bool = False,
    overwrite: bool = False,
    encoding: Encoding = USUAL_ENCODING,
) -> list[Path | None]:
    """One target for each source; None stands for standard output.

    Args:
        sources: the inputs.
        output: a file (for one input), a folder (ends with a slash, exists, or has no suffix), ``-``, or None for
            beside each input.
        transparent: the results need a format with an alpha channel; PNG and MOV replace those without.
        overwrite: targets may exist already.
        encoding: how videos are written.

    Raises:
        UsageError: one file for many inputs, two inputs with one target, a target that is an input, that exists,
            or that cannot hold the result; a video for standard output.
    """
    if output == STDIO:
        if len(sources) != 1:
            raise UsageError(f"--output -: {len(sources)} inputs found; standard output takes exactly one")
        if sources[0].is_video:
            raise UsageError("--output -: a video is not written in one go, as a pipe needs it; give a file")
        return [None]
    targets = [_target(source, output, transparent, single=len(sources) == 1) for source in sources]
    for source, target in zip(sources, targets, strict=True):
        if source.is_video:
            encoding.choose(target, alpha=transparent)
    _check(sources, targets, overwrite)
    return list(targets)


def _target(source: Source, output: str | None, transparent: bool, *, single: bool) -> Path:
    if output is None:
        if source.path is None and source.url is None:
            raise UsageError("standard input has no name to derive one from: give --output")
        return _default_path(source, source.path or source.relative, transparent)
    if _is_folder(output):
        return Path(output) / _default_path(source, source.relative, transparent)
    if not single:
        raise UsageError(f"--output {output}: a file for several inputs; give a folder (end it with a slash)")
    target = Path(output)
    if source.is_video:
        return target
    found = format_of(target)
    if found is None:
        raise UsageError(f"--output {output}: unknown suffix; expected one of {' '.join(SUFFIXES)}")
    if transparent and found not in WITH_ALPHA:
        raise UsageError(f"--output {output}: {found} cannot be transparent; expected e.g. .png or .webp")
    return target


def _default_path(source: Source, path: Path, transparent: bool) -> Path:
    if source.is_video:
        return video_path(path, transparent=transparent)
    return splash_path(path, "PNG" if transparent and format_of(path) not in WITH_ALPHA else None)


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep)) or Path(output).is_dir() or not Path(output).suffix


def _check(sources: Sequence[Source], targets: Sequence[Path], overwrite: bool) -> None:
    inputs = {source.path.resolve() for source in sources if source.path is not None}
    taken: dict[Path, str] = {}
    for source, target in zip(sources, targets, strict=True):
        place = target.resolve()
        if place in inputs:
            raise UsageError(f"{target}: is an input; a result is never written onto one")
        if place in taken:
            raise UsageError(f"{target}: would be the result of both {taken[place]} and {source.name}")
        if target.exists() and not overwrite:
            raise UsageError(f"{target}: exists already; give --overwrite to replace it, or another --output")
        taken[place] = source.name
