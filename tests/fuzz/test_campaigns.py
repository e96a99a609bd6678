"""Campaigns: short ones that find nothing, and one that finds all that a campaign is to notice."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.fuzz.campaign import Rules, run_campaign, summary
from tests.fuzz.trouble import DEEDS

SHORT = {"via": 120, "labelme": 60, "formats": 200, "image": 200, "video": 60, "via-guided": 100}


@pytest.mark.parametrize("kind", SHORT)
def test_a_short_campaign_finds_nothing(tmp_path: Path, kind: str) -> None:
    if kind == "via-guided" and importlib.util.find_spec("atheris") is None:
        pytest.skip("Atheris is not installed")
    tally = run_campaign(kind, SHORT[kind], 20_26, tmp_path)
    assert tally.cases == SHORT[kind]
    assert not tally.findings, summary(kind, tally, 0)
    assert set(tally.outcomes) == {
        "read",
        "refused",
    }  # the damage is neither too small nor too great


def test_a_campaign_notices_hangs_crashes_writes_and_memory_and_goes_on(tmp_path: Path) -> None:
    tally = run_campaign("trouble", len(DEEDS), 0, tmp_path / "findings", rules=Rules(seconds=2, bytes=2**28))
    found = "\n".join(tally.findings)
    expected = [
        "IndexError",
        "calls: open",
        "calls: open made",
        "subprocess.Popen",
        "GiB of memory",
        "dies of signal 11",
        "hangs for more than 6 s",
    ]
    assert [what for what in expected if what not in found] == []
    assert tally.cases == len(DEEDS)
    kept = {path.read_text() for path in (tmp_path / "findings").glob("trouble-*.deed")}
    assert {"die", "hang"} <= kept  # the files that did it
