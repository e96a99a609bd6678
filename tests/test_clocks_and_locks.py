"""A bar outlives a clock that jumps, and one process waits for another."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest

from balloon_splash.data.annotations.size_cache import PhotoSize, PhotoStamp, SizeCache
from balloon_splash.files import locked
from balloon_splash.progress import ProgressBar


@pytest.mark.parametrize("jump", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_does_not_stop_the_progress(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    shift = [0.0]
    true_time = time.time
    for module in ("time.time", "tqdm.std.time"):
        monkeypatch.setattr(module, lambda: true_time() + shift[0])
    screen = io.StringIO()
    with ProgressBar(total=100, file=screen, mininterval=0.001, delay=0) as bar:
        bar.update(10)
        shift[0] = jump
        time.sleep(0.01)
        bar.update(10)
        assert bar.last_print_n == 20, "the bar stands still"
        assert 0 <= bar.format_dict["elapsed"] < 3600
    assert "20%" in screen.getvalue()


@pytest.mark.parametrize("year", [1980, 2100])
def test_photos_from_another_time_are_remembered_like_others(tmp_path: Path, year: int) -> None:
    """The cached size of a photo holds as long as its time is the same, whatever the clock says."""
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"x")
    seconds = (year - 1970) * 365.25 * 86_400
    os.utime(photo, (seconds, seconds))
    stamp = PhotoStamp(1, photo.stat().st_mtime_ns)
    cache = SizeCache(tmp_path)
    cache.put("a.jpg", stamp, PhotoSize(3, 2, True))
    cache.save()
    assert SizeCache(tmp_path).get("a.jpg", stamp) == PhotoSize(3, 2, True)
    assert SizeCache(tmp_path).get("a.jpg", PhotoStamp(1, stamp.mtime_ns + 1)) is None


def test_a_lock_is_held_by_one_at_a_time(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "new" / "lock", timeout=0),
        pytest.raises(TimeoutError),
        locked(tmp_path / "new" / "lock", timeout=0.1),
    ):
        pytest.fail("two hold it")
    with locked(tmp_path / "new" / "lock", timeout=0):
        pass
