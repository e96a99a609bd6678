"""Training as its users run it: it goes on as if it had never stopped, and keeps what was best."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.engine import default_argument_parser
from detectron2.evaluation import DatasetEvaluator
from detectron2.modeling import GeneralizedRCNNWithTTA
from detectron2.structures import Instances
from detectron2.utils.env import seed_all_rng

from balloon_splash.cli.prepare import main as prepare
from balloon_splash.cli.train import _use_balloon_sets, build_parser, main
from balloon_splash.config import load_config
from balloon_splash.data.datasets.examine import examine_datasets
from balloon_splash.data.datasets.shapes import CLASSES, load_shapes
from balloon_splash.data.training.loader import end_quietly
from balloon_splash.engine.run import evaluate, train
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.errors import ConfigError, DatasetError, WeightsError
from balloon_splash.weights.checkpoint import SafeCheckpointer
from tests.conftest import TINY, stock

LOSSES = ("total_loss", "loss_cls", "loss_box_reg", "loss_mask", "loss_rpn_cls", "loss_rpn_loc")
ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _few_shapes() -> Iterator[None]:
    """A training set and a test set of a few drawn pictures."""
    for name, split, count in (("few_shapes_train", "train", 6), ("few_shapes_val", "val", 3)):
        DatasetCatalog.register(name, lambda split=split, count=count: load_shapes(split)[:count])
        MetadataCatalog.get(name).set(thing_classes=list(CLASSES), evaluator_type="coco")
    yield
    for name in ("few_shapes_train", "few_shapes_val"):
        DatasetCatalog.remove(name)
        MetadataCatalog.remove(name)


def shapes_opts(folder: Path, *extra: str) -> list[str]:
    return [
        *TINY, "DATASETS.TRAIN", "('few_shapes_train',)", "DATASETS.TEST", "('few_shapes_val',)",
        "MODEL.ROI_HEADS.NUM_CLASSES", "3", "SOLVER.MAX_ITER", "6", "SOLVER.CHECKPOINT_PERIOD", "3",
        "SOLVER.WARMUP_ITERS", "4", "TEST.EVAL_PERIOD", "3", "OUTPUT_DIR", str(folder), *extra,
    ]  # fmt: skip


def shapes_cfg(folder: Path, *extra: str) -> CfgNode:
    return load_config("balloon_R18_FPN.yaml", shapes_opts(folder, *extra))


class InterruptedTrainingError(Exception):
    """Stand-in for whatever ends a run in the middle."""


def losses_of(cfg: CfgNode, *, resume: bool = False, stop_before: int | None = None) -> dict[int, dict[str, float]]:
    """Train and return the losses of each iteration."""
    seen: dict[int, dict[str, float]] = {}

    class Recording(BalloonTrainer):
        def after_step(self) -> None:
            seen[self.iter] = {name: self.storage.latest()[name][0] for name in LOSSES}
            super().after_step()

        def before_step(self) -> None:
            if self.iter == stop_before:
                raise InterruptedTrainingError
            super().before_step()

    seed_all_rng(cfg.SEED)  # as Detectron2's default_setup does: the same random weights
    trainer = Recording(cfg)
    trainer.resume_or_load(resume=resume)
    try:
        trainer.train()
    except InterruptedTrainingError:
        pass
    return seen


def test_a_resumed_training_has_the_losses_of_one_that_never_stopped(tmp_path: Path) -> None:
    whole = losses_of(shapes_cfg(tmp_path / "whole"))
    assert sorted(whole) == list(range(6))
    # InterruptedTrainingError two steps after a checkpoint: those two are done again.
    first = losses_of(shapes_cfg(tmp_path / "parts"), stop_before=5)
    assert sorted(first) == list(range(5))
    rest = losses_of(shapes_cfg(tmp_path / "parts"), resume=True)
    assert sorted(rest) == [3, 4, 5]
    for step, losses in {**first, **rest}.items():
        assert losses == whole[step], f"step {step}"


@pytest.mark.skipif(os.name == "nt", reason="other signals there")
def test_ctrl_c_keeps_the_step_under_way_and_the_resumed_run_has_the_losses_of_one_that_never_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = losses_of(shapes_cfg(tmp_path / "whole"))
    run_step = BalloonTrainer.run_step

    def interrupted(self: BalloonTrainer) -> None:
        if self.iter == 4:
            os.kill(os.getpid(), signal.SIGINT)
        run_step(self)

    with monkeypatch.context() as patched:
        patched.setattr(BalloonTrainer, "run_step", interrupted)
        with pytest.raises(KeyboardInterrupt):
            losses_of(shapes_cfg(tmp_path / "parts"))
    assert f"saved: {tmp_path / 'parts' / 'model_0000004.pth'}, after 5 steps" in capsys.readouterr().err
    rest = losses_of(shapes_cfg(tmp_path / "parts"), resume=True)
    assert sorted(rest) == [5]
    assert rest[5] == whole[5]


def test_a_training_leaves_what_people_look_for(tmp_path: Path) -> None:
    cfg = shapes_cfg(tmp_path)
    results = train(cfg)
    assert set(results) == {"bbox", "segm", "boundary"}
    assert {"AP", "AP50", "AP75", "APs", "APm", "APl", "IoU"} <= set(results["boundary"])
    assert {"AP", "AP50", "AP75", "APs", "APm", "APl"} <= set(results["segm"])
    names = {path.name for path in tmp_path.iterdir()}
    assert {"model_0000002.pth", "model_final.pth", "last_checkpoint", "metrics.json"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    lines = [json.loads(line) for line in (tmp_path / "metrics.json").read_text().splitlines()]
    assert {"segm/AP", "total_loss", "lr", "eta_seconds"} <= {name for line in lines for name in line}
    for step in ("0000002", "0000006"):
        pictures = list((tmp_path / "inference" / "few_shapes_val" / "pictures" / step).glob("*.jpg"))
        assert len(pictures) == 3, step


@pytest.mark.parametrize("period", [3, 4])
def test_the_best_checkpoint_is_the_best_one_also_after_resuming(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, period: int
) -> None:
    """Also where the checkpoint and the evaluation fall on the same step."""
    scores = iter([40.0, 30.0, 35.0])
    monkeypatch.setattr(BalloonTrainer, "test", lambda *_: {"segm": {"AP": next(scores)}})
    opts = ("SOLVER.CHECKPOINT_PERIOD", str(period))
    losses_of(shapes_cfg(tmp_path, *opts), stop_before=5)
    assert torch.load(tmp_path / "model_best.pth", weights_only=True)["iteration"] == 2
    losses_of(shapes_cfg(tmp_path, *opts), resume=True)
    assert torch.load(tmp_path / "model_best.pth", weights_only=True)["iteration"] == 2, "a lower AP replaced 40"


def test_evaluation_after_the_annotations_changed_is_not_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cfg = shapes_cfg(tmp_path)
    train(cfg)
    cfg.MODEL.WEIGHTS = str(tmp_path / "model_final.pth")
    evaluate(cfg)
    DatasetCatalog.remove("few_shapes_val")
    DatasetCatalog.register("few_shapes_val", lambda: load_shapes("val")[:2])
    evaluate(cfg)
    stored = json.loads((tmp_path / "inference/few_shapes_val/few_shapes_val_coco_format.json").read_text())
    assert len(stored["images"]) == 2


class Scores(DatasetEvaluator):
    """Evaluator that adds up the scores of the detections."""

    def reset(self) -> None:
        self.total = 0.0

    def process(self, inputs: list[dict[str, object]], outputs: list[dict[str, Instances]]) -> None:
        self.total += sum(float(output["instances"].scores.sum()) for output in outputs)

    def evaluate(self) -> dict[str, dict[str, float]]:
        return {"segm": {"total": self.total}}


def test_the_processes_of_an_evaluation_end_quietly_too(tmp_path: Path) -> None:
    loader = BalloonTrainer.build_test_loader(shapes_cfg(tmp_path), "few_shapes_val")
    assert loader.worker_init_fn is end_quietly


def test_an_evaluation_uses_test_time_augmentation_if_asked(tmp_path: Path) -> None:
    cfg = shapes_cfg(tmp_path, "TEST.AUG.MIN_SIZES", "(64, 96)")
    model = BalloonTrainer.build_model(cfg)
    plain = BalloonTrainer.test(cfg, model, [Scores()])["segm"]["total"]
    expected = BalloonTrainer.test(cfg, GeneralizedRCNNWithTTA(cfg, model), [Scores()])["segm"]["total"]
    cfg.TEST.AUG.ENABLED = True
    assert BalloonTrainer.test(cfg, model, [Scores()])["segm"]["total"] == expected != plain


@pytest.mark.parametrize("has_it", [True, False])
def test_training_goes_on_in_bf16_where_the_device_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_it: bool
) -> None:
    monkeypatch.setattr("balloon_splash.engine.trainer.has_bf16", lambda _device: has_it)
    losses = losses_of(
        shapes_cfg(tmp_path, "SOLVER.AMP.ENABLED", "True", "SOLVER.MAX_ITER", "2", "TEST.EVAL_PERIOD", "0")
    )
    exact = losses_of(shapes_cfg(tmp_path / "fp32", "SOLVER.MAX_ITER", "2", "TEST.EVAL_PERIOD", "0"))
    assert losses[0]["total_loss"] == pytest.approx(exact[0]["total_loss"], rel=0.05)
    assert (losses[0]["total_loss"] != exact[0]["total_loss"]) is has_it


def test_fp16_without_a_gpu_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="PRECISION is 'fp16' on 'cpu'"):
        BalloonTrainer(shapes_cfg(tmp_path, "SOLVER.AMP.ENABLED", "True", "SOLVER.AMP.PRECISION", "fp16"))


def test_mixed_precision_that_a_model_cannot_do_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balloon_splash.engine.trainer.has_bf16", lambda _device: True)
    with pytest.raises(ConfigError, match="'bf16' for GeneralizedRCNN, which cannot"):
        BalloonTrainer(stock(shapes_cfg(tmp_path, "SOLVER.AMP.ENABLED", "True")))


def test_a_shorter_training_needs_no_other_steps(tmp_path: Path) -> None:
    opts = ("SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "(1, 2, 450)", "TEST.EVAL_PERIOD", "0")
    assert sorted(losses_of(shapes_cfg(tmp_path, *opts))) == [0, 1]


def test_a_wrong_number_of_classes_is_told_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"NUM_CLASSES is 2; expected 3.*circle, square, triangle"):
        examine_datasets(shapes_cfg(tmp_path, "MODEL.ROI_HEADS.NUM_CLASSES", "2"))


def test_an_unknown_dataset_is_told(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"'baloon_train' is not registered; did you mean balloon_train"):
        examine_datasets(shapes_cfg(tmp_path, "DATASETS.TRAIN", "('baloon_train',)"))


def test_eval_only_needs_every_weight(tmp_path: Path) -> None:
    cfg = shapes_cfg(tmp_path, "MODEL.WEIGHTS", str(tmp_path / "half.pth"))
    half = {key: value for key, value in BalloonTrainer.build_model(cfg).state_dict().items() if "rpn" not in key}
    torch.save({"model": half}, tmp_path / "half.pth")
    with pytest.raises(WeightsError, match=r"rpn_head.conv.weight is missing"):
        evaluate(cfg)


# --- the command ------------------------------------------------------------------------------------------------------


def test_all_of_detectron2s_arguments_are_there() -> None:
    theirs = {action.dest: action for action in default_argument_parser()._actions}
    ours = {action.dest: action for action in build_parser()._actions}
    for name, action in theirs.items():
        name = {"opts": "trailing"}.get(name, name)  # ours takes --opts, too
        assert name in ours, name
        assert ours[name].option_strings == action.option_strings or name == "help", name


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    opts = shapes_opts(
        tmp_path / "run", "SOLVER.MAX_ITER", "2", "SOLVER.CHECKPOINT_PERIOD", "1", "TEST.EVAL_PERIOD", "0"
    )
    return ["--config-file", "balloon_R18_FPN.yaml", *opts]


def test_the_command_trains_resumes_and_refuses_to_overwrite(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "segm" in printed.out
    assert "Average Precision" not in printed.out + printed.err, "pycocotools' tables belong into the log"
    assert main(command) == 2
    assert "holds a run already (last checkpoint model_final.pth)" in capsys.readouterr().err
    assert main(["--weights", "last", *command, "SOLVER.MAX_ITER", "3"]) == 0
    assert (tmp_path / "run" / "model_0000002.pth").is_file()


def test_a_dataset_replaces_the_sets_of_a_configuration_for_others(tmp_path: Path) -> None:
    folder = tmp_path / "balls"
    assert prepare(["--synthetic", "--num-train", "2", "--num-val", "1", "--quiet", "--output", str(folder)]) == 0
    few = ["SOLVER.MAX_ITER", "1", "TEST.EVAL_PERIOD", "0", "OUTPUT_DIR", str(tmp_path / "run")]
    assert main(["--config-file", "demo_R18_FPN.yaml", "--dataset", str(folder), *TINY, *few]) == 0
    assert "balloon_train" in load_config(str(tmp_path / "run" / "config.yaml")).DATASETS.TRAIN


def test_evaluating_leaves_the_run_as_it_was(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main(command) == 0
    loaded: list[str] = []
    load = SafeCheckpointer.load

    def recording(self: SafeCheckpointer, path: str) -> Any:
        loaded.append(path)
        return load(self, path)

    monkeypatch.setattr(SafeCheckpointer, "load", recording)
    config = (tmp_path / "run" / "config.yaml").read_bytes()
    for weights in (["--weights", str(tmp_path / "run" / "model_final.pth")], ["--resume"], ["--weights", "last"]):
        assert main(["--eval-only", *weights, *command, "INPUT.MAX_SIZE_TEST", "80"]) == 0
    assert (tmp_path / "run" / "config.yaml").read_bytes() == config, "the splash reads it"
    assert loaded == [str(tmp_path / "run" / "model_final.pth")] * 3
    assert (tmp_path / "run" / "eval" / "config.yaml").is_file()


def test_the_name_in_a_dataset_file_may_stand_in_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "toys.yaml").write_text("name: toys\ntrain: a\nval: b\n")
    sets = ["DATASETS.TRAIN", "('toys_train',)", "DATASETS.TEST", "('toys_val',)"]
    cfg = load_config("shapes_R18_FPN.yaml", sets)
    _use_balloon_sets(cfg, build_parser().parse_args(["--dataset", str(tmp_path / "toys.yaml"), *sets]))
    assert cfg.DATASETS.TRAIN == ("toys_train",)


def test_a_random_model_has_no_score(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--eval-only", "--weights", "none", *command]) == 2
    assert "no weights to evaluate" in capsys.readouterr().err


def test_a_run_that_cannot_begin_leaves_no_folder(command: list[str], tmp_path: Path) -> None:
    assert main([*command, "DATASETS.TRAIN", "('nowhere',)"]) == 2
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config-file", "nowhere.yaml"], "nowhere.yaml: no such config file"),
        (["SOLVER.BASE_LRR", "1"], "SOLVER.BASE_LRR"),
        (["SOLVER.BASE_LR", "fast"], "BASE_LR"),
        (["--config-file", "shapes_R18_FPN.yaml", "SOLVER.MAX_ITER", "0"], "SOLVER.MAX_ITER is 0; expected 1 or more"),
        (["--config-file", "shapes_R18_FPN.yaml", "INPUT.MASK_FORMAT", "bitmaps"], "did you mean 'bitmask'?"),
        (
            ["--config-file", "shapes_R18_FPN.yaml", "MODEL.ROI_MASK_HEAD.POINT_HEAD_ON", "True"],
            "INPUT.MASK_FORMAT is 'polygon'; expected bitmask with MODEL.ROI_MASK_HEAD.POINT_HEAD_ON: True",
        ),
        (["--config-file", "shapes_R18_FPN.yaml", "TEST.BEST_METRIC", "segm/ap"], "expected segm/AP, segm/AP50"),
        (["--device", "warp"], "device 'warp'"),
        (["--resume", "OUTPUT_DIR", "/nowhere/at/all"], "nothing to resume"),
        (["--dataset", "/nowhere/at/all"], "/nowhere/at/all"),
        (["--dataset", "x", "DATASETS.TRAIN", "('shapes_train',)", "DATASETS.TEST", "()"], "names shapes_train"),
        (["--class-names", "kite", "--config-file", "shapes_R18_FPN.yaml"], "which have classes already"),
        (
            ["--config-file", "shapes_R18_FPN.yaml", "OUTPUT_DIR", "/proc/nope"],
            "OUTPUT_DIR /proc/nope: cannot be written",
        ),
        (["--weights", "coco", "--config-file", "balloon_R18_FPN.yaml"], "no Mask R-CNN on ResNet-18"),
    ],
)
def test_wrong_use_gets_one_line_and_exit_code_2(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    opts = [] if "OUTPUT_DIR" in arguments else ["OUTPUT_DIR", str(tmp_path / "run")]
    assert main([*arguments, *opts]) == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert error.startswith("error: ")
    assert message in error


def test_an_unknown_key_in_a_yaml_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "typo.yaml").write_text("MODEL:\n  BALLOON:\n    SOFTMASKS: True\n")
    assert main(["--config-file", str(tmp_path / "typo.yaml")]) == 2
    assert (
        "typo.yaml: MODEL.BALLOON.SOFTMASKS: no such key; did you mean MODEL.BALLOON.SOFT_MASKS?"
        in capsys.readouterr().err
    )
