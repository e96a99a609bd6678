"""Tasks of a batch: which result each input gets, decided and checked before any work."""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from balloon_splash.batch.store import Place, reached
from balloon_splash.errors import UsageError
from balloon_splash.media.formats import is_picture, is_video
from balloon_splash.media.inputs import Source, expand_inputs, is_result
from balloon_splash.media.outputs import result_path
from balloon_splash.splasher.options import SplashOptions


@dataclass(frozen=True)
class Task:
    """One photo or video of a batch.

    Attributes:
        input: its address, a path or a URL.
        relative: where it lies below the folder that was named; just a file name otherwise.
        output: address of the result; the suffix of a video may become another one when its sound is known.
        twin: whether another result differs by its suffix alone.
        clash: the other input that would have the same result; empty if there is none.
    """

    input: str
    relative: str
    output: str
    twin: bool = False
    clash: str = ""

    @property
    def name(self) -> str:
        """Name of the input in records and messages: its address without passwords and tokens."""
        return Place(self.input).name

    @property
    def source(self) -> Source:
        """The input, if it is on this machine or on the web."""
        relative = Path(self.relative)
        if self.input.startswith(("http://", "https://")):
            return Source(self.name, relative, url=self.input)
        return Source(self.input, relative, path=Path(self.input))


def plan_tasks(
    inputs: Sequence[str], output: Place, options: SplashOptions, note: Callable[[str], None] = lambda text: None
) -> list[Task]:
    """Make a task for each photo and video that ``inputs`` stand for.

    Args:
        inputs: files, folders, globs and URLs.
        output: the folder of the results.
        options: of the splash.
        note: receives a line about files that are passed over.

    Raises:
        UsageError: an input that nothing stands behind or that cannot be reached, or an output inside an input.
    """
    named: dict[str, str] = {}
    for text in inputs:
        if text.startswith(("http://", "https://")) or "://" not in text:
            found = _on_this_machine(text, output, options, note)
        else:
            found = _elsewhere(text, output, options)
        for address, relative in found:
            named.setdefault(address, relative)
    return _with_targets(named, output, options)


def _on_this_machine(
    text: str, output: Place, options: SplashOptions, note: Callable[[str], None]
) -> list[tuple[str, str]]:
    if text.isdecimal() and not Path(text).exists():
        raise UsageError(f"{text}: no such file or folder; a batch takes no webcam")
    if text == "-":
        raise UsageError("-: a batch takes no standard input; expected files, folders, globs or URLs")
    for folder in [text] if not glob.has_magic(text) else []:
        _check_apart(Place(folder), output)
    sources = expand_inputs([text], recursive=options.recursive, note=note)
    return [(source.url or os.path.abspath(source.name), source.relative.as_posix()) for source in sources]  # noqa: PTH100


def _elsewhere(text: str, output: Place, options: SplashOptions) -> list[tuple[str, str]]:
    place = Place(text)
    with reached(place):
        if glob.has_magic(text):
            files = [(match.address, PurePosixPath(match.path).name) for match in place.matches()]
        elif place.is_folder():
            _check_apart(place, output)
            files = [(place.under(each).address, each) for each in place.files(recursive=options.recursive)]
        else:
            if not place.exists():
                raise FileNotFoundError
            files = [(text, PurePosixPath(place.path).name)]
    found = [(address, relative) for address, relative in files if _is_input(relative) or len(files) == 1]
    if not found:
        raise UsageError(f"{place.name}: no pictures or videos found among {len(files)} files")
    return found


def _is_input(relative: str) -> bool:
    path = Path(relative)
    hidden = any(part.startswith(".") for part in path.parts)
    return (is_picture(path) or is_video(path)) and not hidden and not is_result(path)


def _check_apart(place: Place, output: Place) -> None:
    if (place.local is None or place.local.is_dir()) and place.contains(output):
        raise UsageError(
            f"--output {output.name} is inside --input {place.name}; expected a folder elsewhere, as the results of "
            "one batch would be inputs of the next"
        )


def _with_targets(named: dict[str, str], output: Place, options: SplashOptions) -> list[Task]:
    transparent, encoding = options.look.transparent, options.video.encoding
    targets = {}
    for address, relative in named.items():
        source = Source(address, Path(relative), None if "://" in address else Path(address))
        targets[address] = output.under(result_path(source, Path(relative), transparent, encoding).as_posix()).address
    counts = Counter(targets.values())
    stems = Counter(os.path.splitext(target)[0] for target in counts)  # noqa: PTH122  (an address is not a path)
    first: dict[str, str] = {}
    tasks = []
    for address, target in targets.items():
        other = first.setdefault(target, address)
        if counts[target] > 1 and other == address:
            other = next(each for each, its in targets.items() if its == target and each != address)
        twin = stems[os.path.splitext(target)[0]] > 1  # noqa: PTH122
        tasks.append(Task(address, named[address], target, twin, clash=other if counts[target] > 1 else ""))
    return tasks
