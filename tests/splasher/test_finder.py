"""Memory that does not suffice costs speed, or one picture, and not the run; real allocations raise the errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from balloon_splash.compositing.detections import Detections
from balloon_splash.errors import MediaError, WeightsError
from balloon_splash.splasher.finder import ModelFinder, NamedImage, detections_of, is_out_of_memory
from tests.fakes import CLASS_NAMES, draw_scene, find_blobs
from tests.media.clips import Pixels

TOO_MUCH = 2**60
ALLOCATIONS: list[Callable[[], object]] = [
    lambda: np.empty(TOO_MUCH, np.uint8),
    lambda: torch.empty(TOO_MUCH, dtype=torch.uint8),
    lambda: bytearray(TOO_MUCH),
    lambda: cv2.resize(np.zeros((1, 1), np.float64), (2**25, 2**25)),
]


class Hungry:
    """A model for which a batch of more than ``most`` pictures, or of more than ``pixels``, does not fit."""

    class_names = CLASS_NAMES

    def __init__(self, allocate: Callable[[], object], *, most: int = 3, pixels: int = 10**6) -> None:
        self.batches: list[int] = []
        self._allocate, self._most, self._pixels = allocate, most, pixels

    def detect(self, images: Sequence[Pixels]) -> list[Detections]:
        self.batches.append(len(images))
        if len(images) > self._most or any(image.shape[0] * image.shape[1] > self._pixels for image in images):
            self._allocate()
        return [find_blobs(image) for image in images]


def named(*images: Pixels) -> list[NamedImage]:
    return [NamedImage(f"photos/{number}.jpg", f"{number}.jpg", image) for number, image in enumerate(images)]


@pytest.mark.parametrize("allocate", ALLOCATIONS)
def test_a_batch_is_halved_until_it_fits_and_the_next_one_begins_there(allocate: Callable[[], object]) -> None:
    told: list[str] = []
    hungry = Hungry(allocate)
    finder = ModelFinder(hungry, note=told.append)
    for _ in range(2):
        assert [len(found) for found in detections_of(finder.find(named(*[draw_scene()] * 8)))] == [3] * 8
    assert hungry.batches == [8, 4, 2, 2, 2, 2, 2, 2, 2, 2]
    assert told == [
        "out of memory: batches of 8 pictures become batches of 4",
        "out of memory: batches of 4 pictures become batches of 2",
    ]


def test_a_picture_that_does_not_fit_alone_fails_alone() -> None:
    recorded: list[str] = []
    finder = ModelFinder(Hungry(ALLOCATIONS[0], most=8), lambda name, _: recorded.append(name), lambda _: None)
    found = finder.find(named(draw_scene(), draw_scene(1200, 1000), draw_scene()))
    assert [type(each) for each in found] == [Detections, MediaError, Detections]
    assert recorded == ["photos/0.jpg", "photos/2.jpg"]
    with pytest.raises(MediaError, match=r"photos/1.jpg: out of memory with a single picture of 1000x1200 pixels"):
        detections_of(found)


def test_other_errors_are_not_taken_for_a_lack_of_memory() -> None:
    def broken() -> None:
        raise RuntimeError("shapes (3, 4) and (5, 6) do not match")

    with pytest.raises(RuntimeError, match="do not match"):
        ModelFinder(Hungry(broken)).find(named(*[draw_scene()] * 8))
    with pytest.raises(cv2.error) as error:
        cv2.resize(np.zeros((0, 0)), (5, 5))
    assert not is_out_of_memory(error.value)


@pytest.mark.parametrize("field", ["scores", "boxes", "soft_masks"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_no_number_is_refused(field: str, value: float) -> None:
    class Broken(Hungry):
        def detect(self, images: Sequence[Pixels]) -> list[Detections]:
            (found,) = super().detect(images)
            values = getattr(found, field).copy()
            values.flat[-1] = value
            return [replace(found, **{field: values})]

    with pytest.raises(WeightsError, match="NaN or infinite"):
        ModelFinder(Broken(lambda: None)).find(named(draw_scene()))
