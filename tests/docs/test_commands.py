"""A command that somebody copies from a page is one that the tool understands."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import re
import shlex
from itertools import takewhile
from pathlib import Path

import pytest
import yaml

import benchmarks

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
#: A fenced block and its language; all languages, or the end of a block in Python would pass for the beginning of one.
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BENCHMARKS = {module.name for module in pkgutil.iter_modules(benchmarks.__path__)}


def commands(start: str) -> list[tuple[str, list[str]]]:
    """Page and words of each command, in a block or within the text, that ``start`` matches."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = [block for language, block in BLOCK.findall(text) if language in ("", "bash")]
        lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
        for line in [*lines, *re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))]:
            if re.match(start, line):
                words = takewhile(lambda word: word not in ("|", ">"), shlex.split(line, comments=True))
                found.append((page.name, list(words)))
    return found


def parser_of(tool: Path) -> argparse.ArgumentParser:
    """The parser of the command that a file in tools/ starts; of one that starts none, a parser without options."""
    command = re.search(r"^from (balloon_splash\.cli\.\w+) import main$", tool.read_text(), re.MULTILINE)
    if command is None:
        return argparse.ArgumentParser(tool.name)
    parser: argparse.ArgumentParser = importlib.import_module(command[1]).build_parser()
    return parser


@pytest.mark.parametrize(("page", "words"), commands(r"(\.venv/bin/)?python tools/"))
def test_tools_understand_their_options(page: str, words: list[str]) -> None:
    parsed = parser_of(ROOT / words[1]).parse_args(words[2:])
    config = getattr(parsed, "config_file", None)
    assert config is None or (ROOT / config).is_file() or not config.startswith("configs/")  # others a run writes


@pytest.mark.parametrize(("page", "words"), commands(r"make "))
def test_make_has_the_target_and_the_demo_its_options(page: str, words: list[str]) -> None:
    _, target, *variables = words
    makefile = (ROOT / "Makefile").read_text()
    assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    for variable in variables:
        name, _, arguments = variable.partition("=")
        assert f"$({name})" in makefile
        if name == "DEMO_ARGS":
            parser_of(ROOT / "tools" / "demo.py").parse_args(shlex.split(arguments))


@pytest.mark.parametrize(("page", "words"), commands(r"python -m benchmarks [a-z]"))
def test_benchmarks_exist(page: str, words: list[str]) -> None:
    names = list(takewhile(lambda word: not word.startswith("-"), words[3:]))
    assert names
    assert BENCHMARKS.issuperset(names)


def test_the_manifest_of_a_batch_has_a_command_that_is_understood() -> None:
    job = yaml.safe_load((ROOT / "docs" / "kuberay_batch.yaml").read_text())
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[:2] == ["balloon-splash", "batch"]
    assert parser_of(ROOT / "tools" / "splash_batch.py").parse_args(words[2:]).ray == "auto"


def test_the_pages_have_commands() -> None:
    """Else a change to how pages are written would leave nothing to test."""
    found = {page for page, _ in commands(r"(\.venv/bin/)?python |make ")}
    assert {"README.md", "splash.md", "benchmarks.md", "your_own_data.md", "from_the_article.md"} <= found
