"""Train on several splits or with several seeds; see ``--help``."""

import sys

from balloon_splash.cli.cross_validate import main

if __name__ == "__main__":
    sys.exit(main())
