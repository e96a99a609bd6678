"""Command line of the doctor: ``balloon-splash doctor`` and ``python -m balloon_splash.doctor``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    argparse.ArgumentParser(description="Print versions and device, and what is missing.").parse_args(argv)
    from balloon_splash import doctor

    return doctor.main()
