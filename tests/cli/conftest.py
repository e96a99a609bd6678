"""Fixtures that the tests of the commands share."""

from __future__ import annotations

import pytest

from balloon_splash.splasher import loading
from tests.fakes import ColourSegmenter


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    """Finder in place of the real model."""
    segmenter = ColourSegmenter()
    monkeypatch.setattr(loading, "load_finder", lambda *args, **options: segmenter)
    return segmenter
