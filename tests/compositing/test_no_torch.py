"""Effects and photos work where neither torch nor Detectron2 is installed."""

import subprocess
import sys

CODE = """
import pkgutil, sys
import balloon_splash.compositing, balloon_splash.media
import balloon_splash.splasher, balloon_splash.splasher.photo_batch, balloon_splash.splasher.photo_results
for package in (balloon_splash.compositing, balloon_splash.media):
    for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        __import__(module.name)
print([name for name in ("torch", "detectron2") if name in sys.modules])
"""


def test_compositing_and_media_import_neither_torch_nor_detectron2():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
