"""Keep the colour where the objects are; see ``--help``."""

import sys

from balloon_splash.cli.splash import main

if __name__ == "__main__":
    sys.exit(main())
