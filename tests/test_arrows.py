"""Imports run one way: from a command down to what it is built of, and nothing without torch leads to it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import balloon_splash

ROOT = Path(balloon_splash.__file__).parent
#: From the roof down: a room may use what lies on the floors below, and nothing on its own or above.
FLOORS = (
    {"cli"},
    {"samples"},
    {"serve", "batch", "inspect", "demo", "doctor"},
    {"splasher", "export"},
    {"engine"},
    {"inference"},
    {"runtime"},
    {"weights"},
    {"modeling", "data", "option_table"},
    {"compositing", "media"},
    {"web", "config"},
    {"files", "progress", "devices", "config_mistakes"},
    {"errors", "extras", "palette", "quick_start", "unreported", "wording"},
)
LEVELS = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
WITHOUT_TORCH = ("compositing", "media", "runtime", "splasher", "serve", "batch")
HEAVY = {"torch", "torchvision", "detectron2", "fvcore"}


def modules() -> dict[str, Path]:
    """Name to file of each module of the package."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(module: str, *, at_once: bool = False) -> Iterator[str]:
    """The modules that one imports anywhere in its text, or only those that it reads as soon as it is imported."""
    nodes: list[ast.AST] = [parsed(MODULES[module])]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module}: a relative import; expected the full name"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in names)
        elif not at_once or not (isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or for_types_only(node)):
            nodes += ast.iter_child_nodes(node)


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def room(module: str) -> str:
    """The first name below the package; empty for the package itself."""
    return module.removeprefix("balloon_splash").removeprefix(".").partition(".")[0]


def test_every_room_has_a_floor():
    assert {room(module) for module in MODULES} - {""} <= set(LEVELS)


def test_imports_lead_down():
    up = [
        f"{module} imports {name}"
        for module in MODULES
        for name in imports(module)
        if name.startswith("balloon_splash.") and room(module) and room(name) != room(module)
        if LEVELS[room(name)] <= LEVELS[room(module)]
    ]
    assert up == []


@pytest.mark.parametrize("start", WITHOUT_TORCH)
def test_no_torch_comes_with_what_works_without(start: str):
    ways: dict[str, str] = {module: module for module in MODULES if room(module) == start}
    waiting = list(ways)
    while waiting:
        module = waiting.pop()
        for name in imports(module, at_once=True):
            assert name.partition(".")[0] not in HEAVY, f"{ways[module]} imports {name}"
            parents = [".".join(name.split(".")[:depth]) for depth in range(2, name.count(".") + 2)]
            for each in parents:
                if each in MODULES and each not in ways:
                    ways[each] = f"{ways[module]}, which imports {each}, which"
                    waiting.append(each)


def test_nobody_starts_a_command_by_its_name():
    started = [
        f"{module}: {node.value!r}"
        for module, path in MODULES.items()
        if room(module) != "cli"
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and "balloon_splash.cli" in node.value
    ]
    assert started == []


def test_the_guards_see_what_they_guard_against(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    path = tmp_path / "module.py"
    path.write_text("from balloon_splash.cli import main\ndef late():\n    import torch\nclass Now:\n    import cv2\n")
    monkeypatch.setitem(MODULES, "balloon_splash.media.module", path)
    assert set(imports("balloon_splash.media.module")) == {"balloon_splash.cli.main", "torch", "cv2"}
    assert set(imports("balloon_splash.media.module", at_once=True)) == {"balloon_splash.cli.main", "cv2"}
    with pytest.raises(AssertionError, match=r"media\.module imports balloon_splash\.cli\.main"):
        test_imports_lead_down()
