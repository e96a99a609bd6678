"""Objects carried by flow from key frames: where the truth is, gone where they are gone, however the clip goes."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from balloon_splash.compositing.carry import carry_forward
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.flow import flow_between, shrink
from balloon_splash.compositing.hysteresis import is_undecided
from balloon_splash.compositing.matte import matte
from balloon_splash.splasher.key_frames import HELD_FRAMES, find_between, steps_of
from tests.fakes import find_blobs

SIZE = (180, 320)
Pixels = npt.NDArray[np.uint8]
Draw = Callable[[Pixels, int], None]


@dataclass(frozen=True)
class Shot:
    rgb: Pixels
    time: Fraction


def ground(seed: int = 0, tint: tuple[int, int, int] = (70, 150, 60)) -> Pixels:
    """A still ground with enough to hold on to."""
    grain = np.random.default_rng(seed).integers(-40, 40, (SIZE[0] // 4, SIZE[1] // 4, 3)).astype(np.float32)
    return np.clip(cv2.resize(grain, SIZE[::-1], interpolation=cv2.INTER_CUBIC) + np.array(tint), 0, 255).astype(
        np.uint8
    )


def disc(picture: Pixels, x: float, y: float, radius: int = 24) -> None:
    """A red ball with a mottled skin that moves with it."""
    grain = np.random.default_rng(7).uniform(0, 1, (10, 10)).astype(np.float32)
    skin = cv2.resize(grain, (2 * radius, 2 * radius), interpolation=cv2.INTER_CUBIC)
    red = np.clip(np.dstack([175 + 80 * skin, 10 + 75 * skin, 10 + 75 * skin]), 0, 255)
    place = np.array([[1, 0, x - radius], [0, 1, y - radius]], np.float32)
    moved = cv2.warpAffine(red.astype(np.uint8), place, SIZE[::-1], borderMode=cv2.BORDER_REPLICATE)
    inside = np.zeros(SIZE, np.uint8)
    cv2.circle(inside, (round(x * 16), round(y * 16)), (radius - 2) * 16, 255, -1, cv2.LINE_AA, shift=4)
    share = inside[..., None] / np.float32(255)
    picture[:] = (share * moved + (1 - share) * picture).astype(np.uint8)


def film(draw: Draw, frames: int, back: Pixels | None = None, times: Sequence[int] | None = None) -> list[Shot]:
    shots = []
    for index in range(frames):
        picture = (ground() if back is None else back).copy()
        draw(picture, index)
        shots.append(Shot(picture, Fraction(index if times is None else times[index], 25)))
    return shots


class Looks:
    """The colour finder, and which frames it looked at."""

    def __init__(self, shots: Sequence[Shot]) -> None:
        self._index = {id(shot): index for index, shot in enumerate(shots)}
        self.frames: list[int] = []

    def __call__(self, shots: Sequence[Shot]) -> list[Detections]:
        self.frames += [self._index[id(shot)] for shot in shots]
        return [find_blobs(shot.rgb) for shot in shots]


def carried(shots: Sequence[Shot], every: int = 8, batch_size: int = 4) -> tuple[list[Detections], Looks]:
    looks = Looks(shots)
    results = list(find_between(steps_of(shots, every), looks, every=every, batch_size=batch_size))
    assert [step.frame for step, _ in results] == list(shots)
    assert [i for i, (step, _) in enumerate(results) if step.is_key] == sorted(looks.frames)
    return [detections for _, detections in results], looks


def overlap(shot: Shot, detections: Detections) -> float:
    """Overlap of the matte with what the finder would have found; 1 where both find nothing."""
    one, two = (matte(each) > 0 for each in (detections, find_blobs(shot.rgb)))
    return float((one & two).sum() / (one | two).sum()) if (one | two).any() else 1.0


def test_moving_object_is_carried_to_where_it_is_with_few_looks() -> None:
    shots = film(lambda picture, i: disc(picture, 60 + 4 * i, 80 + 10 * np.sin(i / 4)), 41)
    found, looks = carried(shots)
    assert len(looks.frames) <= 8
    assert min(map(overlap, shots, found)) > 0.88


def test_nothing_crosses_a_cut() -> None:
    def draw(picture: Pixels, i: int) -> None:
        if i < 11:
            disc(picture, 60 + 3 * i, 90)
        else:
            picture[:] = ground(5, tint=(200, 190, 210))
            disc(picture, 250, 60 + 3 * (i - 11))

    shots = film(draw, 24)
    found, looks = carried(shots)
    assert {0, 10, 11, 23} <= set(looks.frames)
    assert min(map(overlap, shots, found)) > 0.88


def test_fast_object_is_looked_at_more_often_rather_than_lost() -> None:
    shots = film(lambda picture, i: disc(picture, 40 + 240 * abs(np.sin(i / 6)), 90), 30)
    found, looks = carried(shots)
    assert min(map(overlap, shots, found)) > 0.5
    assert float(np.mean(list(map(overlap, shots, found)))) > 0.85
    assert len(looks.frames) > 5


def test_object_is_gone_while_it_is_hidden_and_comes_back() -> None:
    def draw(picture: Pixels, i: int) -> None:
        disc(picture, 60 + 6 * i, 90, radius=16)
        picture[:, 130:200] = ground(9, tint=(110, 110, 110))[:, 130:200]

    shots = film(draw, 36)
    hidden = [i for i, shot in enumerate(shots) if not len(find_blobs(shot.rgb))]
    found, _ = carried(shots)
    assert len(hidden) >= 3
    for index in range(hidden[0] + 1, hidden[-1]):
        assert matte(found[index]).sum() == 0, index
    assert overlap(shots[5], found[5]) > 0.85
    assert overlap(shots[30], found[30]) > 0.85


@pytest.mark.parametrize("backwards", [False, True], ids=["leaves", "enters"])
def test_object_leaves_and_enters_at_the_border_when_it_does(backwards: bool) -> None:
    shots = film(lambda picture, i: disc(picture, 230 + 5 * (29 - i if backwards else i), 90), 30)
    found, looks = carried(shots)
    wrong = [i for i, (shot, each) in enumerate(zip(shots, found, strict=True)) if overlap(shot, each) < 0.6]
    assert len(wrong) <= 3, wrong
    assert len(looks.frames) <= 8, "the border explains it, so the model need not look more often"


def test_object_that_left_is_gone_while_it_is_outside_and_is_there_again_once_back() -> None:
    shots = film(lambda picture, i: disc(picture, 260 + 110 * np.sin(i / 8), 90), 45)
    outside = [i for i, shot in enumerate(shots) if not len(find_blobs(shot.rgb))]
    found, _ = carried(shots)
    assert len(outside) >= 5
    assert not any(matte(found[index]).any() for index in outside)
    wrong = [i for i, (shot, each) in enumerate(zip(shots, found, strict=True)) if overlap(shot, each) < 0.6]
    assert len(wrong) <= 4, wrong


def test_object_cut_off_by_the_border_keeps_its_side_there_where_boxes_are_not_exact() -> None:
    shots = film(lambda picture, i: disc(picture, 20 + 10 * i, 90, radius=60), 9)

    def detect(batch: Sequence[Shot]) -> list[Detections]:
        """The boxes end 4 % of their width before the border."""
        found = [find_blobs(shot.rgb) for shot in batch]
        for each in found:
            each.boxes[0, 0] += 0.04 * np.ptp(each.boxes[0, ::2])
        return found

    found = [each for _, each in find_between(steps_of(shots, 8), detect, every=8, batch_size=4)]
    assert max(each.boxes[0, 0] - max(10 * i - 38, 0) for i, each in enumerate(found)) < 12


def test_weak_detection_continues_an_object_but_does_not_begin_one() -> None:
    """The finder sees the ball well, then hardly, then well; and hardly sees one that nobody else sees."""
    shots = film(lambda picture, i: disc(picture, 60 + 3 * i, 90), 17)

    def detect(batch: Sequence[Shot]) -> list[Detections]:
        results = []
        for shot in batch:
            index = next(i for i, each in enumerate(shots) if each is shot)
            ball = find_blobs(shot.rgb)
            boxes = np.concatenate([ball.boxes, np.array([[220, 20, 260, 60]], np.float32)])
            scores = np.array([0.4 if index == 8 else 0.95, 0.3], np.float32)
            classes, masks = np.repeat(ball.classes, 2), np.repeat(ball.soft_masks, 2, axis=0)
            both = replace(ball, boxes=boxes, scores=scores, classes=classes, soft_masks=masks)
            results.append(both if index == 8 else both[:1])
        return results

    found = [each for _, each in find_between(steps_of(shots, 8), detect, every=8, batch_size=4)]
    counts = [int((each.scores >= 0.5).sum()) for each in found]
    assert counts == [1] * 8 + [0] + [1] * 8  # the smoothing bridges the one


def test_one_look_at_an_unsure_object_is_one_frame_which_may_be_a_false_alarm() -> None:
    shots = film(lambda picture, i: None, 17)
    nothing = Detections.empty(SIZE, ("red", "blue"))
    alarm = replace(
        nothing,
        boxes=np.array([[100, 60, 140, 100]], np.float32),
        scores=np.array([0.7], np.float32),
        classes=np.zeros(1, np.int64),
        soft_masks=np.ones((1, 28, 28), np.float32),
    )

    def detect(batch: Sequence[Shot]) -> list[Detections]:
        return [alarm if shot is shots[8] else nothing for shot in batch]

    found = [each for _, each in find_between(steps_of(shots, 8), detect, every=8, batch_size=4)]
    assert [i for i, each in enumerate(found) if len(each)] == [8]


@pytest.mark.parametrize(
    ("sure_at", "expected"),
    [
        (None, [0, 2, 4, 6, 8, 10, 12, 14, 16]),
        (4, [0, 4, 8, 10, 12, 14, 16]),
        (8, [0, 8, 16]),
    ],
    ids=["never sure", "half way", "at first"],
)
def test_model_looks_half_way_while_nothing_is_decided(sure_at: int | None, expected: list[int]) -> None:
    """The ball has 0.85 wherever the model looks, but in one frame."""
    shots = film(lambda picture, i: disc(picture, 60 + 3 * i, 90), 17)
    looks = Looks(shots)

    def detect(batch: Sequence[Shot]) -> list[Detections]:
        scores = [0.95 if sure_at is not None and shot is shots[sure_at] else 0.85 for shot in batch]
        found = zip(looks(batch), scores, strict=True)
        return [replace(each, scores=np.full(len(each), score, np.float32)) for each, score in found]

    def undecided(found: Sequence[Detections]) -> bool:
        return is_undecided(found, 0.9, 0.5)

    steps = steps_of(shots, 8)
    found = [each for _, each in find_between(steps, detect, every=8, batch_size=4, undecided=undecided)]
    assert sorted(looks.frames) == expected
    sure = [i for i, each in enumerate(found) if each.scores.max() >= 0.9]
    assert sure == {None: [], 4: list(range(1, 8)), 8: list(range(1, 16))}[sure_at]


def test_object_that_pops_up_is_there_from_then_on_give_or_take_a_frame() -> None:
    shots = film(lambda picture, i: disc(picture, 100, 90) if 13 <= i < 31 else None, 40)
    found, _ = carried(shots)
    there = [i for i, each in enumerate(found) if len(each)]
    assert abs(there[0] - 13) <= 1
    assert abs(there[-1] - 30) <= 1
    assert there == list(range(there[0], there[-1] + 1))


@pytest.mark.parametrize("frames", [1, 2, 9, 12])
def test_stream_that_ends_within_an_interval_keeps_every_frame(frames: int) -> None:
    shots = film(lambda picture, i: disc(picture, 60 + 4 * i, 80), frames)
    found, looks = carried(shots)
    assert len(found) == frames
    assert max(looks.frames) == frames - 1
    assert min(map(overlap, shots, found)) > 0.88


def test_no_frames_are_no_objects() -> None:
    assert carried([])[0] == []


def test_every_frame_as_key_frame_is_the_model_itself_in_whole_batches() -> None:
    shots = film(lambda picture, i: disc(picture, 60 + 4 * i, 80), 11)
    sizes: list[int] = []

    def detect(batch: Sequence[Shot]) -> list[Detections]:
        sizes.append(len(batch))
        return [find_blobs(shot.rgb) for shot in batch]

    results = list(find_between(steps_of(shots, 1), detect, every=1, batch_size=4))
    assert sizes == [4, 4, 3]
    for (_, detections), shot in zip(results, shots, strict=True):
        expected = find_blobs(shot.rgb)
        np.testing.assert_array_equal(detections.boxes, expected.boxes)
        np.testing.assert_array_equal(detections.soft_masks, expected.soft_masks)


def test_uneven_frame_times_are_followed() -> None:
    times = [0, 1, 2, 3, 10, 11, 12, 30, 31, 32, 33, 34, 40]
    shots = film(lambda picture, i: disc(picture, 60 + 4 * times[i], 80), len(times), times=times)
    found, _ = carried(shots)
    assert min(map(overlap, shots, found)) > 0.7


def test_no_more_frames_are_held_than_said() -> None:
    made: list[weakref.ref[Shot]] = []

    def endless() -> Iterator[Shot]:
        while True:
            picture = ground()
            disc(picture, 100 + len(made) % 7, 80)
            shot = Shot(picture, Fraction(len(made), 25))
            made.append(weakref.ref(shot))
            yield shot

    looks = find_between(
        steps_of(endless(), 8), lambda shots: [find_blobs(s.rgb) for s in shots], every=8, batch_size=9
    )
    for given in range(1, 60):
        next(looks)
        assert len(made) - given <= HELD_FRAMES + 1
        assert sum(shot() is not None for shot in made) <= HELD_FRAMES + 3, "one given away is let go"


def test_second_detection_of_the_same_object_costs_no_looks() -> None:
    shots = film(lambda picture, i: disc(picture, 100 + i, 90), 17)
    asked: list[int] = []

    def detect(batch: Sequence[Shot]) -> list[Detections]:
        asked.extend(range(len(batch)))
        found = [find_blobs(shot.rgb) for shot in batch]
        return [each[np.zeros(1 + (len(asked) + i) % 2, np.intp)] for i, each in enumerate(found)]

    list(find_between(steps_of(shots, 8), detect, every=8, batch_size=1))
    assert len(asked) == 3


def test_two_objects_that_cross_keep_their_sizes() -> None:
    def draw(picture: Pixels, i: int) -> None:
        disc(picture, 60 + 5 * i, 60, radius=14)
        cv2.circle(picture, (260 - 5 * i, 120), 30, (30, 60, 220), -1, cv2.LINE_AA)

    shots = film(draw, 33)
    found, _ = carried(shots)
    assert {len(each) for each in found} == {2}
    assert min(map(overlap, shots, found)) > 0.85


def test_live_objects_are_carried_forward_alone() -> None:
    shots = film(lambda picture, i: disc(picture, 60 + 4 * i, 80), 7)
    small = [shrink(shot.rgb) for shot in shots]
    flows = [flow_between(small[i], small[i + 1], SIZE) for i in range(6)]
    assert overlap(shots[6], carry_forward(find_blobs(shots[0].rgb), flows)) > 0.85
    assert len(carry_forward(Detections.empty(SIZE, ("red", "blue")), flows)) == 0


@pytest.mark.parametrize("size", [(1, 1), (8, 300), (17, 17)])
def test_pictures_too_small_for_flow_are_carried_still(size: tuple[int, int]) -> None:
    shots = [Shot(np.full((*size, 3), 90, np.uint8), Fraction(i)) for i in range(20)]
    found, _ = carried(shots)
    assert [len(each) for each in found] == [0] * 20
