"""Download and unpack the balloon dataset, or render balloons; see ``--help``."""

import sys

from balloon_splash.cli.prepare import main

if __name__ == "__main__":
    sys.exit(main())
