"""Common parts of all commands: parse, run, and turn a user's error into one line and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from balloon_splash.errors import BalloonSplashError
from balloon_splash.extras import not_installed

EXIT_OK = 0
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130

LAST_SECONDS = 2.0
"""Seconds that threads still running after an interruption get to end."""


def run_cli(
    command: Callable[[argparse.Namespace], int],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
) -> int:
    """Parse ``argv`` and run ``command``; print a user's error as one line on stderr.

    Returns:
        The command's own exit code; 1 if the reader of its output has gone; 2 for an error that the user can mend
        (also argparse's code for wrong use); 130 for Ctrl-C, SIGTERM and a closed terminal, which are treated alike, so
        that none leaves a half-written file. Any other exception is a bug and keeps its traceback.
    """
    args = parser.parse_args(argv)
    hush_libraries()
    there_before = threading.enumerate()
    try:
        with _terminated_like_interrupted():
            code = command(args)
        sys.stdout.flush()  # here rather than at the interpreter's end, where it could no longer be answered
        return code
    except BalloonSplashError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USAGE
    except ModuleNotFoundError as error:
        if (help_line := not_installed(error)) is None:
            raise
        print(f"error: {help_line}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        return _without_reader()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        _leave_waiting_threads(there_before)
        return EXIT_INTERRUPTED


def print_out(text: str) -> int:
    """Print a text; return 0, or 1 if the reader of the output has gone."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        return _without_reader()
    return EXIT_OK


def _without_reader() -> int:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # else the interpreter would complain when it flushes stdout
    return EXIT_SOME_FAILED


def number(text: str) -> float:
    """Parse a number for argparse; NaN, which is in no range, where the text is not one."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def share(text: str) -> float:
    """Parse a number from 0 to 1 for argparse."""
    value = number(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} found, expected a number from 0 to 1")
    return value


def _leave_waiting_threads(there_before: Sequence[threading.Thread]) -> None:
    """End the process if a thread of the command still runs, waiting for a slow server for instance.

    Python would wait for it. Earlier threads belong to a caller that runs the command as a function.
    """
    deadline = time.monotonic() + LAST_SECONDS
    others = [thread for thread in threading.enumerate() if thread not in there_before]
    for thread in others:
        if not thread.daemon:
            _await(thread, deadline)
    if any(thread.is_alive() and not thread.daemon for thread in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(EXIT_INTERRUPTED)


def _await(thread: threading.Thread, deadline: float) -> None:
    """Wait for the end of a thread, also of one whose start the interruption cut short: Python cannot join it yet."""
    while not thread.is_alive() and thread in threading.enumerate() and time.monotonic() < deadline:
        time.sleep(0.01)
    if thread.is_alive():
        thread.join(max(0.0, deadline - time.monotonic()))


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Make SIGTERM, and SIGHUP unless it is ignored, raise KeyboardInterrupt meanwhile."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return

    heard = False

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        nonlocal heard
        if heard:  # the program `timeout` sends it twice, and the second must not interrupt the removal of files
            return
        heard = True
        raise KeyboardInterrupt

    numbers = [signal.SIGTERM]
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # nohup ignores it
        numbers.append(signal.SIGHUP)
    before = [(number, signal.signal(number, interrupt)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def hush_libraries() -> None:
    """Silence warnings about which users can do nothing: of Detectron2's code, and of a CUDA toolkit without a GPU."""
    warnings.filterwarnings("ignore", message="torch.meshgrid: in an upcoming release")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    for name in ("torch.fx._symbolic_trace", "torch.utils.cpp_extension"):
        logging.getLogger(name).setLevel(logging.ERROR)
