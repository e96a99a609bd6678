"""Train a small model and splash pictures with it; see --help."""

import sys

from balloon_splash.cli.demo import main

if __name__ == "__main__":
    sys.exit(main())
