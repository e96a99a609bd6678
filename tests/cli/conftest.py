"""What the tests of the commands share."""

from __future__ import annotations

import pytest

from balloon_splash.inference.segmenter import Segmenter
from tests.fakes import ColourSegmenter


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> ColourSegmenter:
    """Stands in the place of the true model."""
    segmenter = ColourSegmenter()
    monkeypatch.setattr(Segmenter, "from_config", lambda *args, **options: segmenter)
    return segmenter
