"""What every command does alike: parse, run, and turn a user's error into one line and an exit code."""

from __future__ import annotations

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Sequence

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
        The command's own exit code; 2 for an error that the user can mend (argparse's code for wrong use, too);
        130 for Ctrl-C. Any other exception is a bug and keeps its traceback.
    """
    args = parser.parse_args(argv)
    _hush()
    try:
        return command(args)
    except BalloonSplashError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        return EXIT_USAGE
    except FileExistsError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED


def _hush() -> None:
    """Silence two notes of torch about Detectron2's code, on every run, that no user can do anything about."""
    warnings.filterwarnings("ignore", message="torch.meshgrid: in an upcoming release")
    logging.getLogger("torch.fx._symbolic_trace").setLevel(logging.ERROR)
