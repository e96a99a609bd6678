"""The notebook about the model runs from top to bottom and shows a figure wherever it promises one."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from balloon_splash.data.datasets.synthetic import write_synthetic_balloons
from tests.inspect.model.tiny_model import write_photos, write_run
from tests.notebooks import executed, figures, jargon, printed

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "inspect_balloon_model.ipynb"


@pytest.fixture
def notebook() -> NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def test_nothing_is_stored_and_every_figure_is_explained(notebook: NotebookNode) -> None:
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert sum(cell.cell_type == "markdown" for cell in notebook.cells) >= 0.8 * len(code)
    assert not [cell.source for cell in code if "def " in cell.source or "class " in cell.source], "logic of its own"


def test_it_runs_on_generated_photos_and_a_small_model(notebook: NotebookNode, tmp_path: Path) -> None:
    config, weights = write_run(tmp_path / "run")
    balloon = write_photos(tmp_path / "balloon")
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", []))
    parameters.source = f"CONFIG_FILE, WEIGHTS, DATASET, CONFIDENCE = {config!r}, {weights!r}, {str(balloon)!r}, 0.0"
    done = executed(notebook, tmp_path / "notebooks")
    shown, named = figures(done)
    assert shown == named > 0
    assert jargon(done) == []
    assert f"Photos: {balloon}" in printed(done)


@pytest.mark.slow
def test_it_runs_as_it_ships_with_the_model_that_ships_on_rendered_photos(
    notebook: NotebookNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DETECTRON2_DATASETS", "datasets")
    write_synthetic_balloons(tmp_path / "output/demo/synthetic_balloon", num_train=5, num_val=3, progress=False)
    shown, named = figures(executed(notebook, tmp_path / "notebooks"))
    assert shown == named > 0
