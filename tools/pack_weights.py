"""Pack a trained model into one small file; see ``--help``."""

import sys

from balloon_splash.cli.pack_weights import main

if __name__ == "__main__":
    sys.exit(main())
