"""An object that the model misses is added by a box, in photos, records and videos; a box that is none is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import paste_probability
from balloon_splash.compositing.select import Selection
from balloon_splash.errors import UsageError
from balloon_splash.splasher.added_boxes import AddedBoxes, Box
from balloon_splash.splasher.finder import NamedImage
from balloon_splash.splasher.options import SplashOptions
from balloon_splash.splasher.run import splash_inputs
from balloon_splash.splasher.splasher import Splasher
from tests.fakes import MEADOW, ColourSegmenter, PromptedSegmenter, draw_scene, find_blobs
from tests.media.clips import make_clip

Pixels = npt.NDArray[np.uint8]
YELLOW = (240, 220, 40)


def scene(x: int = 80, y: int = 60, *, width: int = 160, background: tuple[int, int, int] = MEADOW) -> Pixels:
    """A yellow disc, which the model does not find."""
    image = np.full((120, width, 3), background, np.uint8)
    cv2.circle(image, (x, y), 20, YELLOW, -1)
    return image


def named(image: Pixels, video: str | None = None, step: int = 0) -> NamedImage:
    return NamedImage("picture.png", "picture.png", image, video, Fraction(step, 25))


def join(added: AddedBoxes, image: Pixels, video: str | None = None, step: int = 0) -> Detections:
    return added.join(named(image, video, step), find_blobs(image))


def masks(found: Detections) -> list[npt.NDArray[np.bool_]]:
    """Return the pixels of each object."""
    whole = []
    for index in range(len(found)):
        probability, window = paste_probability(found, index)
        mask = np.zeros(found.size, np.bool_)
        mask[window] = probability >= 0.5
        whole.append(mask)
    return whole


def test_a_missed_object_keeps_its_colour_at_any_confidence(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.png")
    options = SplashOptions(add_boxes=((55, 35, 105, 85),), selection=Selection(confidence=0.9))
    (outcome,) = splash_inputs([str(tmp_path / "a.png")], options=options, finder=PromptedSegmenter()).outcomes
    assert (outcome.error, outcome.kept) == (None, 1)
    result = np.asarray(Image.open(tmp_path / "a_splash.png"))
    assert tuple(result[60, 80]) == YELLOW
    assert len(set(result[60, 20].tolist())) == 1, "the meadow is grey"


def test_a_box_in_which_nothing_stands_out_is_named() -> None:
    said: list[str] = []
    added = AddedBoxes(PromptedSegmenter(), [(10, 10, 40, 40), (55, 35, 105, 85)], note=said.append)
    assert len(join(added, scene())) == 1
    (note,) = said
    assert note.startswith("picture.png: --add-box 10 10 40 40 adds nothing: no object stands out in it")


def test_a_record_holds_what_was_added_and_makes_the_same_splash(tmp_path: Path) -> None:
    photo, record = tmp_path / "a.png", tmp_path / "found.json"
    Image.fromarray(scene()).save(photo)
    options = SplashOptions(add_boxes=((55, 35, 105, 85),), save_detections=str(record))
    splash_inputs([str(photo)], str(tmp_path / "first.png"), options, finder=PromptedSegmenter())
    assert [entry["score"] for entry in json.loads(record.read_text())["annotations"]] == [1.0]
    splash_inputs([str(photo)], str(tmp_path / "again.png"), SplashOptions(detections=str(record)))
    assert (tmp_path / "first.png").read_bytes() == (tmp_path / "again.png").read_bytes()


def test_from_python_the_box_joins_what_the_model_finds() -> None:
    image = draw_scene()
    cv2.circle(image, (20, 100), 12, YELLOW, -1)
    found = Splasher(segmenter=PromptedSegmenter(), add_boxes=[(5, 85, 35, 115)]).detect(image)
    assert len(found) == 4
    assert found.scores[0] == 1.0
    assert (np.diff(found.scores) <= 0).all()


def test_an_object_that_the_model_finds_there_anyway_is_not_doubled_but_sure() -> None:
    image = draw_scene()
    red = find_blobs(image).boxes[0]
    unsure = replace(find_blobs(image), scores=np.array([0.3, 0.2, 0.1], np.float32))
    x0, y0, x1, y1 = red.tolist()
    found = AddedBoxes(PromptedSegmenter(), [(x0 - 3, y0 - 3, x1 + 3, y1 + 3)]).join(named(image), unsure)
    assert len(found) == 3
    assert found.scores.tolist() == pytest.approx([1.0, 0.2, 0.1])


def test_a_photo_gets_the_boxes_each_time_and_a_part_outside_is_cut_off() -> None:
    added = AddedBoxes(PromptedSegmenter(), [(-20, 35, 60, 400)])
    for _ in range(2):
        found = join(added, scene(x=30))
        assert len(found) == 1
        assert found.boxes[0].tolist() == [0, 35, 60, 120]


def test_in_a_video_the_object_is_followed_from_its_first_frame() -> None:
    added = AddedBoxes(PromptedSegmenter(), [(55, 35, 105, 85)])
    centres = []
    for step in range(12):
        found = join(added, scene(80 + 5 * step, width=300), "a.mp4", step)
        assert len(found) == 1, step
        centres.append(float(found.boxes[0, ::2].mean()))
    np.testing.assert_allclose(centres[1:], [80 + 5 * step for step in range(1, 12)], atol=6)


def test_the_object_is_followed_where_the_model_skips_frames_and_comes_back() -> None:
    added = AddedBoxes(PromptedSegmenter(), [(55, 35, 105, 85)])
    for step in (0, 4, 8, 2, 6, 12, 10, 16):
        found = join(added, scene(80 + 2 * step, width=300), "a.mp4", step)
        assert len(found) == 1, step
        assert float(found.boxes[0, ::2].mean()) == pytest.approx(80 + 2 * step, abs=10)
    assert len(join(added, scene(background=(240, 240, 240), width=300), "a.mp4", 20)) == 0
    assert len(join(added, scene(80 + 36, width=300), "a.mp4", 18)) == 1, "before the cut it is still there"


def test_following_ends_where_the_object_leaves_or_another_scene_begins() -> None:
    boxes = [(55.0, 35.0, 105.0, 85.0)]
    left = AddedBoxes(PromptedSegmenter(), boxes)
    seen = enumerate((scene(), scene(250, width=160), scene()))
    assert [len(join(left, image, "a.mp4", step)) for step, image in seen] == [1, 0, 0]
    cut = AddedBoxes(PromptedSegmenter(), boxes)
    other = scene(background=(240, 240, 240))
    seen = enumerate((scene(), other, other))
    assert [len(join(cut, image, "a.mp4", step)) for step, image in seen] == [1, 0, 0]
    assert len(join(cut, scene(), "b.mp4")) == 1, "the next video begins with the boxes"


class Ignorant(PromptedSegmenter):
    """Does not know what is in a box, and draws next to nothing, as the model that ships in hot-air balloons."""

    def segment(self, image: npt.NDArray[np.uint8], boxes: npt.NDArray[np.float32]) -> Detections:
        drawn = super().segment(image, boxes)
        corner = np.zeros_like(drawn.soft_masks)
        corner[:, :2, :2] = 1
        return replace(drawn, scores=np.full(len(boxes), 0.05, np.float32), soft_masks=corner)


def striped(x: int = 80, *, stripes: tuple[int, int, int] = (110, 40, 110)) -> tuple[Pixels, npt.NDArray[np.bool_]]:
    """A disc of two colours on a meadow with noise, and where it is."""
    noise = np.random.default_rng(0).normal(0, 8, (120, 300, 3))
    image = np.clip(scene(x, width=300) + noise, 0, 255).astype(np.uint8)
    disc = cv2.circle(np.zeros(image.shape[:2], np.uint8), (x, 60), 20, (1,), -1) > 0
    image[disc & (np.arange(120) // 8 % 2 == 0)[:, None]] = stripes
    return image, disc


def test_what_the_model_does_not_know_is_drawn_by_its_colours() -> None:
    image, disc = striped()
    (mask,) = masks(join(AddedBoxes(Ignorant(), [(57, 37, 103, 83)]), image))
    assert (mask & disc).sum() / (mask | disc).sum() > 0.9
    small = join(AddedBoxes(Ignorant(), [(75, 55, 84, 84)]), image)
    assert small.soft_masks[0, 0, 0] == 1, "in a box without room for colours the model's mask stays"


@pytest.mark.parametrize("size", [(3000, 13), (13, 3000), (14, 14)], ids=str)
def test_a_box_without_enough_of_object_or_background_keeps_the_models_mask(size: tuple[int, int]) -> None:
    height, width = size
    image = np.full((height, width, 3), YELLOW, np.uint8)
    found = join(AddedBoxes(Ignorant(), [(0, 0, width, height)]), image)
    assert (len(found), found.scores.tolist()) == (1, [1.0])


def test_what_the_model_does_not_know_is_followed_by_its_colours() -> None:
    added = AddedBoxes(Ignorant(), [(57, 37, 103, 83)])
    for step in range(8):
        image, disc = striped(80 + 4 * step)
        (mask,) = masks(join(added, image, "a.mp4", step))
        assert (mask & disc).sum() / (mask | disc).sum() > 0.85, step
    assert len(join(added, striped(250)[0], "a.mp4", 8)) == 0, "gone from its place"


@pytest.mark.parametrize(
    "box", [(10, 10, 10, 40), (40, 10, 10, 40), (10, 40, 40, 10), (float("nan"), 0, 5, 5), (0, 0, float("inf"), 5)]
)
def test_a_box_that_is_none_is_refused_before_anything_runs(box: Box) -> None:
    with pytest.raises(UsageError, match=r"--add-box \S+ \S+ \S+ \S+; expected left, top, right and bottom"):
        SplashOptions(add_boxes=(box,))


def test_a_box_outside_the_picture_is_refused_with_the_pictures_name_and_size() -> None:
    with pytest.raises(UsageError, match=r"--add-box 500 10 600 40 lies outside picture\.png of 160x120 pixels"):
        join(AddedBoxes(PromptedSegmenter(), [(500, 10, 600, 40)]), scene())


def test_a_box_outside_a_video_ends_the_run_before_any_work(tmp_path: Path) -> None:
    clip = make_clip(tmp_path / "a.mp4", frames=2, size=(120, 160))
    with pytest.raises(UsageError, match=r"--add-box 500 10 600 40 lies outside \S+a\.mp4 of 160x120 pixels"):
        splash_inputs([str(clip)], options=SplashOptions(add_boxes=((500, 10, 600, 40),)), finder=PromptedSegmenter)


def test_a_model_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    Image.fromarray(scene()).save(tmp_path / "a.png")
    with pytest.raises(UsageError, match="ColourSegmenter does not take boxes"):
        splash_inputs(
            [str(tmp_path / "a.png")], options=SplashOptions(add_boxes=((1, 1, 9, 9),)), finder=ColourSegmenter()
        )
