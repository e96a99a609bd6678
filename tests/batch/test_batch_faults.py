"""Each input still has one row where a worker is killed, a machine is lost, or the batch itself ends early."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from balloon_splash import __version__
from balloon_splash.errors import UsageError
from tests.batch.conftest import MEMORY
from tests.batch.inputs import Deadly, Slow, batch, check_many, rows_of, write_many, write_photo

pytestmark = pytest.mark.usefixtures("cluster")


class At:
    """Does something once so many rows are there."""

    def __init__(self, row: int, do: Callable[[], object]) -> None:
        self._at, self._do, self.rows = row, do, 0

    def begin(self, missing: int, existing: int) -> None: ...
    def note(self, text: str) -> None: ...

    def row(self, row: dict[str, Any]) -> None:
        self.rows += 1
        if self.rows == self._at:
            self._do()


def test_an_input_that_kills_its_worker_is_a_row_and_takes_no_other_with_it(photos: Path, tmp_path: Path) -> None:
    for number in range(6):
        write_photo(photos / f"{number}.png", objects=3 if number == 3 else 1)
    summary = batch(photos, tmp_path / "out", finder=Deadly, batch_size=1)
    assert (summary.done, summary.failed) == (5, 1)
    assert "3.png: its worker died each time" in rows_of(tmp_path / "out")["3.png"]["error"]


def test_a_machine_that_is_lost_in_the_middle_costs_no_input(
    second: Any, cluster: Any, photos: Path, tmp_path: Path
) -> None:
    write_many(photos, 120, 12)
    report = At(30, lambda: cluster.remove_node(second, allow_graceful=False))
    summary = batch(photos, tmp_path / "out", report=report, finder=Slow)
    assert (summary.done, summary.failed) == (108, 12)
    assert report.rows == 120
    check_many(tmp_path / "out", 120, 12)


def test_a_full_object_store_costs_no_input(photos: Path, tmp_path: Path) -> None:
    import numpy as np
    import ray

    held = [ray.put(np.zeros(MEMORY // 4, np.uint8)) for _ in range(6)]  # half as much again as the store has room for
    write_many(photos, 24, 3)
    summary = batch(photos, tmp_path / "out")
    assert (summary.done, summary.failed) == (21, 3)
    check_many(tmp_path / "out", 24, 3)
    assert all(int(ray.get(each).max()) == 0 for each in held)


def test_a_batch_that_is_interrupted_resumes_where_it_ended(photos: Path, tmp_path: Path) -> None:
    write_many(photos, 24, 3)

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch(photos, tmp_path / "out", report=At(4, interrupt))
    again = batch(photos, tmp_path / "out")
    assert again.existed >= 3
    assert again.done + again.existed == 21
    assert again.failed == 3
    check_many(tmp_path / "out", 24, 3)


def test_machines_with_another_version_are_refused(cluster: Any, photos: Path, tmp_path: Path) -> None:
    write_photo(photos / "a.png")
    shim = tmp_path / "shim"
    shim.mkdir()
    (shim / "sitecustomize.py").write_text("import balloon_splash\nballoon_splash.__version__ = '0.0.1'\n")
    node = cluster.add_node(num_cpus=1, object_store_memory=MEMORY, env_vars={"PYTHONPATH": str(shim)})
    try:
        with pytest.raises(
            UsageError, match=rf"balloon_splash 0\.0\.1 there, {__version__} here; expected one version"
        ):
            batch(photos, tmp_path / "out")
    finally:
        cluster.remove_node(node)
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_of_1000_inputs_900_have_results_and_100_rows_with_errors_though_a_machine_is_lost(
    second: Any, cluster: Any, photos: Path, tmp_path: Path
) -> None:
    write_many(photos, 1000, 100)
    report = At(400, lambda: cluster.remove_node(second, allow_graceful=False))
    started = time.monotonic()
    summary = batch(photos, tmp_path / "out", report=report, finder=Slow)
    print(f"1000 inputs, a machine lost after 400: {time.monotonic() - started:.1f} s")
    assert (summary.done, summary.failed) == (900, 100)
    check_many(tmp_path / "out", 1000, 100)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
    started = time.monotonic()
    again = batch(photos, tmp_path / "out", finder=Slow)
    print(f"the same again: {time.monotonic() - started:.1f} s")
    assert (again.done, again.existed, again.failed) == (0, 900, 100)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.png")}
