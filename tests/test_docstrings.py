"""Docstrings say what to call and what it is, not how they would answer a question."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("balloon_splash", "tools", "tests", "benchmarks", "docs")
QUESTIONS = ("What", "Which", "How", "Whether", "Where", "When", "Why")


def docstrings(file: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of every docstring of a file, those of constants included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def test_no_docstring_starts_with_a_question() -> None:
    """CONTRIBUTING.md: it starts with an imperative or a noun of the field."""
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text.splitlines()[0]}"
        for folder in FOLDERS
        for file in sorted((ROOT / folder).rglob("*.py"))
        for line, text in docstrings(file)
        if text.strip() and text.split()[0].strip(",.:;") in QUESTIONS
    ]
    assert found == [], "expected an imperative or a noun first: " + "; ".join(found)
