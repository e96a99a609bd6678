"""An object chosen in a video stays chosen, wherever it goes and whatever comes beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.smoothing import Smoother
from balloon_splash.compositing.track_choice import TrackChoice

SIZE = (100, 300)
Found = tuple[float, float, float, float]


def seen(*objects: tuple[int, Found, float]) -> Detections:
    """Objects by number, box and score, best score first."""
    ordered = sorted(objects, key=lambda entry: -entry[2])
    return Detections(
        SIZE,
        np.array([box for _, box, _ in ordered], np.float32).reshape(-1, 4),
        np.array([score for *_, score in ordered], np.float32),
        np.zeros(len(ordered), np.int64),
        np.ones((len(ordered), 28, 28), np.float32),
        ("balloon",),
        np.array([number for number, *_ in ordered], np.int64),
    )


def chosen(frames: Sequence[Detections], **conditions) -> list[list[int]]:
    choice = TrackChoice(Selection(**conditions))
    return [sorted(frame.numbers[choice.indices(frame)].tolist()) for frame in frames]


def square(x: float, side: float = 20) -> Found:
    return (x, 40, x + side, 40 + side)


def test_what_lies_at_the_point_first_is_followed_away_from_it_and_nothing_that_comes_there_later():
    frames = [seen((1, square(10 + 5 * i), 0.9), (2, square(200 - 10 * i), 0.95)) for i in range(20)]
    assert chosen(frames, point=(20, 50)) == [[1]] * 20


def test_a_point_waits_until_something_is_there():
    frames = [seen((1, square(200 - 20 * i), 0.9)) if i else seen() for i in range(10)]
    assert chosen(frames, point=(150, 50)) == [[]] * 3 + [[1]] * 7


def test_everything_in_the_box_is_picked_at_once_and_followed():
    frames = [
        seen((1, square(10 + 9 * i), 0.9), (2, square(40 + 9 * i), 0.8), (3, square(270), 0.95)) for i in range(9)
    ]
    assert chosen(frames, box=(0, 0, 100, 100)) == [[1, 2]] * 9
    assert chosen(frames, box=(0, 0, 100, 100), top_k=1) == [[1]] * 9


def test_what_was_picked_and_left_is_not_replaced():
    frames = [seen((1, square(10), 0.9)), seen(), seen((2, square(10), 0.9))]
    assert chosen(frames, point=(20, 50)) == [[1], [], []]


def test_two_of_nearly_the_same_size_do_not_take_turns():
    frames = [seen((1, square(10, 30 + i % 2), 0.9), (2, square(100, 31 - i % 2), 0.9)) for i in range(30)]
    first = chosen(frames[:1], largest=True)
    assert chosen(frames, largest=True) == first * 30


def test_one_that_is_clearly_larger_takes_the_place_once_and_for_all():
    frames = [seen((1, square(10), 0.9), *([(2, square(100, 40), 0.9)] if i > 4 else [])) for i in range(20)]
    assert chosen(frames, largest=True) == [[1]] * 5 + [[2]] * 15


def test_a_glimpse_of_something_large_does_not_take_the_place_of_a_long_life():
    """A hand before the lens swells one of two for a frame."""
    frames = [seen((1, square(10, 30), 0.9), (2, square(100, 60 if i == 15 else 20), 0.9)) for i in range(30)]
    assert chosen(frames, largest=True) == [[1]] * 30


def test_the_best_two_keep_their_places_while_scores_waver():
    random = np.random.default_rng(0)
    means = [0.985, 0.98, 0.95]
    frames = [
        seen(*((n + 1, square(10 + 50 * n), mean + random.normal(0, 0.004)) for n, mean in enumerate(means)))
        for _ in range(60)
    ]
    assert chosen(frames, top_k=2) == [[1, 2]] * 60


def test_a_place_that_becomes_free_goes_to_the_next_best():
    frames = [seen(*([(1, square(10), 0.99)] if i < 5 else []), (2, square(100), 0.95)) for i in range(10)]
    assert chosen(frames, top_k=1) == [[1]] * 5 + [[2]] * 5


def test_numbers_hold_in_every_frame():
    frames = [seen((1, square(10), 0.9 + 0.01 * i), (2, square(100), 0.95)) for i in range(8)]
    assert chosen(frames, instances=[1]) == [[1]] * 8


def test_nothing_is_remembered_of_what_has_left():
    choice = TrackChoice(Selection(top_k=2))
    for number in range(1, 2000):
        choice.indices(seen((number, square(10), 0.9), (number + 5000, square(90), 0.8)))
    assert len(choice._lives) + len(choice._placed) <= 4


def test_the_choice_outlasts_frames_in_which_the_model_misses_the_object():
    """A gap that is bridged is no end: the object keeps its number, and so its colour."""
    raw = [
        (
            i,
            seen((0, square(10 + 4 * i), 0.9), (0, square(200), 0.95))
            if not 5 <= i < 9
            else seen((0, square(200), 0.95)),
        )
        for i in range(20)
    ]
    smoother: Smoother[int] = Smoother()
    calm = [found for i, each in raw for _, found in smoother.push(i, each)]
    calm += [found for _, found in smoother.finish()]
    moving = [
        frame.boxes[frame.numbers == numbers[0]][0, 0]
        for frame, numbers in zip(calm, chosen(calm, point=(20, 50)), strict=True)
    ]
    np.testing.assert_allclose(moving, [10 + 4 * i for i in range(20)], atol=0.1)
