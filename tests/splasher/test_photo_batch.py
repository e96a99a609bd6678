"""Many photos go through in a bounded amount of memory."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.media.inputs import Source
from balloon_splash.splasher import photo_batch as photos
from balloon_splash.splasher.finder import NamedImage
from balloon_splash.splasher.outcomes import Job

COUNT, BATCH = 40, 2


class Jobs(list[Job]):
    """Jobs that count how many have been drawn, which is when their pictures begin to be read."""

    drawn = 0

    def __iter__(self) -> Iterator[Job]:
        for job in super().__iter__():
            self.drawn += 1
            yield job


class NothingFinder:
    """Finder of nothing that notes how many more photos than it has seen were drawn by then."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.seen = 0
        self.ahead: list[int] = []

    def find(self, images: Sequence[NamedImage]) -> list[Any]:
        self.seen += len(images)
        self.ahead.append(self.jobs.drawn - self.seen)
        return [Detections.empty(image.rgb.shape[:2]) for image in images]


@pytest.mark.parametrize(("bytes_ahead", "most"), [(photos.AHEAD_BYTES, photos.AHEAD * BATCH), (1000, 1)])
def test_of_large_photos_fewer_are_read_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bytes_ahead: int, most: int
) -> None:
    Image.new("RGB", (20, 20)).save(tmp_path / "photo.png")  # 1200 bytes
    monkeypatch.setattr(photos, "AHEAD_BYTES", bytes_ahead)
    source = Source("photo.png", Path("photo.png"), tmp_path / "photo.png")
    jobs = Jobs([Job(source, None)] * COUNT)
    finder = NothingFinder(jobs)
    summary = photos.splash_photos(
        jobs,
        finder,  # type: ignore[arg-type]
        Look(),
        Selection(),
        lambda *_: (),
        batch_size=BATCH,
    )
    assert len(summary.outcomes) == COUNT
    assert not any(outcome.error for outcome in summary.outcomes)
    assert finder.ahead[0] <= BATCH  # nothing is known of their size yet
    assert max(finder.ahead[2:]) == most


def test_what_is_written_is_reported_while_the_others_wait_for_the_model(tmp_path: Path) -> None:
    """Few photos fit between the stages whole; a bar that moves at the end alone is of no use."""
    Image.new("RGB", (20, 20)).save(tmp_path / "photo.png")
    source = Source("photo.png", Path("photo.png"), tmp_path / "photo.png")
    written, reported = threading.Semaphore(0), list[Any]()

    before: list[int] = []

    class Slow(NothingFinder):
        def find(self, images: Sequence[NamedImage]) -> list[Any]:
            if self.seen:
                assert written.acquire(timeout=20), "the photo before has been written"
            before.append(len(reported))
            return super().find(images)

    def write(*_: Any) -> Any:
        written.release()
        return ()

    jobs = Jobs([Job(source, None)] * 6)
    photos.splash_photos(
        jobs,
        Slow(jobs),  # type: ignore[arg-type]
        Look(),
        Selection(),
        write,
        batch_size=1,
        report=reported.append,
    )
    assert before[-1] >= 2
    assert len(reported) == 6
