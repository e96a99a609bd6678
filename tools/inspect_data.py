"""Write an HTML report about a dataset; see ``--help``."""

import sys

from balloon_splash.cli.inspect_data import main

if __name__ == "__main__":
    sys.exit(main())
