"""A command that is interrupted ends, whatever it is busy with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import Any

import psutil
import pytest

from balloon_splash.cli.deadline import ended_in_time

pytestmark = pytest.mark.skipif(os.name == "nt", reason="other signals there")


def started(body: str) -> subprocess.Popen[str]:
    """A process within the block, once it has printed a line."""
    code = f"""
import hashlib, multiprocessing, os, signal, sys, time
from balloon_splash.cli.deadline import ended_in_time

def sleep(runs=None):
    if runs:
        runs.set()
    time.sleep(600)

with ended_in_time(0.5):
{textwrap.indent(textwrap.dedent(body), "    ")}
"""
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def alive(process: int) -> bool:
    """Return whether the process runs; one that has ended may stay in the process table."""
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def test_one_long_operation_does_not_hold_an_interrupted_command() -> None:
    """As the backward pass of a large model: Python hears of the signal when it is over."""
    process = started("""
        child = multiprocessing.get_context("fork").Process(target=sleep, daemon=True)
        child.start()
        signal.signal(signal.SIGINT, lambda *_: None)  # or it could strike before the long operation
        print(child.pid, flush=True)
        hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)
    """)
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "still busy, ended" in error
    deadline = time.monotonic() + 10
    while alive(child):
        assert time.monotonic() < deadline, "the child is still there"
        time.sleep(0.05)


def test_a_command_that_ends_by_itself_is_left_to_do_so() -> None:
    process = started("""
        try:
            print("ready", flush=True)
            time.sleep(600)
        except KeyboardInterrupt:
            print("saved", flush=True)
    """)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "saved\n")


def test_signals_of_children_do_not_count() -> None:
    """A loader that is told to end must not end the training."""
    process = started("""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))
        context = multiprocessing.get_context("fork")
        runs = context.Event()
        child = context.Process(target=sleep, args=(runs,))
        child.start()
        runs.wait()
        child.terminate()
        child.join()
        time.sleep(1.5)
        print(child.exitcode, flush=True)
    """)
    output, _ = process.communicate(timeout=30)
    assert (process.returncode, output) == (0, "3\n")


def test_a_child_that_lives_on_holds_nobody() -> None:
    """A child has a copy of the socket that receives signals."""
    process = started("""
        child = multiprocessing.get_context("fork").Process(target=sleep, daemon=True)
        child.start()
    """)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_outside_the_main_thread_nothing_is_changed() -> None:
    seen: list[Any] = []

    def run() -> None:
        with ended_in_time():
            seen.append("done")

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert seen == ["done"]
    assert signal.set_wakeup_fd(-1) == -1
