"""Command line of the doctor: ``balloon-splash doctor`` and ``python -m balloon_splash.doctor``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from balloon_splash.cli.common import run_cli
from balloon_splash.cli.parser import Parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    return run_cli(_run, Parser("Print versions, device and missing parts."), argv)


def _run(_args: argparse.Namespace) -> int:
    from balloon_splash import doctor

    return doctor.main()
