"""The browser of the tests: Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def chromium() -> str:
    """Return the path of Chromium; without it, skip the test, or fail if ``BALLOON_SPLASH_NEEDS`` asks for it."""
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        if "chromium" in os.environ.get("BALLOON_SPLASH_NEEDS", "").split(","):
            pytest.fail(f"none of {', '.join(NAMES)} found, and BALLOON_SPLASH_NEEDS asks for it")
        pytest.skip("no Chromium (Debian: apt-get install chromium)")
    return path


@contextmanager
def open_browser(path: str) -> Iterator[Browser]:
    """A fresh browser without a window or a profile."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(QUIET))
        yield browser
        browser.close()
