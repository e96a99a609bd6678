"""The splash command: what it writes, what it says, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.cli.splash import main
from balloon_splash.splasher import loading
from tests.fakes import draw_scene

ROOT = Path(__file__).parents[2]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "my photos"
    folder.mkdir()
    for name in ("one.png", "two é.png", "three.png"):
        Image.fromarray(draw_scene()).save(folder / name)
    return folder


def run(*args: object) -> int:
    return main([str(arg) for arg in args])


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_a_photo_gets_its_splash_beside_it(model, photos: Path, capsys):
    assert run("--input", photos / "one.png", "--weights", "w") == 0
    scene, result = draw_scene(), pixels(photos / "one_splash.png")
    assert np.array_equal(result[40, 40], scene[40, 40])
    assert len(set(result[2, 2])) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 of 1 splashed, 3 objects" in err


def test_a_folder_goes_through_the_model_in_batches(model, photos: Path, tmp_path: Path):
    assert run("--input", photos, "--output", tmp_path / "out", "--batch-size", 2, "--quiet") == 0
    assert files(tmp_path / "out") == ["one_splash.png", "three_splash.png", "two é_splash.png"]
    assert model.batches == [2, 1]


def test_one_bad_photo_does_not_stop_the_others(model, photos: Path, tmp_path: Path, capsys):
    (photos / "bad.jpg").write_bytes(b"\xff\xd8 not really")
    assert run("--input", photos, "--output", tmp_path / "out", "--quiet") == 1
    assert files(tmp_path / "out") == ["one_splash.png", "three_splash.png", "two é_splash.png"]
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "bad.jpg" in err


def test_an_input_that_fails_is_exit_code_1_also_if_it_is_the_only_one(model, tmp_path: Path):
    (tmp_path / "empty.jpg").touch()
    assert run("--input", tmp_path / "empty.jpg") == 1
    assert files(tmp_path) == ["empty.jpg"]


@pytest.mark.parametrize(
    "wrong",
    [
        ["--input", "none.jpg"],
        ["--input", "one.png", "--background", "glitter"],
        ["--input", "one.png", "--background", "image:none.jpg"],
        ["--input", "one.png", "--classes", "green"],
        ["--input", "one.png", "--output", "one.png", "--overwrite"],
        ["--input", "one.png", "three.png", "--output", "-"],
        ["--input", "one.png", "--output", "-", "--json"],
        ["--input", "one.png", "--output", "-", "--save-mask"],
        ["--input", "one.png", "--detections", "none.json"],
        ["--input", "one.png", "--annotation-format", "yolo"],
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(model, photos: Path, monkeypatch, capsys, wrong):
    monkeypatch.chdir(photos)
    before = files(photos)
    assert run(*wrong) == 2
    err = capsys.readouterr().err
    assert len(err.splitlines()) == 1
    assert err.startswith("error: ")
    assert files(photos) == before


@pytest.mark.parametrize(
    "wrong", [["--confidence", "7"], ["--top-k", "0"], ["--feather", "-2"], ["--box", "1", "2"], ["--quality", "0"]]
)
def test_numbers_that_make_no_sense_are_refused(photos: Path, wrong):
    with pytest.raises(SystemExit) as error:
        run("--input", photos / "one.png", *wrong)
    assert error.value.code == 2


def test_results_are_replaced_only_if_asked(model, photos: Path):
    (photos / "one_splash.png").write_bytes(b"precious")
    assert run("--input", photos / "one.png") == 2
    assert (photos / "one_splash.png").read_bytes() == b"precious"
    assert run("--input", photos / "one.png", "--overwrite") == 0
    assert pixels(photos / "one_splash.png").shape == (120, 160, 3)


def test_an_unwritable_folder_is_said(model, photos: Path, tmp_path: Path, capsys):
    (tmp_path / "file").touch()
    assert run("--input", photos / "one.png", "--output", tmp_path / "file" / "below" / "x.png", "--quiet") == 1
    assert "cannot be written" in capsys.readouterr().err


def test_masks_crops_and_comparison_are_written_on_request(model, photos: Path, tmp_path: Path):
    out = tmp_path / "out"
    extras = ["--save-mask", "--save-masks", "--save-crops", "--compare"]
    assert run("--input", photos / "one.png", "--output", out, "--classes", "red", *extras) == 0
    assert files(out) == [
        "one_splash.png",
        "one_splash_compare.png",
        "one_splash_crop_01.png",
        "one_splash_crop_03.png",
        "one_splash_mask.png",
        "one_splash_mask_01.png",
        "one_splash_mask_03.png",
    ]
    union = pixels(out / "one_splash_mask_01.png") | pixels(out / "one_splash_mask_03.png")
    assert np.array_equal(pixels(out / "one_splash_mask.png"), union)
    assert pixels(out / "one_splash_crop_01.png").shape[2] == 4


def test_recorded_detections_give_the_same_splash_without_a_model(model, photos: Path, tmp_path: Path, monkeypatch):
    record = tmp_path / "found.json"
    assert run("--input", photos, "--output", tmp_path / "a", "--save-detections", record, "--soft") == 0
    monkeypatch.setattr(loading, "load_finder", lambda *args, **options: pytest.fail("the model was loaded"))
    assert run("--input", photos, "--output", tmp_path / "b", "--detections", record, "--soft") == 0
    for name in files(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert run("--input", photos, "--output", tmp_path / "c", "--detections", record, "--instances", 2) == 0
    result = pixels(tmp_path / "c" / "one_splash.png")
    assert len(set(result[90, 80])) > 1
    assert len(set(result[40, 40])) == 1


def test_the_json_summary_is_all_that_stdout_holds(model, photos: Path, capsys):
    (photos / "bad.png").write_bytes(b"bad")
    assert run("--input", photos, "--json") == 1
    summary = json.loads(capsys.readouterr().out)["photos"]
    assert [entry["kept"] for entry in summary] == [0, 3, 3, 3]
    assert "bad.png" in summary[0]["error"]
    assert Path(summary[1]["output"]).is_file()


def test_what_cannot_be_kept_is_said(model, tmp_path: Path, capsys):
    Image.fromarray(draw_scene()).quantize(64).save(tmp_path / "palette.gif")
    assert run("--input", tmp_path / "palette.gif") == 0
    assert "256 colours" in capsys.readouterr().err


def test_another_picture_as_the_ground(model, photos: Path, tmp_path: Path):
    Image.new("RGB", (10, 10), "navy").save(tmp_path / "ground.png")
    assert run("--input", photos / "one.png", "--background", f"image:{tmp_path / 'ground.png'}") == 0
    assert pixels(photos / "one_splash.png")[2, 2].tolist() == [0, 0, 128]


def test_stdin_to_stdout_as_a_user_pipes_it(model, photos: Path, tmp_path: Path):
    record = tmp_path / "found.jsonl"
    (tmp_path / "stdin.png").write_bytes((photos / "one.png").read_bytes())
    assert run("--input", tmp_path / "stdin.png", "--output", tmp_path / "x.png", "--save-detections", record) == 0
    done = subprocess.run(
        [sys.executable, "tools/splash.py", "--input", "-", "--output", "-", "--detections", record],
        input=(photos / "one.png").read_bytes(),
        capture_output=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    (tmp_path / "piped.png").write_bytes(done.stdout)
    assert np.array_equal(pixels(tmp_path / "piped.png"), pixels(tmp_path / "x.png"))


def test_help_answers_without_loading_anything_heavy(capsys):
    code = (
        "import sys; from balloon_splash.cli.splash import build_parser; build_parser().format_help();"
        "print([m for m in ('torch', 'cv2', 'numpy', 'PIL', 'requests', 'tqdm') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_edges_that_leave_nothing_of_the_objects_are_named(model, photos: Path, capsys):
    assert run("--input", photos / "one.png", "--shrink", 500) == 0
    assert "nothing is left of 3 objects after --shrink, --refine and --strokes" in capsys.readouterr().err
