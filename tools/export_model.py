"""Export a trained model for other programs; see ``--help``."""

import sys

from balloon_splash.cli.export import main

if __name__ == "__main__":
    sys.exit(main())
