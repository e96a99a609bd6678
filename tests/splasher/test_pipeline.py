"""The pipeline: steps overlap, memory is bounded, and it ends cleanly whichever step fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from balloon_splash.splasher.pipeline import run_pipeline


def double(numbers: Iterator[int]) -> Iterator[int]:
    for number in numbers:
        yield 2 * number


@pytest.fixture(autouse=True)
def _no_thread_left() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_everything_arrives_in_order() -> None:
    results: list[int] = []
    run_pipeline(range(100), [double, double], results.append, queue_size=2)
    assert results == [4 * number for number in range(100)]


def test_steps_work_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=10)  # broken, and an error, unless three steps are at work together

    def source() -> Iterator[int]:
        for number in range(4):
            if number == 3:
                meeting.wait()
            yield number

    def stage(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            if number == 1:
                meeting.wait()
            yield number

    def sink(number: int) -> None:
        if number == 0:
            meeting.wait()

    run_pipeline(source(), [stage], sink, queue_size=4)


def test_source_does_not_run_ahead_of_a_slow_sink() -> None:
    made, used, most = 0, 0, 0

    def source() -> Iterator[int]:
        nonlocal made
        for number in range(60):
            made += 1
            yield number

    def sink(_: int) -> None:
        nonlocal used, most
        most = max(most, made - used)
        used += 1
        time.sleep(0.002)

    run_pipeline(source(), [double], sink, queue_size=3)
    assert used == 60
    assert most <= 2 * 3 + 4  # two queues, and one item in each hand


def fail(_: object) -> None:
    raise ValueError("this step broke")


@pytest.mark.parametrize("where", ["source", "stage", "sink"])
def test_first_failure_ends_the_run_with_its_own_message(where: str) -> None:
    closed = []

    def source() -> Iterator[int]:
        try:
            for number in range(10_000):
                if where == "source" and number == 20:
                    fail(number)
                yield number
        finally:
            closed.append("source")

    def stage(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            if where == "stage" and number == 20:
                fail(number)
            yield number

    def sink(number: int) -> None:
        if where == "sink" and number == 20:
            fail(number)

    with pytest.raises(ValueError, match="this step broke"):
        run_pipeline(source(), [stage], sink)
    assert closed == ["source"]


def test_step_that_needs_no_more_sends_the_others_home() -> None:
    def first_three(numbers: Iterator[int]) -> Iterator[int]:
        for _ in range(3):
            yield next(numbers)

    results: list[int] = []
    run_pipeline(range(10_000), [double, first_three], results.append, queue_size=1)
    assert results == [0, 2, 4]


def test_a_stage_can_run_in_the_calling_thread_where_an_interruption_strikes_it() -> None:
    threads: list[threading.Thread] = []

    def stage(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            threads.append(threading.current_thread())
            if number == 10:
                raise KeyboardInterrupt
            yield number

    results: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        run_pipeline(range(1000), [double, stage, double], results.append, here=1)
    run_pipeline(range(2), [double, stage], results.append, here=1)
    assert set(threads) == {threading.current_thread()}
    assert results[-2:] == [0, 2]
