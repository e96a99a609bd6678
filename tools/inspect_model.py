"""Write an HTML report about a model; see ``--help``."""

import sys

from balloon_splash.cli.inspect_model import main

if __name__ == "__main__":
    sys.exit(main())
