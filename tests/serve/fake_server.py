"""The command ``serve`` with a model that finds discs by colour: ``python -m tests.serve.fake_server OPTIONS``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from balloon_splash.cli.serve import main
from balloon_splash.compositing.detections import Detections
from balloon_splash.serve import server
from tests.fakes import PromptedSegmenter


class Slow(PromptedSegmenter):
    """A model as slow as the environment says."""

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        time.sleep(float(os.environ.get("SLOW", 0)))
        return super().detect(images)


def load(**_: Any) -> Slow:
    return Slow()


if __name__ == "__main__":
    pytest.MonkeyPatch().setattr(server, "load_finder", load)
    sys.exit(main(sys.argv[1:]))
