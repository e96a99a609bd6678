from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from balloon_splash.cli.prepare import build_parser, main
from balloon_splash.data.datasets import prepare
from tests.data.datasets.balloon_archive import official_files, send, serving, via_hashes, zipped

REPOSITORY = Path(__file__).parents[2]
FILES = official_files()


@pytest.fixture(autouse=True)
def datasets(tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("DETECTRON2_DATASETS", str(tmp_path / "datasets"))
    monkeypatch.setattr(prepare, "OFFICIAL_VIA_SHA256", via_hashes(FILES))
    return tmp_path / "datasets"


@pytest.fixture
def archive(tmp_path):
    file = tmp_path / "copy of balloon.zip"
    file.write_bytes(zipped(FILES))
    return file


def test_the_default_folder_is_where_the_dataset_is_registered(datasets, archive, capsys):
    assert main(["--archive", str(archive)]) == 0
    assert (datasets / "balloon" / "train" / "via_region_data.json").is_file()
    assert "complete" in capsys.readouterr().out


def test_a_second_run_says_that_all_is_there(archive, capsys):
    main(["--archive", str(archive)])
    archive.unlink()
    capsys.readouterr()
    assert main([]) == 0
    assert "already complete, nothing to do" in capsys.readouterr().out


def test_a_download_goes_where_output_says(tmp_path, capfd):
    with serving({"/b.zip": send(zipped(FILES))}) as server:
        assert main(["--url", f"{server}/b.zip", "--output", str(tmp_path / "here"), "--quiet"]) == 0
    assert (tmp_path / "here" / "val" / "a.jpg").is_file()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--archive", "absent.zip"], "absent.zip: no such archive"),
        (["--archive", "{archive}", "--sha256", "00"], "expected 00"),
        (["--archive", "{archive}", "--url", "https://x"], "expected one of them"),
        (["--synthetic", "--archive", "{archive}"], "expected it without --archive"),
        (["--synthetic", "--num-train", "0"], "expected at least one"),
        (["--url", "http://example.invalid/b.zip"], "expected an https address"),
    ],
)
def test_a_mistake_is_told_in_one_line_and_changes_nothing(datasets, archive, capsys, options, message):
    assert main([option.format(archive=archive) for option in options]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err
    assert list(datasets.glob("*")) == []


def test_synthetic_balloons_need_no_download(datasets, capsys):
    assert main(["--synthetic", "--num-train", "2", "--num-val", "1", "--seed", "3"]) == 0
    assert len(list((datasets / "synthetic_balloon" / "train").glob("*.jpg"))) == 2
    assert "2 training and 1 validation pictures" in capsys.readouterr().out


@pytest.mark.parametrize("kinds", [["hot-air"], ["crowd", "party"]])
def test_scenes_are_of_the_kinds_asked_for(datasets, tmp_path, kinds):
    from balloon_splash.data.datasets.synthetic import write_synthetic_balloons

    assert main(["--synthetic", "--num-train", "2", "--num-val", "1", "--scenes", *kinds, "--quiet"]) == 0
    expected = write_synthetic_balloons(tmp_path / "expected", num_train=2, num_val=1, kinds=kinds, progress=False)
    photos = sorted(path.relative_to(expected) for path in expected.rglob("*.jpg"))
    assert [(datasets / "synthetic_balloon" / photo).read_bytes() for photo in photos] == [
        (expected / photo).read_bytes() for photo in photos
    ]


def test_the_kinds_of_scenes_on_offer_are_those_of_the_renderer():
    from balloon_splash.data.render import KINDS

    (scenes,) = [action for action in build_parser()._actions if action.dest == "scenes"]
    assert list(scenes.choices or ()) == list(KINDS)


def test_the_tool_answers_help_without_loading_the_heavy_parts():
    code = (
        "import runpy, sys; sys.argv = ['prepare_balloon', '--help']\n"
        "try: runpy.run_path('tools/prepare_balloon.py', run_name='__main__')\n"
        "except SystemExit as end: assert end.code == 0\n"
        "heavy = {'torch', 'detectron2', 'cv2', 'numpy', 'requests'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "--synthetic" in done.stdout
