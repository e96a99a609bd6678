"""The splash command and files that are there already: inputs are never lost, results only if asked."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.cli.splash import main
from balloon_splash.cli.splash_options import build_parser
from balloon_splash.splasher import loading
from tests.cli.scenes import moving_scene
from tests.fakes import draw_scene
from tests.media.clips import make_clip, read_packets, read_pictures


def run(*args: object) -> int:
    return main([str(arg) for arg in args])


def photo(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(draw_scene()).save(path)
    return path


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_extra_file_is_never_written_onto_an_input_and_fails_its_photo_alone(model, tmp_path: Path, capsys):
    a, mask = photo(tmp_path / "a.png"), photo(tmp_path / "a_splash_mask.png")
    before = mask.read_bytes()
    assert run("--input", a, mask, "--save-mask", "--overwrite") == 1
    assert mask.read_bytes() == before
    assert "a_splash_mask.png: is an input" in capsys.readouterr().err
    assert not (tmp_path / "a_splash.png").exists()


@pytest.mark.parametrize("name", ["b.png", "a_splash.png", "ground.png"])
def test_a_record_is_never_written_onto_an_input_or_a_result(model, tmp_path: Path, capsys, name: str):
    a, b, ground = (photo(tmp_path / f"{stem}.png") for stem in ("a", "b", "ground"))
    before = b.read_bytes()
    wrong = ["--save-detections", tmp_path / name, "--overwrite", "--background", f"image:{ground}"]
    assert run("--input", a, b, *wrong) == 2
    assert "is an input or a result" in capsys.readouterr().err
    assert b.read_bytes() == before
    assert files(tmp_path) == ["a.png", "b.png", "ground.png"]


def test_a_result_is_never_written_onto_the_picture_behind_it(model, tmp_path: Path):
    a, ground = photo(tmp_path / "a.png"), photo(tmp_path / "ground.png")
    before = ground.read_bytes()
    assert run("--input", a, "--background", f"image:{ground}", "--output", ground, "--overwrite") == 2
    assert ground.read_bytes() == before


def test_a_second_run_takes_none_of_the_first_ones_files_for_photos(model, tmp_path: Path, capsys):
    photo(tmp_path / "a.png")
    extras = ["--save-mask", "--save-masks", "--save-crops", "--compare"]
    for what in (tmp_path, tmp_path / "*.png"):
        assert run("--input", what, *extras, "--overwrite") == 0
        assert "1 of 1 splashed" in capsys.readouterr().err
    assert len(files(tmp_path)) == 10


def test_photos_that_differ_by_their_suffix_alone_have_extras_of_their_own(model, tmp_path: Path):
    photo(tmp_path / "a.png")
    photo(tmp_path / "a.bmp")
    assert run("--input", tmp_path, "--save-mask") == 0
    assert {"a.png_splash_mask.png", "a.bmp_splash_mask.png"} < set(files(tmp_path))
    assert run("--input", tmp_path, "--save-mask", "--overwrite") == 0
    assert len(files(tmp_path)) == 6


def test_extras_that_are_there_already_stop_the_splash_too(model, tmp_path: Path):
    a = photo(tmp_path / "a.png")
    (tmp_path / "a_splash_mask.png").write_bytes(b"precious")
    assert run("--input", a, "--save-mask") == 1
    assert files(tmp_path) == ["a.png", "a_splash_mask.png"]


def test_existing_results_can_be_left_alone(model, tmp_path: Path, capsys, monkeypatch):
    photo(tmp_path / "a.png")
    photo(tmp_path / "b.png")
    (tmp_path / "a_splash.png").write_bytes(b"precious")
    assert run("--input", tmp_path) == 2
    assert run("--input", tmp_path, "--skip-existing", "--json") == 0
    out, err = capsys.readouterr()
    assert "1 of 2 splashed, 1 already existed" in err
    assert sorted(entry["skipped"] for entry in json.loads(out)["photos"]) == [False, True]
    assert (tmp_path / "a_splash.png").read_bytes() == b"precious"
    monkeypatch.setattr(loading, "load_finder", lambda *args, **options: pytest.fail("the model was loaded"))
    assert run("--input", tmp_path, "--skip-existing") == 0


def test_a_clash_of_names_fails_those_photos_alone(model, tmp_path: Path, capsys):
    inputs = [photo(tmp_path / folder / name) for folder, name in (("x", "a.png"), ("y", "a.png"), ("y", "b.png"))]
    assert run("--input", *inputs, "--output", tmp_path / "out") == 1
    assert files(tmp_path / "out") == ["b_splash.png"]
    err = capsys.readouterr().err
    assert err.count("would be the result of both") == 2
    assert "1 of 3 splashed" in err


@pytest.mark.parametrize("wrong", [["--input", ""], ["--input", "a.png", "--background", "image:"]])
def test_an_empty_name_is_not_the_current_folder(model, tmp_path: Path, monkeypatch, capsys, wrong: list[str]):
    photo(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    assert run(*wrong) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert files(tmp_path) == ["a.png"]


@pytest.mark.parametrize(
    ("option", "said"),
    [("--batch-size", "1 or more"), ("--quality", "1 to 100"), ("--feather", "0 or more"), ("--confidence", "0 to 1")],
)
def test_words_in_the_place_of_numbers_are_told_what_was_expected(capsys, option: str, said: str):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["--input", "x", option, "x"])
    err = capsys.readouterr().err
    assert said in err
    assert "_" not in err.rpartition("error:")[2].partition("; see")[0]


def test_a_quality_for_photos_is_said_to_be_none_for_videos(model, tmp_path: Path, capsys):
    make_clip(tmp_path / "a.mp4", frames=2)
    assert run("--input", tmp_path / "a.mp4", "--quality", 50) == 0
    assert "note: --quality is for photos" in capsys.readouterr().err


def test_options_of_videos_are_said_to_have_no_effect_on_photos(model, tmp_path: Path, capsys):
    Image.fromarray(draw_scene()).save(tmp_path / "a.png")
    assert run("--input", tmp_path / "a.png", "--codec", "vp9", "--stride", 2) == 0
    assert "note: --stride, --codec: no effect on photos\n" in capsys.readouterr().err
    make_clip(tmp_path / "b.mp4", frames=2)
    assert run("--input", tmp_path, "--stride", 2, "--overwrite") == 0
    assert "no effect" not in capsys.readouterr().err


def test_a_confidence_below_what_a_record_holds_is_noted(model, tmp_path: Path, capsys):
    photo, record = tmp_path / "a.png", tmp_path / "found.json"
    Image.fromarray(draw_scene()).save(photo)
    assert run("--input", photo, "--save-detections", record) == 0
    replay = ["--input", photo, "--detections", record, "--overwrite", "--confidence"]
    assert run(*replay, 0.05) == 0
    assert "found.json" not in capsys.readouterr().err
    assert run(*replay, 0.02) == 0
    assert "found.json holds scores of 0.91 and more; --confidence 0.02 finds" in capsys.readouterr().err


@pytest.mark.parametrize(("sound", "suffix"), [("pcm_s16le", ".mov"), ("libmp3lame", ".mp4")])
def test_a_format_that_cannot_be_written_becomes_one_that_holds_the_sound(
    model, tmp_path: Path, capsys, sound: str, suffix: str
):
    clip = make_clip(tmp_path / "old.avi", frames=5, codec="mpeg4", audio=[sound])
    assert run("--input", clip) == 0
    assert files(tmp_path) == ["old.avi", f"old_splash{suffix}"]
    assert f"the result is {suffix}" in capsys.readouterr().err
    after = read_packets(tmp_path / f"old_splash{suffix}", "audio")[0]
    assert b"".join(data for _, data in after) == b"".join(d for _, d in read_packets(clip, "audio")[0])


@pytest.mark.parametrize("sound", ["pcm_s16le", "adpcm_ms"])
def test_sound_that_the_file_cannot_hold_is_encoded_anew_with_a_note_that_names_the_way_out(
    model, tmp_path: Path, capsys, sound: str
):
    clip = make_clip(tmp_path / "old.avi", frames=5, codec="mpeg4", audio=[sound])
    assert run("--input", clip, "--output", tmp_path / "x.mp4") == 0
    assert f"{sound}, which .mp4 files cannot hold; it becomes aac; --no-audio" in capsys.readouterr().err
    assert read_packets(tmp_path / "x.mp4", "audio")[0]
    assert run("--input", clip, "--output", tmp_path / "silent.mp4", "--no-audio") == 0
    assert not read_packets(tmp_path / "silent.mp4", "audio")


def test_any_part_of_what_was_recorded_can_be_splashed_and_no_other(model, tmp_path: Path, capsys):
    clip = make_clip(tmp_path / "a.mkv", frames=40, size=(120, 160), draw=lambda i, size: moving_scene(i), rate=30)
    record = tmp_path / "found.jsonl"
    assert run("--input", clip, "--save-detections", record) == 0
    replay = ["--input", clip, "--detections", record, "--overwrite"]
    for part in (["--start", 0.7], ["--start", 0.2, "--end", 0.9, "--stride", 3]):
        assert run("--input", clip, *part, "--every", 1, "--output", tmp_path / "model.mkv", "--overwrite") == 0
        assert run(*replay, *part, "--output", tmp_path / "record.mkv") == 0
        pairs = zip(read_pictures(tmp_path / "model.mkv"), read_pictures(tmp_path / "record.mkv"), strict=True)
        assert all(np.array_equal(a.rgb, b.rgb) for a, b in pairs)
    assert run("--input", clip, "--save-detections", record, "--start", 0.2, "--stride", 2, "--overwrite") == 0
    assert run(*replay, "--start", 0.2, "--stride", 4) == 0
    capsys.readouterr()
    assert run(*replay, "--start", 0.2) == 1
    assert "expected a record of every requested frame" in capsys.readouterr().err


def test_a_file_name_that_a_record_has_twice_stands_for_neither(model, tmp_path: Path, capsys):
    photos = [photo(tmp_path / folder / "a.png") for folder in ("x", "y", "z")]
    Image.fromarray(np.zeros((120, 160, 3), np.uint8)).save(photos[1])
    record = tmp_path / "found.json"
    assert run("--input", *photos[:2], "--save-detections", record) == 0
    assert run("--input", photos[2], "--detections", record) == 1
    assert f"no record of {photos[2]}; it holds {photos[0]}, {photos[1]}\n" in capsys.readouterr().err


def test_transparent_areas_stay_so_in_everything_that_is_written(model, tmp_path: Path):
    scene = draw_scene()
    opaque = np.full(scene.shape[:2], 255, np.uint8)
    opaque[:40] = 0  # through the upper part of both red discs
    Image.fromarray(np.dstack([scene, opaque])).save(tmp_path / "cup.png")
    extras = ["--save-mask", "--save-masks", "--save-crops", "--compare"]
    assert run("--input", tmp_path / "cup.png", *extras) == 0

    def pixels(name: str) -> np.ndarray:
        return np.asarray(Image.open(tmp_path / f"cup_splash{name}.png"))

    assert not pixels("_mask")[:40].any()
    assert pixels("_mask")[40:].any()
    compared = pixels("_compare")  # one above the other, with a gap of a pixel
    assert not compared[:40, :, 3].any()
    assert not compared[121:161, :, 3].any()
    for number in range(1, 4):
        assert not pixels(f"_mask_{number:02d}")[:40].any()
        assert pixels(f"_crop_{number:02d}").shape[0] <= 120 - 40
