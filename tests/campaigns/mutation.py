"""Plant faults in the code, one at a time, and count those that the tests notice.

``make mutation`` runs it, by mutmut, on a copy of the checkout. It mutates the data reader, the matte and the
checkpoint code, each against its own tests. Run again, it resumes, and tries missed faults again with the tests as they
are now; if the code has changed, it starts anew. To see what was missed, in the folder
of the target: ``mutmut results``, and ``mutmut show NAME``.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOAL = 0.8
COPIED = ("balloon_splash", "configs", "tests", "README.md", "pyproject.toml", "setup.py")


@dataclass(frozen=True)
class Target:
    """Modules to mutate, and the tests that should notice.

    Attributes:
        modules: paths of the files to be mutated.
        tests: files of tests; mutmut takes those of them that come by the function that was mutated.
        left_out: tests that take seconds for each fault, as they start a Python of their own or read large files.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    left_out: tuple[str, ...] = ()


TARGETS = {
    "reader": Target(
        modules=tuple(
            f"balloon_splash/data/annotations/{name}.py"
            for name in ("via", "via_csv", "documents", "regions", "polygons")
        ),
        tests=tuple(f"tests/data/annotations/test_{name}.py" for name in ("via", "regions", "polygons", "limits")),
        left_out=(
            "tests/data/annotations/test_limits.py::test_ten_million_points_are_refused_unparsed",
            "tests/data/annotations/test_limits.py::test_an_outline_that_crosses_itself_thousands_of_times_is_dropped_at_once",
        ),
    ),
    "matte": Target(modules=("balloon_splash/compositing/matte.py",), tests=("tests/compositing/test_matte.py",)),
    "checkpoints": Target(
        modules=(
            *(f"balloon_splash/weights/{name}.py" for name in ("checkpoint", "run_folder", "read")),
            "balloon_splash/files.py",
        ),
        tests=(
            *(f"tests/weights/test_{name}.py" for name in ("checkpoint", "run_folder", "sole_use", "hostile_weights")),
            "tests/test_files.py",
        ),
        left_out=(
            "tests/weights/test_run_folder.py::test_a_file_that_may_not_grow_leaves_a_run_that_resumed",
            "tests/weights/test_sole_use.py::test_two_processes_do_not_run_in_one_folder_but_a_dead_one_blocks_nobody",
            "tests/weights/test_hostile_weights.py::test_a_small_file_takes_little_memory",
        ),
    ),
}
SETTINGS = {
    # Hypothesis would look for minutes for the smallest document that shows a fault, and find others another time.
    "pytest_add_cli_args": ["-m", "not hypothesis", "-p", "no:cacheprovider"],
    # An endless loop is ended after five times as long as the tests take by themselves, and 20 seconds.
    "timeout_constant": 4.0,
    "timeout_multiplier": 5.0,
    "use_git_change_detection": False,
}
DECORATOR = "contextlib.contextmanager"


def prepare(target: Target, folder: Path) -> None:
    """Copy the checkout to ``folder``; what is known there of the same code is kept."""
    code = hashlib.sha256(b"".join((ROOT / path).read_bytes() for path in target.modules)).hexdigest()
    note = folder / "code.sha256"
    if not note.exists() or note.read_text() != code:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    for item in COPIED:
        source = ROOT / item
        if source.is_dir():
            skipped = shutil.ignore_patterns("__pycache__", "*.safetensors")
            shutil.copytree(source, folder / item, ignore=skipped, dirs_exist_ok=True)
        else:
            shutil.copy(source, folder / item)
    for module in target.modules:
        bare = without_decorators((folder / module).read_text(encoding="utf-8"))
        (folder / module).write_text(bare, encoding="utf-8")
    settings = {
        **SETTINGS,
        "source_paths": ["balloon_splash"],
        "only_mutate": list(target.modules),
        "also_copy": list(COPIED[1:]),
        "pytest_add_cli_args_test_selection": [*target.tests, *(f"--deselect={test}" for test in target.left_out)],
    }
    with (folder / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    note.write_text(code)


def without_decorators(source: str) -> str:
    """The same module with its context managers decorated at its end: mutmut leaves decorated functions alone."""
    lines = source.splitlines()
    moved = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and [ast.unparse(each) for each in node.decorator_list] == [DECORATOR]:
            lines[node.decorator_list[0].lineno - 1] = ""
            moved.append(f"{node.name} = {DECORATOR}({node.name})")
    return "\n".join([*lines, *moved, ""])


def score(name: str, folder: Path, children: int) -> float:
    """The share of the planted faults of one target that its tests notice."""
    start = time.monotonic()
    prepare(TARGETS[name], folder)
    results = (line.strip().rpartition(": ") for line in mutmut(folder, "results").splitlines())
    missed = [mutant for mutant, _, status in results if status != "timeout"]
    mutmut(folder, "run", "--max-children", str(children), *missed, quiet=False)
    mutmut(folder, "export-cicd-stats")
    counts = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text())
    noticed = counts["killed"] + counts["timeout"]
    minutes = (time.monotonic() - start) / 60
    print(f"{name}: {noticed} of {counts['total']} noticed, {minutes:.0f} minutes", flush=True)
    return float(noticed / counts["total"])


def mutmut(folder: Path, *arguments: str, quiet: bool = True) -> str:
    """Run the command of mutmut; return its output if it is ``quiet``, else nothing."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "mutmut", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, check=True, text=True, stdout=subprocess.PIPE if quiet else None
    )
    return done.stdout or ""


def main() -> int:
    """Run the command; returns 1 if a target has less than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=f"of {', '.join(TARGETS)}; by default all")
    parser.add_argument("--folder", type=Path, default=ROOT / "output" / "mutation", help="where the copies are made")
    parser.add_argument("--children", type=int, default=1, help="faults that are tried at once")
    args = parser.parse_args()
    scores = {name: score(name, args.folder / name, args.children) for name in args.targets}
    print({name: f"{value:.0%}" for name, value in scores.items()})
    return int(min(scores.values()) < GOAL)


if __name__ == "__main__":
    sys.exit(main())
