"""Notebooks, run as `jupyter execute` runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

EXECUTE = "from nbclient.cli import main; main()"
SECONDS = 300


def executed(notebook: NotebookNode, folder: Path) -> NotebookNode:
    """Run a notebook in ``folder``, in a process of its own: a client and its kernel share nothing with other tests."""
    folder.mkdir(exist_ok=True)
    path = folder / "notebook.ipynb"
    nbformat.write(notebook, path)
    command = [sys.executable, "-c", EXECUTE, "--inplace", f"--timeout={SECONDS}", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=2 * SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return nbformat.read(path, as_version=4)


def printed(notebook: NotebookNode) -> list[str]:
    """Return the lines below all cells."""
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    texts = [output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs]
    return [line for text in texts for line in text.splitlines() if not line.startswith("<Figure size")]


def jargon(notebook: NotebookNode) -> list[str]:
    """Return the lines that no learner asked for: warnings of libraries, and objects as Python writes them."""
    return [line for line in printed(notebook) if "Warning" in line or re.search(r"\b[A-Z]\w+\(\w+=", line)]


def figures(notebook: NotebookNode) -> tuple[int, int]:
    """Return how many cells show a picture, and how many have code that names a figure."""
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    shown = [cell for cell in code if any("image/png" in output.get("data", {}) for output in cell.outputs)]
    return len(shown), sum("_figure(" in cell.source for cell in code)
