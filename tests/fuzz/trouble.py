"""Files that do what no file should be able to, to show that a campaign notices."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from tests.fuzz.samples import Sample

Deed = Callable[[Path], object]

DEEDS: dict[str, Deed] = {
    "harmless": lambda path: None,
    "raise": lambda path: [][len(path.name)],
    "write": lambda path: path.with_name("made").write_text("x"),
    "write here": lambda path: Path("made").touch(),
    "start": lambda path: subprocess.run([sys.executable, "--version"], check=False, stdout=subprocess.DEVNULL),
    "memory": lambda path: np.ones(2**25),  # 256 MiB
    "die": lambda path: os.kill(os.getpid(), signal.SIGSEGV),
    "hang": lambda path: time.sleep(1000),
    "last": lambda path: None,
}


def deeds() -> list[Sample]:
    """One file for each deed, in order."""
    return [(".deed", name.encode()) for name in DEEDS]


def trouble_target(path: Path) -> bool:
    """Make a target that does what the file says."""
    DEEDS[path.read_text()](path)
    return True
