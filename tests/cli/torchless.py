"""The splash command without torch, which takes seconds to import: ``python -m tests.cli.torchless ARGUMENTS``.

The model is the one that finds discs by their colour. What is to happen on the way is told by the environment:

* ``SIGNAL=STAGE:COUNT:NUMBER`` sends the process a signal when a stage is entered for the COUNT-th time;
* ``MEET=FOLDER:COUNT`` has the model wait until COUNT processes have come so far;
* ``SLOW=SECONDS`` makes the model as slow as that for each picture;
* ``IGNORED=NUMBER`` has the process begin with that signal ignored, as ``nohup`` does;
* ``LARGEST_FILE=BYTES`` is the limit on files, as of a disk that fills;
* ``WEBCAM=FILE`` lets a video stand behind every webcam, at 30 pictures a second;
* ``MEMORY=numpy|torch`` gives the model an appetite of 1 GiB a picture, and the process 7 GiB of addresses: four fit
  with room, eight do not.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from tests.fakes import ColourSegmenter

GIB = 2**30


class Model(ColourSegmenter):
    """Finder by colour, with the troubles of larger models."""

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        meet(os.environ.get("MEET"))
        devour(os.environ.get("MEMORY"), len(images))
        for _ in images:
            time.sleep(float(os.environ.get("SLOW", 0)))
        return super().detect(images)


def meet(place: str | None) -> None:
    if place is None:
        return
    folder, count = place.rsplit(":", 1)
    (Path(folder) / str(os.getpid())).touch()
    while len(list(Path(folder).iterdir())) < int(count):
        time.sleep(0.01)


def devour(how: str | None, count: int) -> None:
    if how == "numpy":
        np.empty(count * GIB, np.uint8)
    elif how == "torch":
        import torch

        torch.empty(count * GIB, dtype=torch.uint8)


def limit_memory() -> None:
    import resource

    if os.environ["MEMORY"] == "torch":
        import torch  # noqa: F401  (what it takes for itself is not counted)
    (line,) = (text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmSize"))
    resource.setrlimit(resource.RLIMIT_AS, (int(line.split()[1]) * 1024 + 7 * GIB, resource.RLIM_INFINITY))


def signal_at(order: str) -> None:
    """Wrap the stage, so that entering it sends the signal; then it goes on as if nothing had happened."""
    from balloon_splash.compositing.look import Look
    from balloon_splash.media.video.colour import RgbReader
    from balloon_splash.media.video.sink import VideoSink
    from balloon_splash.splasher import photo_batch as photos
    from balloon_splash.splasher import photo_results as photo_files

    stage, count, number = order.split(":")
    places: dict[str, list[tuple[Any, str]]] = {
        "reading": [(photos, "read_picture"), (RgbReader, "__call__")],
        "model": [(Model, "detect")],
        "composing": [(Look, "apply")],
        "encoding": [(photo_files, "write_picture"), (VideoSink, "write")],
    }
    entered = 0

    def signalling(function: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **options: Any) -> Any:
            nonlocal entered
            entered += 1
            if entered == int(count):
                os.kill(os.getpid(), int(number))
            return function(*args, **options)

        return wrapped

    for owner, name in places[stage]:
        setattr(owner, name, signalling(getattr(owner, name)))


def hear_signals() -> None:
    """As from a terminal, whatever the shell or nohup that the tests run behind has switched off."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if "IGNORED" in os.environ:
        signal.signal(int(os.environ["IGNORED"]), signal.SIG_IGN)


def main() -> int:
    hear_signals()
    from balloon_splash.cli.splash import main as splash

    if "WEBCAM" in os.environ:
        import cv2

        class Camera(cv2.VideoCapture):
            """A video at the pace of a camera, whatever number was asked for."""

            def __init__(self, index: int) -> None:
                super().__init__(os.environ["WEBCAM"])

            def read(self, *args: Any) -> Any:
                time.sleep(1 / 30)
                return super().read(*args)

        cv2.VideoCapture = Camera  # type: ignore[assignment, misc]
    if "SIGNAL" in os.environ:
        signal_at(os.environ["SIGNAL"])
    if "LARGEST_FILE" in os.environ:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (int(os.environ["LARGEST_FILE"]),) * 2)
    if "MEMORY" in os.environ:
        limit_memory()
    return splash(sys.argv[1:], finder=Model())


if __name__ == "__main__":
    sys.exit(main())
