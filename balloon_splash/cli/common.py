"""What every command does alike: parse, run, and turn a user's error into one line and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from balloon_splash.errors import BalloonSplashError

EXIT_OK = 0
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def run_cli(
    command: Callable[[argparse.Namespace], int],
    parser: argparse.ArgumentParser,
    argv: Sequence[str] | None,
) -> int:
    """Parse ``argv`` and run ``command``; print a user's error as one line on stderr.

    Returns:
        The command's own exit code; 1 if whoever read its output has gone; 2 for an error that the user can mend
        (argparse's code for wrong use, too); 130 for Ctrl-C and for SIGTERM, which is treated alike, so that either
        leaves no half-written file. Any other exception is a bug and keeps its traceback.
    """
    args = parser.parse_args(argv)
    _hush()
    try:
        with _terminated_like_interrupted():
            return command(args)
    except BalloonSplashError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USAGE
    except FileExistsError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # or the interpreter would complain when it flushes stdout
        return EXIT_SOME_FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


@contextlib.contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM raise KeyboardInterrupt meanwhile."""
    if threading.current_thread() is not threading.main_thread():  # only that one may set handlers
        yield
        return

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _hush() -> None:
    """Silence notes about Detectron2's code, on every run, that no user can do anything about."""
    warnings.filterwarnings("ignore", message="torch.meshgrid: in an upcoming release")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    logging.getLogger("torch.fx._symbolic_trace").setLevel(logging.ERROR)
