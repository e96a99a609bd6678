"""Scripts can trust how a command ends."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from balloon_splash.cli.common import run_cli
from balloon_splash.errors import MediaError
from balloon_splash.files import atomic_path

ROOT = Path(__file__).parents[2]


def test_an_error_of_several_lines_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    def failing(_: argparse.Namespace) -> int:
        raise MediaError("a.jpg: cannot\n  be read")

    assert run_cli(failing, argparse.ArgumentParser(), []) == 2
    assert capsys.readouterr().err == "error: a.jpg: cannot be read\n"


class _SlowToStart(threading.Thread):
    """Thread that is asked to start long before it runs, as on a busy machine."""

    def _bootstrap(self) -> None:
        time.sleep(0.2)
        super()._bootstrap()  # type: ignore[misc]


def test_an_interruption_while_a_thread_starts_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    worker = _SlowToStart(target=lambda: None)

    def interrupted(_: argparse.Namespace) -> int:
        threading.Thread(target=worker.start, daemon=True).start()
        while worker not in threading.enumerate():
            time.sleep(0.001)
        assert not worker.is_alive(), "it is asked for, and does not run yet"
        raise KeyboardInterrupt

    assert run_cli(interrupted, argparse.ArgumentParser(), []) == 130
    assert capsys.readouterr().err == "interrupted\n"
    assert not worker.is_alive()


@pytest.mark.parametrize("bug", [ZeroDivisionError, FileExistsError])
def test_a_bug_keeps_its_traceback(bug: type[Exception]) -> None:
    def buggy(_: argparse.Namespace) -> int:
        raise bug

    with pytest.raises(bug):
        run_cli(buggy, argparse.ArgumentParser(), [])


def test_a_result_that_exists_is_one_line_that_names_the_flag(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def writing(_: argparse.Namespace) -> int:
        with atomic_path(tmp_path):
            pytest.fail("the work was done in vain")

    assert run_cli(writing, argparse.ArgumentParser(), []) == 2
    told = (
        f"error: {tmp_path}: exists already; expected a new name, or --overwrite (in Python: overwrite) to replace it\n"
    )
    assert capsys.readouterr().err == told


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_terminated_while_writing_leaves_no_half_file(tmp_path: Path) -> None:
    def writing(_: argparse.Namespace) -> int:
        with atomic_path(tmp_path / "result.txt") as path:
            path.write_text("half")
            os.kill(os.getpid(), signal.SIGTERM)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    assert run_cli(writing, argparse.ArgumentParser(), []) == 130
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.skipif(sys.platform == "win32", reason="signals work otherwise there")
def test_a_second_signal_does_not_disturb_the_end(tmp_path: Path) -> None:
    """The program ``timeout`` sends SIGTERM to the process and then to its group, so that the process gets it twice."""

    def ending(_: argparse.Namespace) -> int:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            (tmp_path / "cleared").touch()
        return 0

    assert run_cli(ending, argparse.ArgumentParser(), []) == 130
    assert (tmp_path / "cleared").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="pipes work otherwise there")
@pytest.mark.parametrize(
    "program",
    [
        "import argparse, sys; from balloon_splash.cli.common import run_cli;"
        "sys.exit(run_cli(lambda _: [print('x' * 1000) for _ in range(1000)] and 0, argparse.ArgumentParser(), []))",
        "import sys; from balloon_splash.cli.main import main; sys.exit(main(['--version']))",
    ],
)
def test_a_reader_that_has_gone_is_not_a_bug(program: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
