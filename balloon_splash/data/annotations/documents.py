"""Reading and parsing of annotation files within limits."""

from __future__ import annotations

import json
import re
import reprlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.errors import AnnotationError

_JSON_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_OTHER_THAN_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))

Pairs = list[tuple[str, object]]


def read_text(path: Path, limits: Limits) -> str:
    """Read the whole file, UTF-8 with or without byte-order mark.

    Raises:
        AnnotationError: it cannot be read, is not text, is too large, or holds too many values.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(limits.max_file_bytes + 1)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > limits.max_file_bytes:
        raise AnnotationError(f"{path}: larger than {limits.max_file_bytes} bytes, which is the limit (max_file_bytes)")
    values = sum(content.count(mark) for mark in (b",", b"[", b"{", b"<", b"\n", b"\r"))
    if values > limits.max_values:
        raise AnnotationError(f"{path}: about {values} values; at most {limits.max_values} are read (max_values)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: not UTF-8 text (byte {error.start}), hence not an annotation file") from error


def parse_json(text: str, path: Path, limits: Limits, *, on_object: Callable[[Pairs], object] = dict) -> object:
    """Parse a JSON document.

    Args:
        text: the result of :func:`read_text`.
        path: its name in errors.
        limits: bounds on its nesting.
        on_object: function that makes an object of its keys and values.

    Raises:
        AnnotationError: not JSON, or nested too deeply.
    """
    if nesting(text) > limits.max_nesting:
        raise AnnotationError(f"{path}: nested too deeply: more than {limits.max_nesting} levels (max_nesting)")
    try:
        return json.loads(text, object_pairs_hook=on_object)
    except RecursionError as error:  # max_nesting is beyond Python's own limit
        raise AnnotationError(f"{path}: nested too deeply for Python") from error
    except ValueError as error:  # JSONDecodeError, or an integer with more digits than Python converts
        raise AnnotationError(f"{path}: not valid JSON: {error}") from error


def read_json(path: Path, limits: Limits) -> Any:
    """Call :func:`read_text`, then :func:`parse_json`."""
    return parse_json(read_text(path, limits), path, limits)


def items(found: object, what: str) -> list[Any]:
    """Return ``found`` if it is a list.

    Raises:
        UnsoundError: it is not.
    """
    if not isinstance(found, list):
        raise UnsoundError(FaultKind.BAD_ENTRY, f"{what}: expected a list, found {reprlib.repr(found)}")
    return found


def mapping(found: object, what: str) -> dict[str, Any]:
    """Return ``found`` if it is a JSON object.

    Raises:
        UnsoundError: it is not.
    """
    if not isinstance(found, dict):
        raise UnsoundError(FaultKind.BAD_ENTRY, f"{what}: expected an object, found {reprlib.repr(found)}")
    return found


def text_of(found: object, what: str) -> str:
    """Return ``found`` if it is a text that is not empty.

    Raises:
        UnsoundError: it is not.
    """
    if not isinstance(found, str) or not found.strip():
        raise UnsoundError(FaultKind.BAD_ENTRY, f"{what}: expected a text, found {reprlib.repr(found)}")
    return found.strip()


def nesting(text: str) -> int:
    """Count the deepest nesting of lists and objects in a JSON text without parsing it."""
    outside = _JSON_TEXT.sub(b"", text.encode("utf-8", "surrogatepass"))
    brackets = np.frombuffer(outside.translate(None, _OTHER_THAN_BRACKETS), np.uint8)
    steps = np.where((brackets == ord("[")) | (brackets == ord("{")), 1, -1).astype(np.int8)
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))
