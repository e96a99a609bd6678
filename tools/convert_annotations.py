"""Convert annotations of one tool for another; see ``--help``."""

import sys

from balloon_splash.cli.convert_annotations import main

if __name__ == "__main__":
    sys.exit(main())
