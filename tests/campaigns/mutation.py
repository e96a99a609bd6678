"""Plant faults in the code, one at a time, and count those that the tests notice.

``make mutation`` runs it, by mutmut, on a copy of the checkout. What is mutated: the data reader, the matte and the
checkpoint code, each against the tests of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
GOAL = 0.8
COPIED = (
    "balloon_splash", "benchmarks", "configs", "docs", "tests", "tools", "README.md", "pyproject.toml", "setup.py",
)  # fmt: skip
#: What is mutated, and the tests that should notice.
TARGETS = {
    "matte": (["balloon_splash/splash/matte.py"], ["tests/splash"]),
    "reader": (
        ["balloon_splash/data/via.py", "balloon_splash/data/regions.py", "balloon_splash/data/polygons.py"],
        ["tests/data/test_via.py", "tests/data/test_regions.py", "tests/data/test_polygons.py"],
    ),
    "checkpoints": (
        ["balloon_splash/engine/run_folder.py", "balloon_splash/engine/weights.py", "balloon_splash/files.py"],
        [
            "tests/engine/test_checkpoint.py",
            "tests/engine/test_run_folder.py",
            "tests/engine/test_hostile_weights.py",
            "tests/test_files.py",
        ],
    ),
}
#: They start processes, which do not see the mutants.
LEFT_OUT = ["-k", "not process and not memory and not grow"]


def score(name: str, folder: Path) -> float:
    """The share of the planted faults of one target that its tests notice."""
    modules, tests = TARGETS[name]
    for item in COPIED:
        source = ROOT / item
        shutil.copytree(source, folder / item) if source.is_dir() else shutil.copy(source, folder / item)
    settings = {
        "source_paths": ["balloon_splash"],
        "only_mutate": modules,
        "pytest_add_cli_args_test_selection": tests,
        "pytest_add_cli_args": LEFT_OUT,
        "also_copy": list(COPIED[1:]),
        "max_children": 1,
    }
    with (folder / "pyproject.toml").open("a") as file:
        file.write("\n[tool.mutmut]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in settings.items()))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for command in ("run", "export-cicd-stats"):
        subprocess.run([sys.executable, "-m", "mutmut", command], cwd=folder, env=environment, check=True)
    counts = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text())
    noticed = counts["killed"] + counts["timeout"]
    print(f"{name}: {noticed} of {counts['total']} noticed", flush=True)
    return float(noticed / counts["total"])


def main() -> int:
    """Run the command; returns 1 if a target has less than the goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*", default=list(TARGETS), help=f"of {', '.join(TARGETS)}; by default all")
    args = parser.parse_args()
    scores = {}
    for name in args.targets:
        with tempfile.TemporaryDirectory() as folder:
            scores[name] = score(name, Path(folder))
    print({name: f"{value:.0%}" for name, value in scores.items()})
    return int(min(scores.values()) < GOAL)


if __name__ == "__main__":
    sys.exit(main())
