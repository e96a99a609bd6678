"""Reading and parsing of annotation files within limits."""

from __future__ import annotations

import contextlib
import json
import math
import re
import reprlib
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from balloon_splash.data.annotations.faults import FaultKind, UnsoundError
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.errors import AnnotationError

_JSON_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_OTHER_THAN_VALUES = bytes(set(range(256)) - set(b",[{<\n\r"))  # one of these begins or ends each value
_OTHER_THAN_MARKS = bytes(set(range(256)) - set(b'[]{}"'))
_RAISE_LIMITS = "expected a smaller file, or larger limits in register_instances or in the dataset file"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

Pairs = list[tuple[str, object]]


def read_bytes(path: Path, limits: Limits) -> bytes:
    """Read the whole file, without byte-order mark.

    Raises:
        AnnotationError: it cannot be read, is too large, or holds too many values.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(limits.max_file_bytes + 1)
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read: {error.strerror or error}") from error
    if len(content) > limits.max_file_bytes:
        raise AnnotationError(
            f"{path}: larger than {limits.max_file_bytes} bytes, which is the limit (max_file_bytes); {_RAISE_LIMITS}"
        )
    values = len(content.translate(None, _OTHER_THAN_VALUES))
    if values > limits.max_values:
        raise AnnotationError(
            f"{path}: about {values} values; at most {limits.max_values} are read (max_values); {_RAISE_LIMITS}"
        )
    return content.removeprefix(_BYTE_ORDER_MARK)


def read_text(path: Path, limits: Limits) -> str:
    """Call :func:`read_bytes`, then :func:`text_in`.

    Raises:
        AnnotationError: likewise, or it is not UTF-8.
    """
    return text_in(read_bytes(path, limits), path)


def text_in(content: bytes, path: Path) -> str:
    """Decode UTF-8.

    Raises:
        AnnotationError: it is something else.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: not UTF-8 text (byte {error.start}), hence not an annotation file") from error


def parse_json(
    content: bytes | str,
    path: Path,
    limits: Limits,
    *,
    type: Any = Any,
    on_object: Callable[[Pairs], object] | None = None,
) -> object:
    """Parse a JSON document, with Python's ``NaN`` and ``Infinity``.

    Args:
        content: the result of :func:`read_bytes` or :func:`read_text`.
        path: its name in errors.
        limits: bounds on its nesting.
        type: msgspec's type of a sound document, which saves making what it does not name. An unsound one comes as
            plain lists and dicts.
        on_object: function that makes an object of its keys and values; by default, the last value of each key stays.

    Raises:
        AnnotationError: not JSON, or nested too deeply.
    """
    content = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    if nesting(content) > limits.max_nesting:
        raise AnnotationError(f"{path}: nested too deeply: more than {limits.max_nesting} levels (max_nesting)")
    if on_object is None:
        # Several times as fast, but stricter than Python's own, which then says what is wrong, or takes it.
        with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return msgspec.json.decode(content, type=type)
    try:
        return json.loads(text_in(content, path), object_pairs_hook=on_object)
    except RecursionError as error:  # max_nesting is beyond Python's own limit
        raise AnnotationError(f"{path}: nested too deeply for Python") from error
    except ValueError as error:  # JSONDecodeError, or an integer with more digits than Python converts
        raise AnnotationError(f"{path}: not valid JSON: {error}") from error


def read_json(path: Path, limits: Limits, *, type: Any = Any) -> Any:
    """Call :func:`read_bytes`, then :func:`parse_json`."""
    return parse_json(read_bytes(path, limits), path, limits, type=type)


def keys_of(content: bytes, path: Path, limits: Limits) -> Set[str]:
    """Return the keys of a JSON object without parsing its values; none of another JSON document.

    Raises:
        AnnotationError: as :func:`parse_json`, but not for every fault in a value.
    """
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return msgspec.json.decode(content, type=dict[str, msgspec.Raw]).keys()
    document = parse_json(content, path, limits)
    return document.keys() if isinstance(document, dict) else set()


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


def class_text(found: object, key: str) -> str | UnsoundError:
    """Return the class of an object; the error of an object without one, which is reported when it is read."""
    if isinstance(found, str) and found.strip():
        return found.strip()
    return UnsoundError(FaultKind.NO_CLASS, f"{key} is {reprlib.repr(found)}, expected a text")


def stated_size(width: object, height: object) -> tuple[float, float] | None:
    """Return a photo's width and height as a file states them, also as texts; ``None`` where it states none."""
    sides = _side(width), _side(height)
    return None if None in sides else sides  # type: ignore[return-value]


def _side(found: object) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float | str):
        return None
    try:
        return float(found)
    except ValueError:
        return None
    except OverflowError:  # an integer beyond all floats
        return math.inf


def nesting(content: bytes) -> int:
    """Count the deepest nesting of lists and objects in a JSON text without parsing it."""
    if b"\\" in content:  # a quote may be part of a text
        content = _JSON_TEXT.sub(b"", content)
    marks = np.frombuffer(content.translate(None, _OTHER_THAN_MARKS), np.uint8)
    is_quote = marks == ord('"')
    is_text = np.cumsum(is_quote, dtype=np.uint8) % 2 == 1
    steps = np.full(len(marks), -1, np.int8)
    steps[(marks == ord("[")) | (marks == ord("{"))] = 1
    steps[is_text | is_quote] = 0
    return int(np.cumsum(steps, dtype=np.int32).max(initial=0))
