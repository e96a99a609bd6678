"""Splash pictures with the model that ships, or train a small one first; see ``--help``."""

import sys

from balloon_splash.cli.demo import main

if __name__ == "__main__":
    sys.exit(main())
