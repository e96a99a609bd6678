"""A service in this process, with a model that finds discs by their colour; photos and requests for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from tests.fakes import PromptedSegmenter, draw_scene

YELLOW = (240, 220, 40)


def encoded(pixels: np.ndarray, kind: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def scene() -> np.ndarray:
    """Two red discs and a blue one, which the model finds, and a yellow one, which it does not."""
    image = draw_scene()
    cv2.circle(image, (20, 100), 12, YELLOW, -1)
    return image


@pytest.fixture(scope="session")
def png() -> bytes:
    return encoded(scene())


@pytest.fixture(scope="session")
def jpeg() -> bytes:
    exif = Image.Exif()
    exif[270] = "three balloons"
    return encoded(scene(), "JPEG", quality=92, exif=exif.tobytes())


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Any]]:
    """Starts services; each ends with the module, since tests of other rooms fork this process."""
    from contextlib import ExitStack

    from starlette.testclient import TestClient

    from balloon_splash.serve.app import create_app
    from balloon_splash.serve.settings import Settings

    with ExitStack() as stack:

        def begin(finder: Any = None, **settings: Any) -> Any:
            folder = str(tmp_path_factory.mktemp("videos"))
            app = create_app(Settings(**{"folder": folder, **settings}), finder or PromptedSegmenter())
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield begin


@pytest.fixture(scope="module")
def client(start: Callable[..., Any]) -> Any:
    """A service with its usual bounds."""
    return start()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve frames: a red disc that stands and a blue one that moves."""
    from tests.cli.scenes import SIZE, moving_scene
    from tests.media.clips import make_clip

    return make_clip(tmp_path_factory.mktemp("clip") / "party.mp4", frames=12, size=SIZE, draw=moving_scene)
