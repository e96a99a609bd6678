"""The notebook about the model runs from top to bottom and shows a figure wherever it promises one."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import NotebookNode

from tests.inspect.model.tiny_model import write_photos, write_run

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
    parameters.source = f"CONFIG_FILE, WEIGHTS, BALLOON, CONFIDENCE = {config!r}, {weights!r}, {str(balloon)!r}, 0.0"
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    pictures = [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code" and any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]
    assert len(pictures) == sum("_figure(" in cell.source for cell in notebook.cells if cell.cell_type == "code")
