"""One of a kind is said in the singular."""

from __future__ import annotations

import pytest

from balloon_splash.compositing.look import Look
from balloon_splash.wording import counted


@pytest.mark.parametrize(("number", "told"), [(0, "0 objects"), (1, "1 object"), (2, "2 objects")])
def test_only_one_is_singular(number: int, told: str) -> None:
    assert counted(number, "object") == told
    assert f"nothing is left of {told} after" in Look.explain_nothing(number)
