"""Workers share the processor's threads, and leave torch as it was."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from balloon_splash.inference.fast.threads import Share, SideBySide, current_share


@pytest.fixture
def four_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("four_threads")
def test_workers_share_the_threads_and_keep_the_order() -> None:
    workers = SideBySide()
    meeting = threading.Barrier(4, timeout=60)

    def work(number: int) -> tuple[int, int, Share]:
        meeting.wait()  # passes only if four work at the same time
        return number, torch.get_num_threads(), current_share()

    assert workers.map(work, range(4)) == [(number, 1, Share(4, 1)) for number in range(4)]
    assert torch.get_num_threads() == 4
    fresh: list[int] = []
    thread = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    assert fresh == [4], "threads that come later are not held to one"


@pytest.mark.usefixtures("four_threads")
def test_one_item_has_all_threads() -> None:
    assert SideBySide().map(lambda _: current_share(), [None]) == [Share(1, 4)]


def test_an_error_is_raised() -> None:
    def fail(number: int) -> None:
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"):
        SideBySide().map(fail, range(3))
