"""Whoever follows docs/your_own_data.md word for word ends up with a splash."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from balloon_splash.config import load_config
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "your_own_data.md").read_text(encoding="utf-8")
TWO_STEPS = [
    "SOLVER.MAX_ITER", "2", "SOLVER.STEPS", "()", "SOLVER.WARMUP_ITERS", "1", "SOLVER.CHECKPOINT_PERIOD", "2",
    "TEST.EVAL_PERIOD", "2", "TEST.NUM_PICTURES", "1",
]  # fmt: skip


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


@pytest.fixture
def workplace(tmp_path: Path) -> Path:
    """A folder that looks like a checkout, with a very small model where the page names a large one."""
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    (tmp_path / "configs").mkdir()
    tiny = load_config("balloon_R18_FPN.yaml", [*TINY, *TWO_STEPS])
    (tmp_path / "configs" / "balloon_R50_FPN.yaml").write_text(tiny.dump())
    write_synthetic_balloons(tmp_path / "kites", num_train=4, num_val=1, size=(128, 96), progress=False)
    return tmp_path


def run(script: str, folder: Path) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = ["bash", "-euo", "pipefail", "-c", script]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"


def add_classes(via_file: Path) -> None:
    document = json.loads(via_file.read_text())
    regions = [region for photo in document.values() for region in photo["regions"].values()]
    for index, region in enumerate(regions):
        region["region_attributes"] = {"class": ("kite", "balloon")[index % 2]}
    via_file.write_text(json.dumps(document))


@pytest.mark.slow
def test_from_photos_to_a_splash(workplace: Path) -> None:
    look, train, evaluate, splash, draw_first, _ = blocks("bash")
    shutil.copytree(workplace / "kites" / "val", workplace / "more_kites", ignore=shutil.ignore_patterns("*.json"))
    for script in (look, train, evaluate, splash, draw_first):
        run(script, workplace)
    assert (workplace / "more_kites" / "via_region_data.json").is_file()
    assert "<h2>Samples</h2>" in (workplace / "kites_report" / "index.html").read_text()
    assert (workplace / "output" / "kites" / "model_best.pth").is_file()
    assert len(list((workplace / "splashed").iterdir())) == 1


def test_several_classes(workplace: Path) -> None:
    (workplace / "kites").rename(workplace / "toys")
    for split in ("train", "val"):
        add_classes(workplace / "toys" / split / "via_region_data.json")
    run(blocks("bash")[-1], workplace)
    assert (workplace / "output" / "toys" / "model_final.pth").is_file()


def test_the_lines_of_python_register_datasets(workplace: Path) -> None:
    toys, other = blocks("python")
    names = ["toys_train", "toys_val", *re.findall(r'^register_\w+\("(\w+)"', other, flags=re.MULTILINE)]
    assert len(names) == 3
    check = f"from detectron2.data import DatasetCatalog\nassert set({names}) <= set(DatasetCatalog)"
    (workplace / "register.py").write_text("\n".join([toys, other, check]))
    run("python -c 'import register'", workplace)
