"""Configurations that say what AP they expect: a training that has become worse fails, for anyone who runs it."""

from __future__ import annotations

from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.cli.train import main
from balloon_splash.config import config_folder, load_config
from balloon_splash.data.datasets.shapes import CLASSES, load_shapes
from tests.conftest import TINY

QUICK = sorted(path.name for path in (config_folder() / "quick_schedules").glob("*.yaml"))


@pytest.mark.parametrize("name", QUICK)
def test_each_expects_something_of_the_masks(name: str) -> None:
    expected = load_config(f"configs/quick_schedules/{name}").TEST.EXPECTED_RESULTS
    assert "segm" in {task for task, *_ in expected}
    for _, metric, value, tolerance in expected:
        assert metric.startswith("AP")
        assert 0 < tolerance < value <= 100


def test_a_training_that_falls_short_fails(tmp_path: Path) -> None:
    DatasetCatalog.register("two_shapes", lambda: load_shapes("val")[:2])
    MetadataCatalog.get("two_shapes").set(thing_classes=list(CLASSES), evaluator_type="coco")
    opts = [*TINY, "MODEL.ROI_HEADS.NUM_CLASSES", "3", "SOLVER.MAX_ITER", "1", "TEST.EVAL_PERIOD", "0"]
    opts += ["DATASETS.TRAIN", "('two_shapes',)", "DATASETS.TEST", "('two_shapes',)"]
    command = ["--config-file", "balloon_R18_FPN.yaml", *opts]
    modest = ["TEST.EXPECTED_RESULTS", "[['segm', 'AP', 50.0, 50.0]]", "OUTPUT_DIR", str(tmp_path / "modest")]
    assert main([*command, *modest]) == 0
    with pytest.raises(SystemExit) as left:
        main([*command, "TEST.EXPECTED_RESULTS", "[['segm', 'AP', 95.0, 5.0]]", "OUTPUT_DIR", str(tmp_path / "proud")])
    assert left.value.code == 1


@pytest.mark.slow
def test_shapes_are_learned_from_random_weights(tmp_path: Path) -> None:
    command = ["--config-file", "configs/quick_schedules/shapes_R18.yaml", "OUTPUT_DIR", str(tmp_path)]
    assert main(command) == 0
