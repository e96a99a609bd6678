"""Who may use a run's folder: one process at a time, if it can be written to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from balloon_splash.errors import UsageError
from balloon_splash.weights.run_folder import sole_use

HOLDING = """
import os, sys, time
from balloon_splash.weights.run_folder import sole_use
with sole_use(sys.argv[1]):
    if os.fork() == 0:  # as a process that loads photos
        time.sleep(60)
        os._exit(0)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_two_processes_do_not_run_in_one_folder_but_a_dead_one_blocks_nobody(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match="another process runs there"), sole_use(str(tmp_path)):
            pytest.fail("both would write the same files")
        holder.kill()
        holder.wait()
        with sole_use(str(tmp_path)):  # though a child of it is still there
            pass
    finally:
        os.killpg(holder.pid, signal.SIGKILL)
        holder.wait()


def test_a_folder_is_made_with_its_parents_and_used_by_one_at_a_time(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "first"
    with sole_use(str(folder)):
        assert folder.is_dir()
        with pytest.raises(UsageError) as caught, sole_use(str(folder)):
            pytest.fail("both would write the same files")
        assert str(caught.value) == f"OUTPUT_DIR {folder}: another process runs there; expected one at a time"
        with sole_use(str(tmp_path / "runs" / "second")):  # another folder is free
            pass
    with sole_use(str(folder)):
        pass


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder where nobody may write")
def test_a_folder_that_cannot_be_written_to_is_named() -> None:
    refusal = r"^OUTPUT_DIR /proc/self: cannot be written \(.+\); expected"
    with pytest.raises(UsageError, match=refusal), sole_use("/proc/self"):
        pytest.fail("nowhere to write")


def test_what_a_killed_process_left_is_cleared(tmp_path: Path) -> None:
    for name in ("model_0000299.pth", ".model_0000399.x3k2.part.pth", ".last_checkpoint.ab12.part"):
        (tmp_path / name).write_bytes(b"half")
    with sole_use(str(tmp_path)):
        assert {path.name for path in tmp_path.iterdir()} <= {"model_0000299.pth", ".lock"}
        assert (tmp_path / "model_0000299.pth").is_file()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file/run: cannot be written"), sole_use(str(tmp_path / "file" / "run")):
        pytest.fail("nowhere to write")
