"""Options are understood where people put them, and a slip is one line that helps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from balloon_splash import __version__
from balloon_splash.cli.inspect_data import build_parser as inspect_parser
from balloon_splash.cli.main import main
from balloon_splash.cli.parser import Parser
from balloon_splash.cli.splash_options import build_parser as splash_parser
from balloon_splash.cli.train import build_parser


def test_options_behind_trailing_keys_are_options() -> None:
    parsed = build_parser().parse_args(["SOLVER.BASE_LR", "-0.1", "--resume", "OUTPUT_DIR", "out", "--device", "cpu"])
    assert parsed.opts == ["SOLVER.BASE_LR", "-0.1", "OUTPUT_DIR", "out"]
    assert (parsed.resume, parsed.device) == (True, "cpu")


def test_opts_is_another_spelling_of_trailing_keys() -> None:
    assert build_parser().parse_args(["A", "1", "--opts", "B", "2"]).opts == ["B", "2", "A", "1"]


@pytest.mark.parametrize(
    ("argument", "near"),
    [("--weihgts", "--weights"), ("--config_file=x", "--config-file"), ("--nonsense", ""), ("--input", "")],
)
def test_an_unknown_option_is_one_line_with_the_nearest_known_one(
    argument: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        build_parser().parse_args([argument, "5"])
    assert error.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: unknown argument {argument}")
    assert (f"did you mean {near}?" in line) == bool(near)


@pytest.mark.parametrize(
    ("parser", "argument", "meant"),
    [
        (splash_parser, "--image=photo.jpg", "--input"),
        (splash_parser, "--video=party.mp4", "--input"),  # not the beginning of --video-quality
        (build_parser, "--logs=out", "OUTPUT_DIR DIR"),
        (build_parser, "--epochs=30", "SOLVER.MAX_ITER N"),
    ],
)
def test_an_option_of_the_article_or_of_another_trainer_is_told_as_ours(
    parser: Callable[[], Parser], argument: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args([argument])
    assert capsys.readouterr().err.startswith(f"error: unknown argument {argument}; did you mean {meant}?")


def test_a_misspelt_option_is_named_before_the_one_that_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        splash_parser().parse_args(["--inptu", "photo.jpg"])
    assert capsys.readouterr().err.startswith("error: unknown argument --inptu; did you mean --input?")
    assert splash_parser().parse_args(["--inp", "photo.jpg", "--confid", "0.5"]).confidence == 0.5


@pytest.mark.parametrize("arguments", [["photo.jpg"], ["photo.jpg", "--output", "grey.jpg"]])
def test_a_photo_without_its_option_is_named_with_the_option(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as error:
        splash_parser().parse_args(arguments)
    assert error.value.code == 2
    assert "photo.jpg stands without an option; did you mean --input photo.jpg?" in capsys.readouterr().err


def test_what_is_required_is_still_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        splash_parser().parse_args([])
    assert "the following arguments are required: --input" in capsys.readouterr().err


def test_values_that_are_missing_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        splash_parser().parse_args(["--input", "photo.jpg", "--point", "10,20"])
    assert "argument --point: expected 2 arguments: --point X Y; see" in capsys.readouterr().err


def test_a_photo_in_place_of_a_command_is_told_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.touch()
    assert main([str(photo)]) == 2
    assert f"did you mean balloon-splash splash --input {photo}?" in capsys.readouterr().err


def test_old_spellings_work_and_are_not_shown() -> None:
    parser = inspect_parser()
    old = parser.parse_args(["--json", "via.json", "--output", "r"])
    assert old.annotations == parser.parse_args(["--annotations", "via.json", "--output", "r"]).annotations
    assert "--json" not in parser.format_help()


def test_the_version_and_the_nearest_command_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"balloon-splash {__version__}\n"
    assert main(["splahs"]) == 2
    assert "did you mean splash?" in capsys.readouterr().err


@pytest.mark.parametrize("given", [["1", "2", "4"], ["1,2,4"], ["1,2", "4"]])
@pytest.mark.parametrize(("option", "name"), [("--instances", "instances"), ("--scales", "scales")])
def test_commas_separate_numbers_as_spaces_do(option: str, name: str, given: list[str]) -> None:
    args = splash_parser().parse_args(["--input", "a.jpg", "--output", "b.jpg", option, *given])
    assert getattr(args, name) == [1, 2, 4]


@pytest.mark.parametrize("wrong", ["1,x", "1,,2", "0,1"])
def test_a_wrong_number_among_several_is_named(capsys: pytest.CaptureFixture[str], wrong: str) -> None:
    with pytest.raises(SystemExit):
        splash_parser().parse_args(["--input", "a.jpg", "--instances", wrong])
    assert "found, expected a whole number, 1 or more" in capsys.readouterr().err
