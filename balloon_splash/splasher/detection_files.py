"""Files of detections: written as they are found, and read in place of running a model."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.records import from_coco, to_coco
from balloon_splash.errors import MediaError, OutputExistsError
from balloon_splash.files import atomic_path

JSON_LINES = ".jsonl"

Record: TypeAlias = Callable[[str, Detections], None]
"""Function that takes the name of a picture and its detections."""


@contextlib.contextmanager
def recording(path: str | os.PathLike[str], *, overwrite: bool = False) -> Iterator[Record]:
    """Write a file of detections that grows with every call and appears whole, at the end of the block, or not at all.

    With the suffix ``.jsonl`` it holds one COCO document (:func:`~balloon_splash.compositing.records.to_coco`) per
    picture and line, written at once, so that memory does not grow; with any other suffix, one document for all.

    Raises:
        MediaError: the file cannot be written.
        OutputExistsError: the file exists, and ``overwrite`` is false.
    """
    collected: dict[str, Detections] = {}
    with contextlib.ExitStack() as stack:
        with _write_errors(path):
            temporary = stack.enter_context(atomic_path(path, overwrite=overwrite))
            stream = stack.enter_context(temporary.open("w", encoding="utf-8"))

        def add_line(name: str, detections: Detections) -> None:
            with _write_errors(path):
                stream.write(json.dumps(to_coco({name: detections})) + "\n")

        yield add_line if Path(path).suffix == JSON_LINES else collected.__setitem__
        with _write_errors(path):
            if Path(path).suffix != JSON_LINES:
                json.dump(to_coco(collected), stream, indent=1)
            stack.close()


def write_detections(found: Mapping[str, Detections], path: str | os.PathLike[str], *, overwrite: bool = False) -> None:
    """Write the detections in each picture, by file name; see :func:`recording`."""
    with recording(path, overwrite=overwrite) as record:
        for name, detections in found.items():
            record(name, detections)


def read_detections(path: str | os.PathLike[str]) -> dict[str, Detections]:
    """Read a file of detections from :func:`recording`, or from another tool that writes COCO documents with RLE.

    Returns:
        the objects of each picture, best score first, by file name.

    Raises:
        MediaError: the file cannot be read, or is not such a document.
    """
    name = os.fspath(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
        documents = text.splitlines() if name.endswith(JSON_LINES) else [text]
        found: dict[str, Detections] = {}
        for document in documents:
            found.update(from_coco(json.loads(document)))
    except OSError as error:
        raise MediaError(f"{name}: cannot be read ({error.strerror})") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, MemoryError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise MediaError(f"{name}: not a COCO document with images, categories and RLE masks ({reason})") from error
    return found


@contextlib.contextmanager
def _write_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except OutputExistsError:
        raise
    except OSError as error:
        raise MediaError(f"{os.fspath(path)}: cannot be written ({error.strerror})") from error
