"""JSON is parsed by the quick parser, and what only Python's takes is taken still."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from balloon_splash.data.annotations.documents import parse_json, read_json, stated_size
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS
from balloon_splash.errors import AnnotationError


def parsed(content: bytes) -> object:
    return parse_json(content, Path("a.json"), DEFAULT_LIMITS)


def test_numbers_and_texts_come_as_python_has_them() -> None:
    content = '{"a": [1, 2.5, -0, 1e3, 123456789012345678901234567890], "ü": "\\u00fc", "a": [true, null]}'.encode()
    assert parsed(content) == {"a": [True, None], "ü": "ü"}
    assert parsed(b"[12345678901234567890123]") == [12345678901234567890123]
    assert all(type(each) is int for each in parsed(b"[1, -5]"))  # type: ignore[attr-defined]


def test_what_is_not_json_but_written_by_python_is_read() -> None:
    found = parsed(b"[NaN, -Infinity, 1e999]")
    assert isinstance(found, list)
    assert math.isnan(found[0])
    assert found[1:] == [-math.inf, math.inf]
    assert parsed(b'"\\ud800"') == "\ud800"


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1]", encoding="utf-8-sig")
    assert read_json(tmp_path / "a.json", DEFAULT_LIMITS) == [1]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[1,", "not valid JSON"),
        (b"\xff[", "not UTF-8"),
        (b"[" + b"9" * 5000 + b"]", "not valid JSON"),
        (b"", "not valid"),
    ],
)
def test_what_is_not_json_is_refused_in_one_line(content: bytes, message: str) -> None:
    with pytest.raises(AnnotationError, match=f"a.json: {message}"):
        parsed(content)


def test_a_size_counts_however_it_is_written() -> None:
    """One that is not read is not compared with the photo: outlines of another size would train."""
    assert stated_size("640", 480.0) == (640, 480)
    assert stated_size(10**400, 480) == (math.inf, 480)
    assert stated_size(None, 480) is stated_size("wide", 480) is stated_size(True, 480) is None
