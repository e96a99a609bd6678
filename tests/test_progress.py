"""A log keeps whole lines, and few; a screen keeps its bar."""

from __future__ import annotations

import io
import sys

import pytest

from balloon_splash.progress import ProgressBar, say


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_lines_now_and_then_and_no_carriage_return(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    for _ in ProgressBar(range(1000), desc="photos", delay=0, mininterval=0, miniters=250):
        pass
    assert "\r" not in log.getvalue()
    lines = log.getvalue().splitlines()
    assert 4 <= len(lines) <= 6
    assert all(line.startswith("photos:") for line in lines)


def test_short_work_leaves_a_log_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    for _ in ProgressBar(range(1000), desc="photos"):
        pass
    assert log.getvalue() == ""


def test_a_screen_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    for _ in ProgressBar(range(10), desc="photos"):
        pass
    assert "\rphotos: 100%" in screen.getvalue()


def test_a_message_leaves_no_copy_of_the_bar_in_a_log(monkeypatch: pytest.MonkeyPatch) -> None:
    log = io.StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    with ProgressBar(total=2, desc="photos") as bar:
        say("note: a.jpg: its comment is left out")
        bar.update()
    assert log.getvalue() == "note: a.jpg: its comment is left out\n"


def test_a_message_stands_above_the_bar_of_a_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Screen()
    monkeypatch.setattr(sys, "stderr", screen)
    with ProgressBar(total=2, desc="photos"):
        say("note: a.jpg")
    assert "note: a.jpg\n" in screen.getvalue()
    assert screen.getvalue().rindex("photos:") > screen.getvalue().index("note: a.jpg")
