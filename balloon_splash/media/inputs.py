"""From what a user names (files, folders, globs, URLs, standard input) to a list of sources."""

from __future__ import annotations

import contextlib
import glob
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from balloon_splash.errors import MediaError, UsageError
from balloon_splash.media.fetch import fetch, fetch_into
from balloon_splash.media.formats import is_animation, is_picture, is_video

STDIO = "-"
RESULT_PATTERN = re.compile(r"_splash(_(mask|crop|compare)(_\d+)?)?\.[^.]+$")


@dataclass(frozen=True)
class Source:
    """One picture or video to work on.

    Attributes:
        name: what messages call it.
        relative: where it lies below the folder that was named; just a file name otherwise.
        path: the file, if it is one.
        url: the address, if it is one; standard input has neither.
    """

    name: str
    relative: Path
    path: Path | None = None
    url: str | None = None

    @cached_property
    def is_video(self) -> bool:
        """Whether the name is that of a video, or the file an animation."""
        return is_video(self.relative) or (self.path is not None and is_animation(self.path))

    def read(self, *, allow_private: bool = False) -> bytes:
        """The bytes of the file.

        Args:
            allow_private: URLs may lead to addresses inside the local network.

        Raises:
            MediaError: cannot be read or fetched.
        """
        if self.path is not None:
            try:
                return self.path.read_bytes()
            except OSError as error:
                raise MediaError(f"{self.path}: cannot be read ({error.strerror})") from error
        if self.url is not None:
            return fetch(self.url, allow_private=allow_private)
        return sys.stdin.buffer.read()

    @contextlib.contextmanager
    def local_file(self, *, allow_private: bool = False) -> Iterator[Path]:
        """The file itself, or a temporary one with what is behind the URL.

        Args:
            allow_private: URLs may lead to addresses inside the local network.

        Raises:
            MediaError: cannot be fetched, or the disk is full.
        """
        if self.path is not None:
            yield self.path
            return
        assert self.url is not None, "standard input has no file"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / self.relative.name
            with path.open("wb") as file:
                fetch_into(file, self.url, allow_private=allow_private)
            yield path


def expand_inputs(inputs: Sequence[str], *, recursive: bool = False) -> list[Source]:
    """All pictures and videos that ``inputs`` stand for, each once, in a stable order.

    Args:
        inputs: files, folders, globs (``**`` too), ``http://`` and ``https://`` URLs, or ``-`` for standard input.
        recursive: look into the folders of folders, too.

    Folders give the files with the suffix of a picture or video, except hidden ones. Neither folders nor globs give
    earlier results (``*_splash.*``, ``*_splash_mask.png`` and so on): those have to be named.

    Raises:
        UsageError: a name that nothing stands behind, or a URL of another scheme.
    """
    sources: dict[str, Source] = {}
    for text in inputs:
        found = list(_expand(text, recursive))
        if not found:
            raise UsageError(f"{text}: no pictures or videos found")
        for source in found:
            sources.setdefault(str(source.path.resolve()) if source.path else source.name, source)
    return list(sources.values())


def is_result(path: Path) -> bool:
    """Whether the name is one that this tool gives to what it writes."""
    return RESULT_PATTERN.search(path.name) is not None


def _expand(text: str, recursive: bool) -> Iterator[Source]:
    if not text:
        raise UsageError("an empty name found; expected a file, a folder, a URL or -")
    if text == STDIO:
        yield Source("standard input", Path("stdin"))
    elif "://" in text:
        yield _from_url(text)
    elif Path(text).is_dir():
        yield from _from_folder(Path(text), recursive)
    elif Path(text).exists():
        yield Source(text, Path(Path(text).name), Path(text))
    elif glob.has_magic(text):
        for match in sorted(glob.glob(text, recursive=True)):  # noqa: PTH207  (pathlib refuses absolute patterns)
            if Path(match).is_file() and not is_result(Path(match)):
                yield Source(match, Path(Path(match).name), Path(match))
    else:
        raise UsageError(f"{text}: no such file or folder")


def _from_url(text: str) -> Source:
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise UsageError(f"{text}: not a web address ({error})") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{text}: expected an http:// or https:// address")
    return Source(text, Path(PurePosixPath(unquote(parts.path)).name or "download"), url=text)


def _from_folder(folder: Path, recursive: bool) -> Iterator[Source]:
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        relative = path.relative_to(folder)
        hidden = any(part.startswith(".") for part in relative.parts)
        if path.is_file() and not hidden and not is_result(path) and (is_picture(path) or is_video(path)):
            yield Source(str(path), relative, path)
