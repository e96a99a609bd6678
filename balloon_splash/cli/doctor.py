"""Command line of the doctor: ``balloon-splash doctor`` and ``python -m balloon_splash.doctor``."""

from __future__ import annotations

from collections.abc import Sequence

from balloon_splash.cli.parser import Parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code."""
    Parser("Print versions, device and missing parts.").parse_args(argv)
    from balloon_splash import doctor

    return doctor.main()
