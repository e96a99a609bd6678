"""The run lengths of the nucleus competition: written, read back, and as its own example has them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from balloon_splash.data.annotations.submission import decode_runs, encode_runs, read_submission, write_submission
from balloon_splash.errors import AnnotationError


def test_pixels_are_counted_from_one_down_the_columns() -> None:
    """The competition's page: "1 3 10 5" implies pixels 1,2,3,10,11,12,13,14."""
    mask = decode_runs("1 3 10 5", 5, 4)
    assert (np.flatnonzero(mask.T.ravel()) + 1).tolist() == [1, 2, 3, 10, 11, 12, 13, 14]
    assert encode_runs(mask) == "1 3 10 5"


def test_a_file_is_read_back_and_no_pixel_belongs_to_two(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    first, second = rng.random((2, 30, 20)) < 0.4
    write_submission(tmp_path / "submit.csv", {"a": [first, second], "empty": []})
    assert (tmp_path / "submit.csv").read_text().splitlines()[-1] == "empty,"
    found = read_submission(tmp_path / "submit.csv", {"a": (30, 20), "empty": (9, 9)})
    assert (found["a"][0] == first).all()
    assert (found["a"][1] == (second & ~first)).all()
    assert found["empty"] == []


@pytest.mark.parametrize("text", ["1", "0 3", "1 x", "600 2", "3 -1", "99999999999999999999 1"])
def test_unsound_run_lengths_are_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "submit.csv").write_text(f"ImageId,EncodedPixels\na,{text}\n")
    with pytest.raises(AnnotationError, match=r"submit\.csv: line 2: run lengths"):
        read_submission(tmp_path / "submit.csv", {"a": (30, 20)})
