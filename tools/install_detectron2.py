"""Install Detectron2 from PyPI, unless it is already installed.

Detectron2 is not on PyPI under its own name. The wheel ``sal-detectron2`` holds the Python code of its main branch of
April 2024; it is tagged for Python 3.10 only because of a compiled part that is not needed here (Detectron2 works
without it), so it is unpacked for any Python. An official build is left alone.
"""

import importlib.util
import subprocess
import sys
import sysconfig
from pathlib import Path

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements-detectron2.txt"


def main() -> int:
    """Return pip's exit code, or 0 if there was nothing to do."""
    if importlib.util.find_spec("detectron2") is not None:
        print("Detectron2 is installed already; left as it is")
        return 0
    site_packages = Path(sysconfig.get_path("purelib"))
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--python-version", "3.10", "--target", str(site_packages)]
    code = subprocess.call([*command, "--require-hashes", "-r", str(REQUIREMENTS)])
    # Built against an older torch; on Python 3.10, which would find it, it must not be loaded.
    for compiled in site_packages.glob("detectron2/_C.*"):
        compiled.unlink()
    return code


if __name__ == "__main__":
    sys.exit(main())
