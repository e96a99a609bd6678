"""A browser, a service and a photo for the tests of the page."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import pytest
from PIL import Image

from tests.fakes import PromptedSegmenter, draw_scene
from tests.serve.page.places import HEIGHT, MISSED, MISSED_RADIUS, PATIENCE, WIDTH, Open

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    from playwright.sync_api import expect

    from tests.serve.chromium import chromium, open_browser

    expect.set_options(timeout=PATIENCE)
    with open_browser(chromium()) as browser:
        yield browser


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., str]]:
    """Starts a service on a free port and returns its address; each ends with the module."""
    import uvicorn

    from balloon_splash.serve.app import create_app
    from balloon_splash.serve.settings import Settings

    with ExitStack() as stack:

        def begin(**settings: Any) -> str:
            folder = str(tmp_path_factory.mktemp("videos"))
            app = create_app(Settings(folder=folder, **settings), PromptedSegmenter())
            server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
            thread = threading.Thread(target=server.run, daemon=True)
            thread.start()
            stack.callback(thread.join, 10)
            stack.callback(setattr, server, "should_exit", True)
            deadline = time.monotonic() + 10
            while not server.started and time.monotonic() < deadline:
                time.sleep(0.01)
            return f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}/"

        yield begin


@pytest.fixture(scope="module")
def address(serve: Callable[..., str]) -> str:
    return serve()


@pytest.fixture
def visit(browser: Browser, address: str) -> Iterator[Open]:
    """Opens the page in a fresh profile. No script may fail, and nothing may be asked of anybody else."""
    faults: list[str] = []
    with ExitStack() as stack:

        def begin(at: str = address, **options: Any) -> Page:
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            ours = at.split("#")[0]
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.on("console", lambda line: faults.extend([line.text] if line.type == "error" else []))
            elsewhere = re.compile(f"(?!(blob:)?{re.escape(ours)})")
            context.on("request", lambda sent: faults.extend([sent.url] if elsewhere.match(sent.url) else []))
            page.goto(at)
            return page

        yield begin
    assert faults == []


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = draw_scene(HEIGHT, WIDTH)
    cv2.circle(image, MISSED, MISSED_RADIUS, (240, 220, 40), -1)
    path = tmp_path_factory.mktemp("photo") / "party.png"
    Image.fromarray(image).save(path)
    return path
