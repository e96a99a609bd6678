"""Splash more photos and videos than one machine takes; see --help."""

import sys

from balloon_splash.cli.batch import main

if __name__ == "__main__":
    sys.exit(main())
