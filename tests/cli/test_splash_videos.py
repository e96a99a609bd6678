"""The splash command with videos: what it writes, what it says, and how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from balloon_splash.cli.splash import main
from balloon_splash.cli.splash_options import build_parser
from balloon_splash.media.webcam import Webcam
from balloon_splash.splasher import loading
from tests.cli.scenes import SIZE, colourful, moving_scene
from tests.fakes import draw_scene
from tests.media.clips import Pixels, make_clip, read_packets, read_pictures

ROOT = Path(__file__).parents[2]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    folder = tmp_path / "films"
    folder.mkdir()
    return make_clip(folder / "party.mp4", frames=25, size=SIZE, draw=moving_scene, audio=["aac"])


def run(*args: object) -> int:
    return main([str(arg) for arg in args])


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_video_gets_its_splash_beside_it_with_its_sound(model, clip: Path, capsys):
    assert run("--input", clip, "-v") == 0
    result = clip.with_name("party_splash.mp4")
    pictures = read_pictures(result)
    assert [picture.time for picture in pictures] == [Fraction(i, 25) for i in range(25)]
    assert all(colourful(picture.rgb, 40, 40) and not colourful(picture.rgb, 10, 110) for picture in pictures)
    assert read_packets(result, "audio") == read_packets(clip, "audio")
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 of 1 splashed, 2 objects, 25 frames" in err
    assert "party.mp4: 2 objects" in err
    assert "1 of 1 splashed, 2 objects, 25 frames" in err


def test_photos_and_videos_of_a_folder_go_together_and_a_bad_one_stops_none(model, clip: Path, tmp_path: Path, capsys):
    folder = clip.parent
    Image.fromarray(draw_scene()).save(folder / "photo.png")
    (folder / "broken.mov").write_bytes(b"no video")
    assert run("--input", folder, "--output", tmp_path / "out", "--json") == 1
    assert files(tmp_path / "out") == ["party_splash.mp4", "photo_splash.png"]
    summary = json.loads(capsys.readouterr().out)
    assert [entry["found"] for entry in summary["photos"]] == [3]
    broken, party = summary["videos"]
    assert "broken.mov" in broken["error"]
    assert broken["output"] is None
    assert (party["frames"], party["length"], party["height"], party["width"]) == (25, 1.0, *SIZE)
    assert (party["kept"], party["copied_tracks"], party["error"]) == (2, ["aac"], None)


def test_photos_get_their_comparisons_and_videos_beside_them_a_word(model, clip: Path, tmp_path: Path, capsys):
    Image.fromarray(draw_scene()).save(clip.parent / "photo.png")
    assert run("--input", clip.parent, "--output", tmp_path / "out", "--compare", "--max-frames", 1) == 0
    assert files(tmp_path / "out") == ["party_splash.mp4", "photo_splash.png", "photo_splash_compare.png"]
    assert "note: masks, cut-outs and comparisons are made of photos; the videos get none" in capsys.readouterr().err


def test_only_a_part_in_another_format(model, clip: Path, tmp_path: Path):
    assert run("--input", clip, "--output", tmp_path / "a.gif", "--start", "0:00.2", "--end", 0.6, "--stride", 2) == 0
    with Image.open(tmp_path / "a.gif") as image:
        assert getattr(image, "n_frames", 1) == 5
    assert run("--input", clip, "--output", tmp_path / "b.webm", "--max-frames", 3, "--no-audio") == 0
    assert len(read_pictures(tmp_path / "b.webm")) == 3


def test_an_animation_stays_one(model, tmp_path: Path):
    images = [Image.fromarray(moving_scene(i)) for i in range(4)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=80, loop=0)
    assert run("--input", tmp_path / "a.gif") == 0
    with Image.open(tmp_path / "a_splash.gif") as image:
        assert getattr(image, "n_frames", 1) == 4
        assert colourful(np.asarray(image.convert("RGB")), 40, 40)


def test_a_format_that_cannot_be_written_becomes_mp4_and_says_so(model, tmp_path: Path, capsys):
    make_clip(tmp_path / "old.avi", frames=3, size=SIZE, draw=moving_scene, codec="mpeg4")
    assert run("--input", tmp_path / "old.avi") == 0
    assert len(read_pictures(tmp_path / "old_splash.mp4")) == 3
    assert "cannot be written as .avi" in capsys.readouterr().err


def test_a_transparent_background_gets_a_format_that_holds_it(model, clip: Path, tmp_path: Path):
    assert run("--input", clip, "--background", "transparent", "--max-frames", 2, "--output", tmp_path / "out/") == 0
    (result,) = (tmp_path / "out").iterdir()
    assert result.suffix == ".mov"
    assert run("--input", clip, "--background", "transparent", "--output", tmp_path / "x.mp4") == 2
    assert not (tmp_path / "x.mp4").exists()


def test_the_number_of_an_object_is_its_own_all_the_time(model, clip: Path, tmp_path: Path):
    """The blue disc is the smaller one at first, so the second; later a model may well be surer of it."""
    assert run("--input", clip, "--output", tmp_path / "out.mp4", "--instances", 2) == 0
    for index, picture in enumerate(read_pictures(tmp_path / "out.mp4")):
        assert not colourful(picture.rgb, 40, 40)
        assert colourful(picture.rgb, 50 + 3 * index, 90)


@pytest.mark.parametrize("choice", [["--point", 50, 90], ["--box", 20, 65, 80, 115]])
def test_what_is_at_the_point_or_in_the_box_first_keeps_its_colour_wherever_it_goes(
    model, clip: Path, tmp_path: Path, choice: list[object]
):
    assert run("--input", clip, "--output", tmp_path / "out.mp4", *choice) == 0
    for index, picture in enumerate(read_pictures(tmp_path / "out.mp4")):
        assert not colourful(picture.rgb, 40, 40)
        assert colourful(picture.rgb, 50 + 3 * index, 90)
    assert run("--input", clip, "--output", tmp_path / "each.mp4", *choice, "--no-steady") == 0
    assert not colourful(read_pictures(tmp_path / "each.mp4")[24].rgb, 50 + 3 * 24, 90)


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (["--point", 155, 3], "none of the 2 objects is at --point 155 3; the nearest is number"),
        (["--box", 900, 0, 950, 9], "--box 900 0 950 9 lies outside the picture of 160x120 pixels"),
        (["--instances", 9], "none of the 2 objects is chosen; their numbers are 1, 2"),
        (["--confidence", 1], "no object reaches --confidence 1; the best score is 0."),
        (["--confidence", 1, "--no-low-confidence"], "no object found with a score of 1 or more (the best has 0."),
    ],
)
@pytest.mark.parametrize("steadied", [[], ["--no-steady"]])
def test_a_choice_that_hits_nothing_in_the_whole_video_is_explained(
    model, clip: Path, tmp_path: Path, capsys, choice: list[object], told: str, steadied: list[object]
):
    assert run("--input", clip, "--output", tmp_path / "out.mp4", "--max-frames", 3, *choice, *steadied) == 0
    assert f"party.mp4: {told}" in capsys.readouterr().err


def test_the_edge_follows_the_contours_of_each_frame(model, clip: Path, tmp_path: Path):
    assert run("--input", clip, "--output", tmp_path / "out.mp4", "--refine", "--max-frames", 2, "--soft") == 0
    assert colourful(read_pictures(tmp_path / "out.mp4")[1].rgb, 40, 40)


def test_recorded_detections_give_the_same_video_without_a_model(model, clip: Path, tmp_path: Path, monkeypatch):
    record = tmp_path / "found.jsonl"
    assert run("--input", clip, "--output", tmp_path / "a.mp4", "--save-detections", record) == 0
    assert len(record.read_text().splitlines()) == 25
    monkeypatch.setattr(loading, "load_finder", lambda *args, **options: pytest.fail("the model was loaded"))
    assert run("--input", clip, "--output", tmp_path / "b.mp4", "--detections", record) == 0
    pairs = zip(read_pictures(tmp_path / "a.mp4"), read_pictures(tmp_path / "b.mp4"), strict=True)
    assert all(np.array_equal(a.rgb, b.rgb) for a, b in pairs)
    (tmp_path / "longer").mkdir()
    longer = make_clip(tmp_path / "longer" / "party.mp4", frames=30, size=SIZE, draw=moving_scene)
    assert run("--input", longer, "--detections", record) == 1
    assert files(tmp_path / "longer") == ["party.mp4"]


def test_an_unknown_codec_is_refused_even_where_there_are_only_photos(model, tmp_path: Path, capsys):
    Image.fromarray(draw_scene()).save(tmp_path / "a.png")
    assert run("--input", tmp_path / "a.png", "--codec", "h2644") == 2
    assert "codec h2644 is unknown; did you mean h264?" in capsys.readouterr().err
    assert files(tmp_path) == ["a.png"]


def test_a_photo_that_is_not_in_the_record_fails_alone(model, tmp_path: Path, capsys):
    for name in ("a.png", "b.png"):
        Image.fromarray(draw_scene()).save(tmp_path / name)
    record = tmp_path / "found.json"
    assert run("--input", tmp_path / "a.png", "--save-detections", record) == 0
    assert run("--input", tmp_path / "a.png", tmp_path / "b.png", "--detections", record, "--overwrite") == 1
    assert "no record of" in capsys.readouterr().err
    assert (tmp_path / "a_splash.png").exists()
    assert not (tmp_path / "b_splash.png").exists()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--output", "x.avi"], "cannot be written as .avi"),
        (
            ["--output", "x.mp4", "--codec", "vp8"],
            "vp8 is unknown; did you mean vp9? expected one of apng, av1, gif, h264, h265, prores, vp9, webp (--codec)",
        ),
        (["--start", "2", "--end", "1"], "expected more than start, 2 s (--start, --end)"),
        (["--save-mask"], "made of photos"),
        (["--save-annotations", "via.json"], "annotations are made of photos, not of videos"),
        (["--every", "99"], "every is 99; expected 1 to 60 frames (--every)"),
        (["--save-detections", "x.json"], "expected .jsonl"),
        (["--video-quality", "90"], "0 to 51 (--video-quality)"),
        (["--detections", "a.jsonl", "--save-detections", "b.jsonl"], "none is run"),
    ],
)
def test_wrong_use_is_one_line_before_the_model_is_loaded(clip: Path, monkeypatch, capsys, wrong, said):
    monkeypatch.setattr(loading, "load_finder", lambda *args, **options: pytest.fail("the model was loaded"))
    monkeypatch.chdir(clip.parent)
    assert run("--input", clip, *wrong) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert said in err
    assert files(clip.parent) == ["party.mp4"]


@pytest.mark.parametrize(("text", "seconds"), [("7.5", 7.5), ("1:30", 90.0), ("1:00:01", 3601.0)])
def test_times_are_read_as_players_show_them(text: str, seconds: float):
    assert build_parser().parse_args(["--input", "x", "--start", text]).start == seconds


@pytest.mark.parametrize("text", ["-1", "1:2:3:4", "soon", "nan"])
def test_times_that_make_no_sense_are_refused(text: str):
    with pytest.raises(SystemExit) as error:
        build_parser().parse_args(["--input", "x", f"--start={text}"])
    assert error.value.code == 2


INTERRUPTED = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs this behind it may have switched it off
from balloon_splash.cli import splash
from balloon_splash.splasher.reports import TerminalReport
from tests.fakes import ColourSegmenter
told = TerminalReport.frame
def frame(self, done, expected):
    told(self, done, expected)
    if done == 10:
        os.kill(os.getpid(), signal.SIGINT)
TerminalReport.frame = frame
sys.exit(splash.main(sys.argv[1:], finder=ColourSegmenter()))  # no torch: it takes seconds
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals to oneself work otherwise")
@pytest.mark.parametrize("keep", [False, True])
def test_ctrl_c_leaves_nothing_or_what_is_done(tmp_path: Path, keep: bool):
    for name in ("a.mp4", "b.mp4"):
        make_clip(tmp_path / name, frames=300, size=SIZE, draw=moving_scene)
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, "--input", str(tmp_path), *(["--keep-partial"] * keep)],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert "interrupted" in done.stderr
    assert ("--keep-partial keeps the part that is done" in done.stderr) == (not keep)
    assert files(tmp_path) == ["a.mp4", *(["a_splash.mp4"] * keep), "b.mp4"]
    if keep:
        assert 10 <= len(read_pictures(tmp_path / "a_splash.mp4")) < 300


def test_a_webcam_without_a_screen_is_one_line(model, monkeypatch, tmp_path: Path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert run("--input", 0) == 2
    assert capsys.readouterr().err.startswith("error: webcam 0: no screen")


def test_a_missing_webcam_is_one_line(model, monkeypatch, tmp_path: Path, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":97")
    assert run("--input", 97) == 2
    err = capfd.readouterr().err
    assert err.startswith("error: webcam 97: cannot be opened")
    assert len(err.splitlines()) == 1
    assert run("--input", 97, "--output", "x.mp4") == 2
    assert "shown in a window" in capfd.readouterr().err
    assert run("--input", 97, "--save-mask") == 2, "a mask that is never written"
    assert "shown in a window" in capfd.readouterr().err


def test_a_webcam_is_shown_until_the_window_is_closed(model, monkeypatch, tmp_path: Path):
    class Camera:
        def isOpened(self) -> bool:
            return True

        def set(self, *_: object) -> bool:
            return True

        def read(self) -> tuple[bool, Pixels]:
            return True, moving_scene(0)[..., ::-1].copy()

        def release(self) -> None:
            released.append(True)

    def seen(picture: Pixels) -> bool:
        return colourful(picture, 40, 40)

    shown: list[Pixels] = []
    released: list[bool] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISPLAY", ":97")
    monkeypatch.setattr(cv2, "VideoCapture", lambda index: Camera())
    monkeypatch.setattr(cv2, "imshow", lambda title, bgr: shown.append(bgr[..., ::-1]))
    monkeypatch.setattr(cv2, "waitKey", lambda delay: ord("q") if seen(shown[-1]) or len(shown) == 500 else -1)
    monkeypatch.setattr(cv2, "getWindowProperty", lambda *_: 1.0)
    monkeypatch.setattr(cv2, "destroyWindow", lambda title: None)
    assert run("--input", 0) == 0
    assert not seen(shown[0]), "the model has not finished its first look"
    assert seen(shown[-1])
    assert not colourful(shown[-1], 10, 110)
    assert released == [True]


def test_a_webcam_that_is_unplugged_is_named(monkeypatch):
    class Dead:
        def __getattr__(self, name: str):
            return lambda *_: (False, None) if name == "read" else True

    monkeypatch.setattr(cv2, "VideoCapture", lambda index: Dead())
    with Webcam(3) as webcam, pytest.raises(Exception, match="webcam 3: sends no more"):
        next(webcam.frames())


def test_edges_that_leave_nothing_in_any_frame_are_named(model, clip: Path, capsys):
    assert run("--input", clip, "--max-frames", 2, "--shrink", 500) == 0
    assert "nothing is left of 2 objects after --shrink, --refine and --strokes" in capsys.readouterr().err
