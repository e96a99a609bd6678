"""Live pictures: always the newest, with the objects of the model's last look carried to where they are."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import matte
from balloon_splash.errors import MediaError
from balloon_splash.media.newest import NewestPictures, Shot
from balloon_splash.splasher.live import LONGEST_WAY, LivePicture, find_live
from tests.fakes import find_blobs

SIZE = (240, 320)
PATIENCE = 20.0
Pixels = npt.NDArray[np.uint8]


def scene(index: int) -> Pixels:
    """A mottled red ball that drifts over a meadow with grain."""
    random = np.random.default_rng(3)
    ground = random.integers(0, 60, (SIZE[0] // 4, SIZE[1] // 4, 3), dtype=np.uint8)
    picture = cv2.resize(ground, SIZE[::-1], interpolation=cv2.INTER_CUBIC) + np.array([60, 130, 60])
    skin = cv2.resize(random.uniform(0, 1, (12, 12)), (88, 88), interpolation=cv2.INTER_CUBIC)
    red = np.dstack([175 + 80 * skin, 5 + 75 * skin, 5 + 75 * skin])
    inside = cv2.circle(np.zeros((88, 88, 1)), (44, 44), 40, 1.0, -1, cv2.LINE_AA)
    part = picture[76:164, 40 + index : 128 + index]
    part += (inside * (red - part)).astype(part.dtype)
    return np.asarray(np.clip(picture, 0, 255), np.uint8)


def shots(pictures: Iterator[Pixels] | list[Pixels]) -> Iterator[Shot]:
    for index, picture in enumerate(pictures):
        yield Shot(picture, float(index))


class Gate:
    """The colour finder, which finishes one look each time it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Semaphore(0)
        self.finished = threading.Semaphore(0)
        self.saw: list[float] = []

    def __call__(self, shot: Shot) -> Detections:
        assert self.opened.acquire(timeout=PATIENCE)
        self.saw.append(shot.taken)
        found = find_blobs(shot.rgb)
        self.finished.release()
        return found

    def open_before(self, index: int, pictures: list[Pixels]) -> Iterator[Pixels]:
        """Yield the pictures; before that of ``index`` let the model finish its look."""
        for each, picture in enumerate(pictures):
            if each == index:
                self.opened.release()
                assert self.finished.acquire(timeout=PATIENCE)
                time.sleep(0.05)  # until its result is there
            yield picture


def live(gate: Gate, pictures: list[Pixels], opens: int) -> list[LivePicture]:
    found = find_live(shots(gate.open_before(opens, pictures)), gate)
    result = [next(found) for _ in pictures]
    gate.opened.release()  # the look that nobody waits for
    found.close()
    return result


def overlap(picture: LivePicture) -> float:
    one, two = (matte(each) > 0 for each in (picture.objects, find_blobs(picture.shot.rgb)))
    return float((one & two).sum() / (one | two).sum())


def test_an_object_is_shown_where_it_is_though_the_model_saw_it_elsewhere() -> None:
    gate = Gate()
    pictures = live(gate, [scene(2 * i) for i in range(16)], opens=8)
    assert [len(each.objects) for each in pictures[:8]] == [0] * 8
    assert pictures[8].seen == 0.0
    assert gate.saw == [0.0, 8.0]
    assert min(map(overlap, pictures[8:])) > 0.85


def test_an_object_carried_for_long_stays_on_its_place() -> None:
    pictures = live(Gate(), [scene(i) for i in range(LONGEST_WAY * 2)], opens=1)
    assert min(map(overlap, pictures[1:])) > 0.7


@pytest.mark.parametrize("cut", [3, 7], ids=["while the model looks", "after it"])
def test_nothing_of_the_scene_before_a_cut_is_shown(cut: int) -> None:
    other = np.full((*SIZE, 3), 250, np.uint8)
    pictures = live(Gate(), [scene(i) for i in range(cut)] + [other] * 3, opens=5)
    assert [len(each.objects) for each in pictures[cut:]] == [0] * 3
    assert len(pictures[5].objects) == (cut > 5)


def test_an_error_of_the_model_ends_the_live_picture() -> None:
    def fail(shot: Shot) -> Detections:
        raise MediaError("out of memory")

    with pytest.raises(MediaError, match="out of memory"):
        for _ in find_live(shots(scene(i) for i in range(500)), fail):
            time.sleep(0.001)


def test_pictures_that_nobody_took_in_time_are_dropped() -> None:
    taken, all_read = threading.Event(), threading.Event()

    def source() -> Iterator[Pixels]:
        yield np.full((1, 1, 3), 0, np.uint8)
        assert taken.wait(PATIENCE)
        for value in range(1, 6):
            yield np.full((1, 1, 3), value, np.uint8)
        all_read.set()
        raise MediaError("sends no more pictures")

    with NewestPictures(source()) as newest:
        pictures = iter(newest)
        assert next(pictures).rgb.max() == 0
        taken.set()
        assert all_read.wait(PATIENCE)
        assert next(pictures).rgb.max() == 5
        assert newest.dropped == 4
        with pytest.raises(MediaError, match="sends no more pictures"):
            next(pictures)
