"""The notebook about the data runs from top to bottom and shows a figure wherever it promises one."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from balloon_splash.config import load_config
from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from tests.conftest import TINY
from tests.notebooks import executed, figures, jargon, printed

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "inspect_balloon_data.ipynb"


@pytest.fixture
def notebook() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_nothing_is_stored_and_there_is_no_logic_of_its_own(notebook: NotebookNode) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert not [cell.source for cell in code if "def " in cell.source or "class " in cell.source]


def test_it_runs_on_generated_photos(notebook: NotebookNode, tmp_path: Path) -> None:
    balloon = write_synthetic_balloons(tmp_path / "balloon", num_train=6, num_val=2, size=(160, 120), progress=False)
    config = tmp_path / "tiny.yaml"
    config.write_text(load_config("balloon_R18_FPN.yaml", TINY).dump())
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    parameters.source = f"DATASET, CONFIG_FILE = {str(balloon)!r}, {str(config)!r}"
    done = executed(notebook, tmp_path / "notebooks")
    assert figures(done) == (8, 8)
    assert jargon(done) == []
    assert f"Photos: {balloon}" in printed(done)


@pytest.mark.slow
def test_it_runs_as_it_ships_on_rendered_photos(
    notebook: NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTRON2_DATASETS", "datasets")
    write_synthetic_balloons(tmp_path / "output/demo/synthetic_balloon", num_train=10, num_val=3, progress=False)
    assert figures(executed(notebook, tmp_path / "notebooks")) == (8, 8)
