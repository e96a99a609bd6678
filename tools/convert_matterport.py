"""Convert weights of matterport's Mask R-CNN; see ``--help``."""

import sys

from balloon_splash.cli.convert_matterport import main

if __name__ == "__main__":
    sys.exit(main())
