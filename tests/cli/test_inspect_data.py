"""The command as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from PIL import Image

from balloon_splash.cli.inspect_data import _register, build_parser, main
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
CONFIG = ["--config-file", "configs/balloon_R18_FPN.yaml", *TINY]


@pytest.fixture
def balloons(tmp_path: Path) -> Path:
    return write_synthetic_balloons(tmp_path / "data", num_train=3, num_val=1, size=(160, 120), progress=False)


def test_a_via_file_gives_a_report_under_the_class_name_asked_for(balloons, tmp_path, capsys):
    output = tmp_path / "report"
    via_file = balloons / "train" / "via_region_data.json"
    assert main(["--annotations", str(via_file), "--class-name", "kite", "--output", str(output), *CONFIG]) == 0
    assert "<td>kite</td>" in (output / "index.html").read_text()
    assert str(output / "index.html") in capsys.readouterr().out


def test_balloon_points_the_registered_names_at_a_folder(balloons, tmp_path, capsys):
    options = ["--dataset", str(balloons), "--quiet"]
    assert main([*options, "--output", str(tmp_path / "report"), *CONFIG]) == 0
    streams = capsys.readouterr()
    assert streams.out == ""
    assert "photos of" not in streams.err


def test_a_report_that_is_there_is_refused_before_the_work_begins(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["--dataset", "no such dataset", "--output", str(tmp_path)]) == 2
    assert "exists already" in capsys.readouterr().err


def test_an_annotation_file_may_be_of_any_format(tmp_path):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.jpg")
    shape = {"label": "kite", "points": [[1, 1], [9, 1], [5, 9]], "shape_type": "polygon"}
    document = {"shapes": [shape], "imagePath": "a.jpg", "imageWidth": 20, "imageHeight": 20}
    (tmp_path / "of_labelme.json").write_text(json.dumps(document))
    (name,) = _register(
        build_parser().parse_args(["--annotations", str(tmp_path / "of_labelme.json"), "--output", "r"])
    )
    assert MetadataCatalog.get(name).thing_classes == ["kite"]
    assert len(DatasetCatalog.get(name)[0]["annotations"]) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "expected --dataset WHAT or --annotations FILE"),
        (["--dataset", "x", "--images", "y"], "--images without --annotations"),
        (["--dataset", "x", "--max-photos", "0"], "expected 1 or more"),
        (["--dataset", "x"], "'x' is not registered"),
        (["--annotations", "gone.json"], "gone.json: no such annotation file"),
        (["--dataset", "coco_2017_val"], "dataset 'coco_2017_val' cannot be read: "),
    ],
)
def test_mistakes_are_told_in_one_line(options, message, tmp_path, capsys):
    assert main([*options, "--output", str(tmp_path / "report")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "report").exists()


def test_a_folder_that_cannot_be_made_is_told_before_the_work_begins(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["--dataset", "no such dataset", "--output", str(tmp_path / "file" / "report")]) == 2
    assert "no report can be written there: Not a directory" in capsys.readouterr().err


def test_help_loads_nothing_heavy():
    program = (
        "import sys; from balloon_splash.cli.inspect_data import build_parser; build_parser().format_help();"
        "assert not {'torch', 'detectron2', 'matplotlib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)
