"""A folder from Python: what the command does, with a finder of one's own and a report of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from balloon_splash.compositing.select import Selection
from balloon_splash.errors import OutputExistsError, UsageError
from balloon_splash.splasher.finder import Finder
from balloon_splash.splasher.options import SplashOptions
from balloon_splash.splasher.outcomes import Outcome
from balloon_splash.splasher.reports import RunReport
from balloon_splash.splasher.run import splash_inputs
from tests.fakes import ColourSegmenter, draw_scene
from tests.media.clips import make_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "party"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(draw_scene()).save(folder / name)
    (folder / "c.png").write_bytes(b"not a picture")
    make_clip(folder / "d.mp4", frames=4)
    return folder


def test_a_folder_is_splashed_and_each_input_has_its_outcome(folder: Path, tmp_path: Path) -> None:
    heard: list[str] = []

    class Listening(RunReport):
        def begin(self, photos: int, videos: int) -> None:
            heard.append(f"{photos} photos, {videos} video")

        def photo(self, outcome: Outcome) -> None:
            heard.append(Path(outcome.job.source.name).name)

        def video(self, outcome: Outcome) -> None:
            heard.append(Path(outcome.job.source.name).name)

    summary = splash_inputs([str(folder)], str(tmp_path / "out"), finder=ColourSegmenter(), report=Listening())
    assert heard == ["3 photos, 1 video", "a.png", "b.png", "c.png", "d.mp4"]
    assert [outcome.kept for outcome in summary.photos] == [3, 3, 0]
    assert [Path(outcome.job.source.name).name for outcome in summary.failed] == ["c.png"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "a_splash.png",
        "b_splash.png",
        "d_splash.mp4",
    ]


def test_the_model_is_loaded_only_if_there_is_work(folder: Path, tmp_path: Path) -> None:
    def load() -> Finder:
        raise AssertionError("there is no work")

    for name in ("a_splash.png", "b_splash.png"):
        (tmp_path / name).touch()
    inputs = [str(folder / "a.png"), str(folder / "b.png")]
    summary = splash_inputs(inputs, f"{tmp_path}/", SplashOptions(existing="skip"), finder=load)
    assert [outcome.skipped for outcome in summary.outcomes] == [True, True]


def test_results_that_exist_are_refused_or_replaced(folder: Path) -> None:
    (folder / "a_splash.png").write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match=r"a_splash\.png"):
        splash_inputs([str(folder / "a.png")], finder=ColourSegmenter())
    assert (folder / "a_splash.png").read_bytes() == b"precious"
    splash_inputs([str(folder / "a.png")], options=SplashOptions(existing="overwrite"), finder=ColourSegmenter())
    assert Image.open(folder / "a_splash.png").size == (160, 120)


def test_an_unknown_class_is_refused_before_anything_is_written(folder: Path) -> None:
    options = SplashOptions(selection=Selection(classes=["green"]))
    with pytest.raises(UsageError, match="unknown class green; the model knows: red, blue"):
        splash_inputs([str(folder / "a.png")], options=options, finder=ColourSegmenter())
    assert not (folder / "a_splash.png").exists()
