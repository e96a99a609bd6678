"""Where results are written, decided for all inputs before anything runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from balloon_splash.errors import UsageError
from balloon_splash.media.formats import SUFFIXES, WITH_ALPHA, format_of
from balloon_splash.media.inputs import STDIO, Source

RESULT_ENDING = "_splash"
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


def plan_outputs(
    sources: Sequence[Source], output: str | None, *, transparent: bool = False, overwrite: bool = False
) -> list[Path | None]:
    """One target for each source; None stands for standard output.

    Args:
        sources: the inputs.
        output: a file (for one input), a folder (ends with a slash, exists, or has no suffix), ``-``, or None for
            beside each input.
        transparent: the results need a format with an alpha channel; PNG replaces those without.
        overwrite: targets may exist already.

    Raises:
        UsageError: one file for many inputs, two inputs with one target, a target that is an input, that exists,
            or that cannot hold the result.
    """
    if output == STDIO:
        if len(sources) != 1:
            raise UsageError(f"--output -: {len(sources)} inputs found; standard output takes exactly one")
        return [None]
    targets = [_target(source, output, transparent, single=len(sources) == 1) for source in sources]
    _check(sources, targets, overwrite)
    return list(targets)


def _target(source: Source, output: str | None, transparent: bool, *, single: bool) -> Path:
    kind = "PNG" if transparent and format_of(source.relative) not in WITH_ALPHA else None
    if output is None:
        if source.path is None and source.url is None:
            raise UsageError("standard input has no name to derive one from: give --output")
        return splash_path(source.path or source.relative, kind)
    if _is_folder(output):
        return Path(output) / splash_path(source.relative, kind)
    if not single:
        raise UsageError(f"--output {output}: a file for several inputs; give a folder (end it with a slash)")
    target = Path(output)
    found = format_of(target)
    if found is None:
        raise UsageError(f"--output {output}: unknown suffix; expected one of {' '.join(SUFFIXES)}")
    if transparent and found not in WITH_ALPHA:
        raise UsageError(f"--output {output}: {found} cannot be transparent; expected e.g. .png or .webp")
    return target


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
