"""Several trainings one after the other: what is done is not repeated, and what failed is told."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.cli.cross_validate import N_FOLDS, main
from balloon_splash.config import load_config
from balloon_splash.data.datasets import folds
from balloon_splash.data.datasets.folds import fold_name
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from balloon_splash.data.training.training_photos import repeat_factors
from balloon_splash.engine.cross_validation import METRICS, Run, cross_validate, last_evaluation, summary, table
from balloon_splash.engine.out_of_fold import OutOfFold
from balloon_splash.errors import TrainingError
from tests.conftest import TINY


def test_each_run_has_its_seed_its_folder_and_its_photos(tmp_path: Path) -> None:
    cfg = load_config("balloon_R18_FPN.yaml")
    assert Run(2).overrides(tmp_path, cfg) == ["SEED", "2", "OUTPUT_DIR", str(tmp_path)]
    fold = load_config("balloon_R18_FPN.yaml", Run(0, fold=3).overrides(tmp_path, cfg))
    assert list(fold.DATASETS.TRAIN) == [fold_name(3, "train")]
    assert list(fold.DATASETS.TEST) == [fold_name(3, "val")]
    assert len({Run(seed, fold).name for seed in (0, 1) for fold in (None, 0, 1)}) == 6


def test_a_fold_takes_the_place_of_the_photos_alone(tmp_path: Path) -> None:
    """Negatives are no photos that a fold could be tested on."""
    sets = "('balloon_train', 'no_balloons_train')"
    repeats = "[('no_balloons_train', 2), ('balloon_train', 12)]"
    cfg = load_config(opts=["DATASETS.TRAIN", sets, "DATASETS.TRAIN_REPEAT_FACTOR", repeats])
    fold = load_config(opts=Run(0, fold=1).overrides(tmp_path, cfg))
    assert list(fold.DATASETS.TRAIN) == [fold_name(1, "train"), "no_balloons_train"]
    assert repeat_factors(fold) == {fold_name(1, "train"): 12, "no_balloons_train": 2}


def test_mean_and_spread() -> None:
    runs = {str(number): dict.fromkeys(METRICS, value) for number, value in enumerate((70.0, 72.0, 77.0))}
    told = summary(runs)["segm/AP"]
    assert told["mean"] == pytest.approx(73)
    assert told["sd"] == pytest.approx(math.sqrt(13))
    assert (told["min"], told["max"]) == (70, 77)
    assert summary({"0": runs["0"]})["segm/AP"] == {"mean": 70, "min": 70, "max": 70}


def test_without_masks_there_is_box_ap_alone() -> None:
    runs = {"seed0": {"bbox/AP": 70.0}, "seed1": {"bbox/AP": 72.0}}
    assert list(summary(runs)) == ["bbox/AP"]
    header, _, first, *_, spread = table(runs).splitlines()
    assert header.split() == list(METRICS)
    assert first.split() == ["seed0", "70.0", "-", "-", "-", "-"]
    assert spread.split() == ["sd", "1.4", "-", "-", "-", "-"]


def test_the_last_evaluation_counts(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.json"
    with pytest.raises(TrainingError, match=r"metrics.json: no evaluation found"):
        last_evaluation(metrics)
    last = {"bbox/AP": 3, "segm/AP": 4, "segm/AP50": math.nan, "boundary/AP": 5}
    records = [{"bbox/AP": 1, "segm/AP": 2}, {"lr": 0.1}, last, {"lr": 0.1}]
    metrics.write_text("\n".join(map(json.dumps, records)))
    assert last_evaluation(metrics) == {"bbox/AP": 3, "segm/AP": 4, "boundary/AP": 5}


def test_runs_that_failed_are_resumed_and_those_that_are_done_are_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("balloon_splash.engine.cross_validation.examine_datasets", lambda cfg: None)  # takes long
    started: list[str] = []

    def train(arguments: Sequence[str], code: int) -> int:
        folder = Path(arguments[arguments.index("OUTPUT_DIR") + 1])
        started.append(folder.name)
        if code == 0:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "metrics.json").write_text('{"bbox/AP": 3}')
        return code

    codes = {"seed0": [0], "seed1": [130, 1, 0]}

    def validate() -> dict[str, dict[str, float]]:
        return cross_validate(
            [Run(0), Run(1)],
            tmp_path,
            "shapes_R18_FPN.yaml",
            train=lambda arguments: train(arguments, codes[Path(arguments[-1]).name].pop(0)),
        )

    with pytest.raises(KeyboardInterrupt):
        validate()
    with pytest.raises(TrainingError, match="seed1: the run ended with exit code 1"):
        validate()
    assert validate() == {"seed0": {"bbox/AP": 3}, "seed1": {"bbox/AP": 3}}
    assert started == ["seed0", "seed1", "seed1", "seed1"]


def test_folds_are_trained_and_what_is_done_is_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_synthetic_balloons(tmp_path / "data", num_train=4, num_val=2, size=(160, 120), progress=False)
    opts = [*TINY, "SOLVER.MAX_ITER", "1", "TEST.EVAL_PERIOD", "0", "TEST.NUM_PICTURES", "0"]
    output = tmp_path / "runs"
    start = ["--config-file", "balloon_R18_FPN.yaml", "--dataset", str(data), "--output", str(output)]
    assert main([*start, "--only", "0", *opts]) == 0
    assert main([*start, "--folds", "0,1", *opts]) == 0, "as it was spelled before there was --only"
    printed = capsys.readouterr()
    assert printed.err.count("fold0_seed0: training") == 1
    assert "fold1_seed0: training" in printed.err
    assert "mean" in printed.out
    written = json.loads((output / "cross_validation.json").read_text())
    assert set(written["runs"]) == {"fold0_seed0", "fold1_seed0"}
    assert set(written["summary"]) == set(METRICS)
    tested = json.loads(
        (output / "fold1_seed0/inference" / fold_name(1, "val") / "coco_instances_results.json").read_text()
    )
    assert {each["image_id"] for each in tested} <= set(range(6))
    predictions = OutOfFold.read(output / "out_of_fold.json")
    truths = [json.loads(path.read_text()) for path in output.glob("*/inference/*/*_coco_format.json")]
    assert predictions.objects == sum(len(truth["annotations"]) for truth in truths) > 0
    assert len(predictions.scores) >= len(tested)
    assert f" of {predictions.objects} objects found" in printed.out


def test_runs_of_a_version_that_kept_no_predictions_have_no_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_synthetic_balloons(tmp_path / "data", num_train=1, num_val=1, size=(160, 120), progress=False)
    output = tmp_path / "runs"
    (output / "seed0").mkdir(parents=True)
    (output / "seed0" / "results.json").write_text('{"bbox/AP": 50.0}')
    start = ["--config-file", "balloon_R18_FPN.yaml", "--dataset", str(data), "--output", str(output), "--no-folds"]
    assert main(start) == 0
    assert "objects found: unknown" in capsys.readouterr().out
    assert not (output / "out_of_fold.json").exists()


@pytest.mark.slow
def test_a_second_step_goes_on_from_the_first_step_of_its_own_fold(tmp_path: Path) -> None:
    data = write_synthetic_balloons(tmp_path / "data", num_train=4, num_val=2, size=(160, 120), progress=False)
    opts = [*TINY, "SOLVER.MAX_ITER", "1", "TEST.EVAL_PERIOD", "0", "TEST.NUM_PICTURES", "0"]
    start = ["--config-file", "balloon_R18_FPN.yaml", "--dataset", str(data), "--only", "1"]
    first, second = tmp_path / "first", tmp_path / "second"
    assert main([*start, "--output", str(first), *opts]) == 0
    assert main([*start, "--output", str(second), "--weights", str(first / "{run}/model_final.pth"), *opts]) == 0
    begun_from = load_config(str(second / "fold1_seed0/config.yaml")).MODEL.WEIGHTS
    assert begun_from == str(first / "fold1_seed0/model_final.pth")


def test_two_folds_are_two_halves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user who asks for two folds would otherwise get one run on the third fifth."""
    assert N_FOLDS == folds.N_FOLDS
    data = write_synthetic_balloons(tmp_path / "data", num_train=3, num_val=1, size=(160, 120), progress=False)
    commands: list[list[str]] = []

    def train(arguments: Sequence[str]) -> int:
        commands.append(list(arguments))
        folder = Path(arguments[arguments.index("OUTPUT_DIR") + 1])
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text('{"bbox/AP": 3}')
        return 0

    monkeypatch.setattr("balloon_splash.cli.cross_validate._train", train)
    start = ["--config-file", "demo_R18_FPN.yaml", "--dataset", str(data), "--output", str(tmp_path / "runs")]
    assert main([*start, "--class-names", "kite", "--folds", "2", *TINY]) == 0
    assert [Path(command[command.index("OUTPUT_DIR") + 1]).name for command in commands] == [
        "fold0of2_seed0", "fold1of2_seed0",
    ]  # fmt: skip
    assert all(command[command.index("--class-names") + 1] == "kite" for command in commands)
    assert all(fold_name(fold, "train", 2) in " ".join(command) for fold, command in enumerate(commands)), (
        "the sets of --dataset replace those of the configuration"
    )
    tested = [{photo["file_name"] for photo in DatasetCatalog.get(fold_name(fold, "val", 2))} for fold in (0, 1)]
    assert [len(photos) for photos in tested] == [2, 2]
    assert not tested[0] & tested[1]
    assert MetadataCatalog.get(fold_name(1, "train", 2)).thing_classes == ["kite"]


def test_a_dataset_of_two_classes_gets_a_model_of_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = write_synthetic_balloons(tmp_path / "data", num_train=3, num_val=1, size=(160, 120), progress=False)
    for file in data.glob("*/via_region_data.json"):
        text = file.read_text(encoding="utf-8").replace(
            '"region_attributes": {}', '"region_attributes": {"kind": "kite"}'
        )
        file.write_text(text.replace('"kite"', '"cup"', 1), encoding="utf-8")
    commands: list[list[str]] = []

    def train(arguments: Sequence[str]) -> int:
        commands.append(list(arguments))
        return 1

    monkeypatch.setattr("balloon_splash.cli.cross_validate._train", train)
    start = ["--config-file", "balloon_R18_FPN.yaml", "--dataset", str(data), "--output", str(tmp_path / "runs")]
    assert main([*start, "--class-attribute", "kind", "--folds", "2", *TINY]) == 2
    (command,) = commands
    assert command[command.index("MODEL.ROI_HEADS.NUM_CLASSES") + 1] == "2"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--only", "5"], "fold 5; expected some of 0 to 4 (--only)"),
        (["--folds", "3", "--only", "3"], "fold 3; expected some of 0 to 2 (--only)"),
        (["--folds", "1"], "--folds 1; expected 2 or more parts; --only 1 runs fold 1 alone"),
        (["--no-folds", "--only", "1"], "--only names folds, --no-folds has none"),
        (
            ["--weights", "{run}/a.pth", "--only", "3"],
            "--weights fold3_seed0/a.pth: no such file; expected one for each",
        ),
        (["--weights", "last"], "each run starts from the same weights"),
        (["--only", "0", "SOLVER.BASE_LRR", "1"], "SOLVER.BASE_LRR"),
        (
            ["--only", "0", "DATASETS.TRAIN", "('shapes_train',)"],
            "DATASETS.TRAIN is shapes_train; expected balloon_tr",
        ),
    ],
)
def test_what_goes_wrong_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    start = ["--config-file", "balloon_R18_FPN.yaml", "--output", str(tmp_path / "runs")]
    assert main([*start, *arguments]) == 2
    assert message in capsys.readouterr().err


def test_what_cannot_work_is_said_before_the_first_training(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = write_synthetic_balloons(tmp_path / "data", num_train=2, num_val=2, size=(160, 120), progress=False)
    start = ["--config-file", "balloon_R18_FPN.yaml", "--dataset", str(data), "--output", str(tmp_path / "runs")]
    for more, message in (([], "4 photos in balloon_train and balloon_val; expected"), (["--device", "warp"], "warp")):
        assert main([*start, *more, *TINY]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
