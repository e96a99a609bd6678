"""Serve a page to click on, and an HTTP interface: see ``--help``."""

import sys

from balloon_splash.cli.serve import main

if __name__ == "__main__":
    sys.exit(main())
