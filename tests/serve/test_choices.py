"""The service understands the options of the command, by the same names and with the same defaults."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.errors import BalloonSplashError

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from balloon_splash.cli.splash_options import build_parser
from balloon_splash.serve.choices import PhotoChoices, VideoChoices, described_options, read_choices
from balloon_splash.serve.problems import RequestError, problem_of
from balloon_splash.splasher.from_table import look_of, selection_of, video_options_of


def asked(arguments: list[str]) -> dict[str, Any]:
    return vars(build_parser().parse_args(["--input", "photo.jpg", *arguments]))


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        ([], {}),
        (["--confidence", "0.7", "--no-low-confidence"], {"confidence": 0.7, "no_low_confidence": True}),
        (["--instances", "1", "3", "--confidence", "0"], {"instances": [1, 3], "confidence": 0}),
        (["--box", "1", "2", "30", "40"], {"box": [1, 2, 30, 40]}),
        (["--point", "3", "4.5", "--largest"], {"point": [3, 4.5], "largest": True}),
        (["--top-k", "2"], {"top_k": 2}),
        (
            ["--feather", "2", "--grow", "3", "--shrink", "1", "--soft"],
            {"feather": 2, "grow": 3, "shrink": 1, "soft": True},
        ),
        (
            ["--refine", "8", "--outline", "--labels", "--invert"],
            {"refine": 8, "outline": True, "labels": True, "invert": True},
        ),
    ],
)
def test_choices_mean_what_the_arguments_mean(arguments: list[str], choices: dict[str, Any]) -> None:
    mine, theirs = read_choices(json.dumps(choices), PhotoChoices), asked(arguments)
    assert selection_of(mine) == selection_of(theirs)
    assert look_of(mine, "grey") == look_of(theirs, "grey")


@pytest.mark.parametrize(
    ("arguments", "choices"),
    [
        ([], {}),
        (["--start", "1:30", "--end", "95"], {"start": "1:30", "end": 95}),
        (["--every", "auto", "--stride", "2", "--max-frames", "9"], {"every": "auto", "stride": 2, "max_frames": 9}),
        (
            ["--codec", "vp9", "--video-quality", "20", "--no-audio"],
            {"codec": "vp9", "video_quality": 20, "no_audio": True},
        ),
        (["--no-steady", "--every", "5"], {"no_steady": True, "every": 5}),
    ],
)
def test_the_same_for_videos(arguments: list[str], choices: dict[str, Any]) -> None:
    mine = read_choices(json.dumps(choices), VideoChoices)
    assert video_options_of(mine) == video_options_of(asked(arguments))


def test_an_empty_list_of_instances_keeps_none_and_no_list_all() -> None:
    assert selection_of(read_choices('{"instances": []}', PhotoChoices)).instances == ()
    assert selection_of(read_choices("", PhotoChoices)).instances is None


def test_every_option_is_described_with_its_default() -> None:
    described = described_options()
    assert described["feather"]["default"] == 0
    assert described["feather"]["group"] == "edges and marks"
    assert described["start"]["group"] == "videos and animations"
    assert all(each["description"].endswith(")") for each in described.values())


@pytest.mark.parametrize(
    ("text", "field", "found", "expected"),
    [
        ('{"feather": -1}', "choices.feather", "-1", "a number of pixels, 0 or more"),
        ('{"feather": "wide"}', "choices.feather", '"wide"', "a number of pixels, 0 or more"),
        ('{"confidence": 1.5}', "choices.confidence", "1.5", "a number from 0 to 1"),
        ('{"confidence": NaN}', "choices.confidence", "NaN", "a number from 0 to 1"),
        ('{"soft": 1}', "choices.soft", "1", "true or false"),
        ('{"box": [1, 2]}', "choices.box", "[1, 2]", "a list of 4, each a number of pixels"),
        ('{"instances": [0]}', "choices.instances", "0", "a list, each a whole number, 1 or more"),
        ('{"tiles": "some"}', "choices.tiles", '"some"', "a whole number, 1 or more, or auto"),
        ('{"fether": 1}', "choices", "unknown option fether", "feather, perhaps"),
        ('{"low_confidence": 0.2, "no_low_confidence": true}', "choices.no_low_confidence", "beside", "one of the two"),
        ("[]", "choices", "", "a JSON object of options"),
        ("{", "choices", "", "a JSON object of options"),
    ],
)
def test_what_does_not_do_is_named(text: str, field: str, found: str, expected: str) -> None:
    with pytest.raises(RequestError) as caught:
        read_choices(text, PhotoChoices)
    body = caught.value.body
    assert (body.field, body.expected) == (field, expected)
    assert found in body.found
    assert "\n" not in body.message


@pytest.mark.parametrize(
    ("error", "found", "expected"),
    [
        (lambda: Look("blurr").check(), "background 'blurr' is unknown", "did you mean blur? expected a colour"),
        (lambda: Look("blur:-3").check(), "background 'blur:-3': '-3' found", "a number from 0.1 to 1000"),
        (
            lambda: Selection(classes=["dgo"]).check(("dog",)),
            "unknown class dgo",
            "did you mean dog? the model knows: dog",
        ),
    ],
)
def test_an_error_of_the_package_reads_as_it_does_elsewhere_but_without_flags(
    error: Callable[[], None], found: str, expected: str
) -> None:
    with pytest.raises(BalloonSplashError) as caught:
        error()
    body = problem_of(caught.value, "choices.x").body
    assert body.found == found
    assert body.expected.startswith(expected)
    assert body.message.startswith(f"choices.x: {found}")
    assert "--" not in body.message
