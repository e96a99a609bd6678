"""Objects followed from frame to frame: no flashes, no ghosts, nothing lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.smoothing import Smoother, Steadiness, scene_changes
from balloon_splash.compositing.tracking import Tracker, box_iou

SIZE = (100, 200)
Found = tuple[float, float, float, float]


def seen(*boxes: Found, scores: Sequence[float] | None = None, classes: Sequence[int] | None = None) -> Detections:
    count = len(boxes)
    return Detections(
        SIZE,
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores if scores is not None else [0.9] * count, np.float32),
        np.array(classes if classes is not None else [0] * count, np.int64),
        np.ones((count, 28, 28), np.float32),
        ("balloon", "kite"),
    )


def run(frames: Sequence[Detections], options: Steadiness | None = None, cut: int | None = None) -> list[Detections]:
    smoother: Smoother[int] = Smoother(options)
    results = [done for i, found in enumerate(frames) for done in smoother.push(i, found, begins_scene=i == cut)]
    results += smoother.finish()
    assert [number for number, _ in results] == list(range(len(frames)))
    return [detections for _, detections in results]


def moving(frame: int) -> Found:
    return (10.0 + 4 * frame, 20.0, 50.0 + 4 * frame, 60.0)


@pytest.mark.parametrize("gap", [1, 3, 8])
def test_object_missed_for_some_frames_does_not_flash(gap: int) -> None:
    missed = range(5, 5 + gap)
    results = run([seen() if i in missed else seen(moving(i)) for i in range(20)])
    for i, result in enumerate(results):
        assert len(result) == 1
        np.testing.assert_allclose(result.boxes[0], moving(i), atol=0.01)
        assert result.soft_masks.min() == pytest.approx(1)


def test_steady_motion_is_followed_without_lag_to_the_very_ends() -> None:
    results = run([seen(moving(i)) for i in range(12)])
    for i, result in enumerate(results):
        np.testing.assert_allclose(result.boxes, [moving(i)], atol=0.01)


def test_trembling_boxes_become_calm() -> None:
    random = np.random.default_rng(0)
    boxes = [tuple(np.array([50, 20, 90, 60]) + random.normal(0, 2, 4)) for _ in range(60)]
    results = run([seen(box) for box in boxes])
    raw = np.abs(np.diff(boxes, axis=0)).mean()
    calm = np.abs(np.diff([result.boxes[0] for result in results], axis=0)).mean()
    assert calm < raw / 3


def test_mask_that_changes_shape_is_averaged_in_the_objects_own_frame() -> None:
    half = np.zeros((28, 28), np.float32)
    half[:14] = 1
    frames = [seen(moving(i)) for i in range(20)]
    for frame in frames[::2]:
        frame.soft_masks[0] = half
    results = run(frames)
    assert results[10].soft_masks[0, :14].min() == pytest.approx(1)
    assert 0.3 < results[10].soft_masks[0, 14:].mean() < 0.7


def test_object_that_has_left_fades_within_the_given_frames_and_leaves_no_ghost() -> None:
    results = run([seen(moving(i)) if i < 10 else seen() for i in range(30)], Steadiness(fade=3))
    assert [len(result) for result in results] == [1] * 13 + [0] * 17
    levels = [float(result.soft_masks.max()) for result in results[9:13]]
    assert levels == pytest.approx([1, 0.75, 0.5, 0.25])


def test_object_does_not_show_before_it_appears() -> None:
    results = run([seen() if i < 6 else seen(moving(i)) for i in range(20)])
    assert [len(result) for result in results] == [0] * 6 + [1] * 14


def test_false_alarm_of_a_single_frame_does_not_flash() -> None:
    results = run([seen(moving(i), (150, 10, 180, 40)) if i == 7 else seen(moving(i)) for i in range(20)])
    assert [len(result) for result in results] == [1] * 20


def test_video_of_a_single_frame_keeps_its_object() -> None:
    assert len(run([seen(moving(0))])[0]) == 1


def test_nothing_is_carried_over_a_cut() -> None:
    frames = [seen(moving(i)) if i < 5 else seen() for i in range(10)]
    results = run(frames, cut=5)
    assert [len(result) for result in results] == [1] * 5 + [0] * 5


def test_score_that_wavers_around_the_threshold_does_not_flicker() -> None:
    options = Steadiness(start_score=0.9)
    sure = run([seen(moving(i), scores=[0.95 if i % 3 == 0 else 0.6]) for i in range(12)], options)
    unsure = run([seen(moving(i), scores=[0.6]) for i in range(12)], options)
    assert [len(result) for result in sure] == [1] * 12
    assert [len(result) for result in unsure] == [0] * 12


def test_two_objects_that_pass_each_other_stay_two() -> None:
    left = [(10.0 + 6 * i, 20.0, 40.0 + 6 * i, 50.0) for i in range(20)]
    right = [(140.0 - 6 * i, 30.0, 170.0 - 6 * i, 60.0) for i in range(20)]
    results = run([seen(a, b) for a, b in zip(left, right, strict=True)], Steadiness(window=0))
    for i, result in enumerate(results):
        found = {tuple(np.round(box).tolist()) for box in result.boxes}
        assert found == {left[i], right[i]}


def test_objects_of_different_classes_are_never_the_same_object() -> None:
    tracker = Tracker(max_gap=3, min_iou=0.3)
    tracker.update(0, seen(moving(0), classes=[0]))
    tracker.update(1, seen(moving(0), classes=[1]))
    assert [(track.label, track.hits) for track in tracker.tracks] == [(0, 1), (1, 1)]


def test_best_score_comes_first_as_in_every_detections() -> None:
    results = run([seen(moving(i), (150, 10, 180, 40), scores=[0.5, 0.8]) for i in range(4)])
    assert all(result.scores.tolist() == sorted(result.scores.tolist(), reverse=True) for result in results)


def test_memory_of_tracks_does_not_grow_with_the_video() -> None:
    tracker = Tracker(max_gap=3, min_iou=0.3)
    for i in range(200):
        tracker.update(i, seen((i % 7 * 20.0, 0, i % 7 * 20.0 + 15, 15)))
        tracker.forget(before=i - 10)
    assert sum(len(track.observations) for track in tracker.tracks) <= 11


def test_overlap_of_boxes_is_that_of_their_areas() -> None:
    a = np.array([[0, 0, 10, 10], [5, 5, 5, 5]], np.float32)
    b = np.array([[5, 0, 15, 10], [20, 20, 30, 30], [5, 5, 5, 5]], np.float32)
    np.testing.assert_allclose(box_iou(a, b), np.array([[1 / 3, 0, 0], [0, 0, 0]]), atol=1e-6)


def test_camera_pan_is_no_cut_but_another_scene_is() -> None:
    random = np.random.default_rng(0)
    wide = np.repeat(np.repeat(random.integers(0, 255, (20, 44, 3), dtype=np.uint8), 20, 0), 20, 1)
    assert not scene_changes(wide[:, :400], wide[:, 8:408])
    assert scene_changes(wide[:, :400], wide[:, 440:840])
