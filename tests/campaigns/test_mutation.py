"""The mutation campaign plants its faults in code that exists."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns.mutation import ROOT, TARGETS, without_decorators


@pytest.mark.parametrize("name", list(TARGETS))
def test_the_files_and_tests_that_are_named_exist(name: str) -> None:
    target = TARGETS[name]
    for path in (*target.modules, *target.tests):
        assert (ROOT / path).is_file()
    for test in target.left_out:
        path, _, function = test.partition("::")
        assert path in target.tests
        assert f"def {function}(" in (ROOT / path).read_text(encoding="utf-8")


def test_a_module_does_the_same_with_its_decorators_at_its_end(tmp_path: Path) -> None:
    source = without_decorators((ROOT / "balloon_splash" / "files.py").read_text(encoding="utf-8"))
    assert "@contextlib.contextmanager" not in source
    module: dict[str, object] = {"__name__": "bare"}
    exec(compile(source, "bare", "exec"), module)
    atomic_path = module["atomic_path"]
    assert callable(atomic_path)
    with atomic_path(tmp_path / "a.txt") as path:
        path.write_text("whole")
    assert (tmp_path / "a.txt").read_text() == "whole"
