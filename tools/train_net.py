"""Train or evaluate a balloon model; see ``--help``."""

import sys

from balloon_splash.cli.train import main

if __name__ == "__main__":
    sys.exit(main())
