"""Inputs that a user names (files, folders, globs, URLs, standard input) as a list of sources."""

from __future__ import annotations

import contextlib
import glob
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from balloon_splash.errors import UsageError
from balloon_splash.files import did_you_mean
from balloon_splash.media.content import content_suffix
from balloon_splash.media.fetch import fetch, fetch_into
from balloon_splash.media.formats import MOVING_SUFFIXES, is_animation, is_picture, is_video
from balloon_splash.media.opening import read_bytes, read_file
from balloon_splash.web.addresses import without_secrets

STDIO = "-"
RESULT_PATTERN = re.compile(r"_splash(_(mask|crop|compare)(_\d+)?)?\.[^.]+$")


@dataclass(frozen=True)
class Source:
    """Picture or video to splash.

    Attributes:
        name: its name in messages and records; of a URL, without passwords and tokens.
        relative: its path below the folder that was named; otherwise a file name.
        path: the path of a file.
        url: the URL; standard input has neither path nor URL.
        spool: a temporary file with the content of standard input, or of another pipe.
    """

    name: str
    relative: Path
    path: Path | None = None
    url: str | None = None
    spool: Path | None = None

    @property
    def is_pipe(self) -> bool:
        """True if it can be read only once, from beginning to end."""
        return self.url is None and (self.path is None or self.path.is_fifo())

    @property
    def file(self) -> Path | None:
        """File to read it from, if there already is one."""
        return self.spool or self.path

    @cached_property
    def suffix(self) -> str:
        """Suffix of the name or, where that has none, one that suits the content of the file."""
        named = is_picture(self.relative) or is_video(self.relative)
        found = "" if named or self.file is None or self.is_pipe else content_suffix(self.file)
        return found or self.relative.suffix

    @cached_property
    def is_video(self) -> bool:
        """True if the name, or else the file, is that of a video, or the file is an animation.

        What is behind an address is not known yet: a GIF or APNG is taken for an animation.
        """
        if is_video(f"file{self.suffix}"):
            return True
        return self.suffix.lower() in MOVING_SUFFIXES if self.file is None else is_animation(self.file)

    def read(self, *, allow_private: bool = False) -> bytes:
        """Read the bytes of the file.

        Args:
            allow_private: let URLs lead to addresses inside the local network.

        Raises:
            MediaError: the file cannot be read or fetched.
        """
        if self.file is not None:
            return read_file(self.file, self.name)
        if self.url is not None:
            return fetch(self.url, allow_private=allow_private)
        return read_bytes(sys.stdin.buffer, self.name)

    @contextlib.contextmanager
    def local_file(self, *, allow_private: bool = False) -> Iterator[Path]:
        """Yield the file itself, or a temporary one with the content of the URL.

        Args:
            allow_private: let URLs lead to addresses inside the local network.

        Raises:
            MediaError: the URL cannot be fetched, or the disk is full.
        """
        if self.file is not None:
            yield self.file
            return
        assert self.url is not None, "standard input has to be spooled"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.relative.name
            with path.open("wb") as file:
                fetch_into(file, self.url, allow_private=allow_private)
            yield path


def expand_inputs(
    inputs: Sequence[str], *, recursive: bool = False, note: Callable[[str], None] = lambda text: None
) -> list[Source]:
    """Return all pictures and videos that ``inputs`` name, each once, in a stable order.

    Args:
        inputs: files, folders, globs (``**`` too), ``http://`` and ``https://`` URLs, or ``-`` for standard input.
        recursive: search subfolders, too.
        note: receives a note on the files of a folder that are skipped.

    Folders stand for their files with the suffix of a picture or video, except hidden ones. Neither folders nor globs
    include earlier results (``*_splash.*``, ``*_splash_mask.png`` and so on), which have to be named.

    Raises:
        UsageError: a file that does not exist, or a URL of another scheme.
    """
    sources: dict[str, Source] = {}
    for text in inputs:
        passed_over: Counter[str] = Counter()
        found = list(_expand(text, recursive, passed_over))
        others = ", ".join(f"{count} {suffix}" for suffix, count in passed_over.most_common())
        unsearched = 0 if recursive else _subfolders(text)
        if not found:
            deeper = "; --recursive also searches the folders in it" if unsearched else ""
            files = f" (files: {others})" if others else ""
            raise UsageError(f"{text}: no pictures or videos found{files}{deeper}")
        if unsearched:
            note(f"{text}: folders in it that are not searched: {unsearched}; --recursive searches them")
        if others:
            note(f"{text}: skipped files that are neither photos nor videos by name: {others}")
        for source in found:
            sources.setdefault(_identity(source), source)
    return list(sources.values())


def _subfolders(text: str) -> int:
    """Return the number of folders, hidden ones apart, in the folder that ``text`` names; 0 where it names none."""
    if not os.path.isdir(text):  # noqa: PTH112  (pathlib raises if a name is too long)
        return 0
    return sum(path.is_dir() and not path.name.startswith(".") for path in Path(text).iterdir())


def _identity(source: Source) -> str:
    """Return a key that is the same for all names of one file; broken links are files of their own."""
    if source.path is None:
        return source.url or source.name
    return os.path.realpath(source.path) if source.path.exists() else str(source.path)


def is_result(path: Path) -> bool:
    """Return whether the name is one that this tool gives to its results."""
    return RESULT_PATTERN.search(path.name) is not None


def _expand(text: str, recursive: bool, passed_over: Counter[str]) -> Iterator[Source]:
    if not text:
        raise UsageError("an empty name found; expected a file, a folder, a URL or -")
    if text == STDIO:
        yield Source("standard input", Path("stdin"))
    elif "://" in text:
        yield _from_url(text)
    elif os.path.isdir(text):  # noqa: PTH112  (pathlib raises if a name is too long)
        yield from _from_folder(Path(text), recursive, passed_over)
    elif os.path.exists(text):  # noqa: PTH110
        yield Source(text, Path(Path(text).name), Path(text))
    elif glob.has_magic(text):
        for match in sorted(glob.glob(text, recursive=True)):  # noqa: PTH207  (pathlib refuses absolute patterns)
            if _is_input(Path(match), recursive) and not is_result(Path(match)):
                yield Source(match, Path(Path(match).name), Path(match))
    else:
        expected = f"{did_you_mean(Path(text))}expected photos, videos, folders, globs or URLs (--input)"
        raise UsageError(f"{text}: no such file or folder; {expected}")


def _from_url(text: str) -> Source:
    name = without_secrets(text)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UsageError(f"{name}: not a web address ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{name}: expected an http:// or https:// address")
    return Source(name, Path(PurePosixPath(unquote(parts.path)).name or "download"), url=text)


def _from_folder(folder: Path, recursive: bool, passed_over: Counter[str]) -> Iterator[Source]:
    """Yield the photos and videos in a folder; count the suffixes of other files in ``passed_over``."""
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts) or is_result(path):
            continue
        if not (is_picture(path) or is_video(path)):
            if path.is_file():
                passed_over[path.suffix.lower() or "without a suffix"] += 1
        elif _is_input(path, recursive):
            yield Source(str(path), relative, path)


def _is_input(path: Path, recursive: bool) -> bool:
    """Return whether a path with the suffix of a picture or video is a file, or may be one, as reading will show."""
    if path.is_dir():
        return not recursive and (is_picture(path) or is_video(path))
    return path.is_file() or (path.is_symlink() and not path.exists())
