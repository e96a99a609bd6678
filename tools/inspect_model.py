"""Show what a model does with a photo, or how good it is on a dataset; see --help."""

import sys

from balloon_splash.cli.inspect_model import main

if __name__ == "__main__":
    sys.exit(main())
