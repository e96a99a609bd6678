"""A trained model goes into one small file, and the splash runs that file by itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.modeling import build_model

from balloon_splash.cli.pack_weights import main
from balloon_splash.config import load_config
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.weights.checkpoint import AVERAGE
from balloon_splash.weights.packed import read_about, read_safetensors
from tests.conftest import TINY
from tests.inspect.model.tiny_model import write_run
from tests.modeling.test_cut_boxes import GROW


@pytest.fixture
def run(tmp_path: Path) -> str:
    return write_run(tmp_path / "run")[1]


def test_the_file_is_all_that_a_splash_needs(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "elsewhere" / "small.safetensors"
    assert main(["--weights", run, "--output", str(small), "--fact", "data=none"]) == 0
    printed = capsys.readouterr().out
    assert "sha256" in printed
    assert "largest error" in printed
    assert sorted(path.name for path in small.parent.iterdir()) == ["small.safetensors", "small.yaml"]
    about = read_about(str(small))
    assert about is not None
    assert about.card == {"data": "none"}
    assert str(tmp_path) not in small.with_suffix(".yaml").read_text(), "no path of the training goes with it"
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    (before,), (after,) = (
        Segmenter.from_config(None, weights, device="cpu", confidence=0.0).detect([image])
        for weights in (run, str(small))
    )
    assert after.class_names == ("balloon",)
    assert np.allclose(np.sort(before.scores), np.sort(after.scores), atol=0.02)


def test_a_pth_without_its_format_is_told_the_option(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--weights", run, "--output", str(tmp_path / "small.pth")]) == 2
    assert "expected a name that ends in .safetensors (--output), or --to pth" in capsys.readouterr().err


def test_the_moving_average_is_what_is_packed(run: str, tmp_path: Path) -> None:
    checkpoint = torch.load(run, weights_only=True)
    checkpoint[AVERAGE] = {name: torch.full_like(value, 2) for name, value in checkpoint["model"].items()}
    torch.save(checkpoint, run)
    assert main(["--weights", run, "--output", str(tmp_path / "small.safetensors")]) == 0
    packed = read_safetensors(str(tmp_path / "small.safetensors"))["model"]
    assert all((value == 2).all() for value in packed.values())


def test_the_mean_of_several_is_packed(run: str, tmp_path: Path) -> None:
    checkpoint = torch.load(run, weights_only=True)
    several = [tmp_path / "run" / f"{number}.pth" for number in range(3)]
    for number, path in enumerate(several):
        model = {
            name: value + number if value.is_floating_point() else value for name, value in checkpoint["model"].items()
        }
        torch.save(checkpoint | {"model": model}, path)
    small = tmp_path / "small.safetensors"
    first, *others = map(str, several)
    assert main(["--weights", first, "--output", str(small), "--storage", "fp16", "--average-with", *others]) == 0
    packed = read_safetensors(str(small))["model"]
    for name, value in checkpoint["model"].items():
        if value.is_floating_point():
            assert torch.allclose(packed[name], value + 1, rtol=1e-3, atol=1e-2), name


def test_a_classifier_counts_for_the_backbone_alone(run: str, tmp_path: Path) -> None:
    model = torch.load(run, weights_only=True)["model"]
    prefix = "backbone.bottom_up."
    classifier = {
        name.removeprefix(prefix): value + 2
        for name, value in model.items()
        if name.startswith(prefix) and value.is_floating_point()
    }
    torch.save({"model": classifier, "matching_heuristics": True}, tmp_path / "classifier.pth")
    small = tmp_path / "small.safetensors"
    arguments = ["--weights", run, "--average-with", str(tmp_path / "classifier.pth"), "--storage", "fp16"]
    assert main([*arguments, "--output", str(small)]) == 0
    packed = read_safetensors(str(small))["model"]
    for name, value in model.items():
        if value.is_floating_point():
            expected = value + 1 if name.startswith(prefix) else value
            assert torch.allclose(packed[name], expected, rtol=1e-3, atol=1e-2), name


def test_no_weights_are_not_averaged(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.safetensors"
    assert main(["--weights", run, "--output", str(small), "--average-with", "none"]) == 2
    assert "--average-with none: found no weights" in capsys.readouterr().err
    assert not small.exists()


def test_weights_of_other_classes_are_not_averaged(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = torch.load(run, weights_only=True)
    other = Path(run).with_name("kites.pth")
    torch.save(checkpoint | {"class_names": ["kite"]}, other)
    small = tmp_path / "small.safetensors"
    assert main(["--weights", run, "--output", str(small), "--average-with", str(other)]) == 2
    assert f"{other}: classes kite; expected balloon, as in the first" in capsys.readouterr().err
    assert not small.exists()


def test_one_of_our_configurations_goes_by_its_name(tmp_path: Path) -> None:
    model = build_model(load_config("demo_R18_FPN.yaml", device="cpu"))
    torch.save({"model": model.state_dict(), "class_names": ["balloon"]}, tmp_path / "model.pth")
    small = tmp_path / "small.safetensors"
    arguments = ["--weights", str(tmp_path / "model.pth"), "--config-file", "configs/demo_R18_FPN.yaml"]
    assert main([*arguments, "--output", str(small), "--storage", "fp16"]) == 0
    assert not small.with_suffix(".yaml").exists()
    about = read_about(str(small))
    assert about is not None
    assert about.config == "demo_R18_FPN.yaml"
    assert Segmenter.from_config(None, str(small), device="cpu").class_names == ("balloon",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--output", "small.pth"], "ends in .safetensors"),
        (["--config-file", "balloon_R50_FPN.yaml"], "does not fit this model"),
        (["--weights", "nowhere.pth"], "nowhere.pth"),
        (["--weights", "imagenet"], "not a model that finds objects"),
    ],
)
def test_what_cannot_be_packed_is_told(
    run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], message: str
) -> None:
    assert main(["--weights", run, "--output", str(tmp_path / "small.safetensors"), *change]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "small.safetensors").exists()


def test_nothing_is_overwritten_unasked(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = tmp_path / "small.safetensors"
    small.write_text("mine")
    assert main(["--weights", run, "--output", str(small)]) == 2
    assert small.read_text() == "mine"
    assert not small.with_suffix(".yaml").exists()
    assert main(["--weights", run, "--output", str(small), "--overwrite"]) == 0


@pytest.mark.parametrize("target", [["--output", "kites.safetensors"], ["--to", "pth", "--output", "kites.pth"]])
def test_a_dataset_file_of_the_same_name_stays_even_if_overwriting_is_asked_for(
    run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], target: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kites.yaml").write_text("train: train\nval: val\n")
    assert main(["--weights", run, *target, "--overwrite"]) == 2
    assert "kites.yaml: found another kind of file where the configuration" in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["kites.yaml", "run"]
    assert Path("kites.yaml").read_text() == "train: train\nval: val\n"


def test_weights_without_class_names_are_told(run: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint = torch.load(run, weights_only=True)
    torch.save({"model": checkpoint["model"]}, tmp_path / "nameless.pth")
    config = tmp_path / "mine.yaml"
    config.write_text(load_config("balloon_R18_FPN.yaml", [*TINY, "DATASETS.TEST", "()"]).dump())
    arguments = ["--weights", str(tmp_path / "nameless.pth"), "--config-file", str(config)]
    assert main([*arguments, "--output", str(tmp_path / "small.safetensors")]) == 2
    assert "none class names known for 1 classes; expected them in the checkpoint" in capsys.readouterr().err


@pytest.mark.parametrize(("opts", "parts"), [([], "StandardROIHeads"), (GROW, "BalloonROIHeads")], ids=["plain", "cut"])
def test_a_pth_of_a_model_whose_cut_boxes_grow_keeps_our_parts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], opts: list[str], parts: str
) -> None:
    _, weights = write_run(tmp_path / "run", opts=opts)
    assert main(["--weights", weights, "--to", "pth", "--output", str(tmp_path / "other.pth")]) == 0
    printed = capsys.readouterr().out
    assert ("after import balloon_splash" in printed) == bool(opts)
    assert f"NAME: {parts}" in (tmp_path / "other.yaml").read_text()
