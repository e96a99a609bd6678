"""The tree of errors is the one that its module draws."""

from __future__ import annotations

import pickle
import re

import pytest

import balloon_splash
from balloon_splash import errors
from balloon_splash.errors import BalloonSplashError, OutputExistsError

BRANCHES = sorted(
    error.__name__ for error in BalloonSplashError.__subclasses__() if error.__module__ == errors.__name__
)


def test_the_drawing_shows_every_error() -> None:
    assert re.findall(r"[|`]-- (\w+)", str(errors.__doc__)) == BRANCHES


def test_every_error_is_public() -> None:
    assert {*BRANCHES, "BalloonSplashError"} <= set(balloon_splash.__all__)


def test_a_result_that_exists_is_pythons_own_error_too_and_travels_between_processes() -> None:
    with pytest.raises(FileExistsError) as caught:
        raise OutputExistsError.at("a.jpg")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
