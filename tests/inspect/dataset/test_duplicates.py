"""Copies and photos of one scene are found; different photos are left alone."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from detectron2.data.detection_utils import read_image

from balloon_splash.data.render import render_scene
from balloon_splash.inspect.dataset.duplicates import Fingerprint, find_alike, fingerprint

Image = npt.NDArray[np.uint8]


def scene(seed: int) -> Image:
    return render_scene(seed, (480, 360)).image


def fingerprints(*images: Image) -> list[Fingerprint]:
    return [fingerprint(image, str(index)) for index, image in enumerate(images)]


def recompressed(image: Image) -> Image:
    small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 60])
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)


def from_elsewhere(image: Image) -> Image:
    """The scene from another place: a quarter of the picture is gone, the rest seen at an angle."""
    corners = np.array([[0, 0], [480, 0], [480, 360], [0, 360]], dtype=np.float32)
    seen = np.array([[-120, 20], [430, -40], [440, 400], [-110, 330]], dtype=np.float32)
    moved = cv2.warpPerspective(image, cv2.getPerspectiveTransform(corners, seen), (480, 360))
    return np.asarray(moved, dtype=np.uint8)


def textured() -> Image:
    noise = np.random.default_rng(0).integers(0, 255, (36, 48, 3)).astype(np.uint8)
    return np.asarray(cv2.resize(noise, (480, 360), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


@pytest.mark.parametrize("max_scene_photos", [120, 2], ids=["all pairs", "hashes only"])
def test_a_copy_is_found_however_it_was_saved(max_scene_photos: int) -> None:
    photos = fingerprints(scene(1), scene(2), recompressed(scene(1)), scene(3))
    (pair,) = find_alike(photos, max_scene_photos=max_scene_photos, progress=False)
    assert (pair.first, pair.second) == (0, 2)
    assert pair.is_copy
    assert (pair.common_points is None) == (max_scene_photos == 2)


def test_the_same_scene_from_elsewhere_is_found_by_its_points() -> None:
    photos = fingerprints(textured(), scene(2), from_elsewhere(textured()))
    (pair,) = find_alike(photos, progress=False)
    assert (pair.first, pair.second) == (0, 2)
    assert not pair.is_copy


def test_photos_without_structure_do_not_break_the_search() -> None:
    black, white = (np.full((40, 60, 3), value, dtype=np.uint8) for value in (0, 255))
    assert len(fingerprint(black, "black").points) == 0
    find_alike(fingerprints(black, white, scene(1)), progress=False)


def test_the_known_leak_of_the_balloons_is_found_and_nothing_near_it(shared_dir: Path) -> None:
    names = [
        "train/24362039530_b151b41a52_k.jpg",
        "val/24631331976_defa3bb61f_k.jpg",
        "train/332344155_71be3a3b22_b.jpg",
        "val/2917282960_06beee649a_b.jpg",
    ]
    folder = shared_dir / "data" / "balloon"
    images = [read_image(str(folder / name), format="RGB") for name in names]
    (pair,) = find_alike(fingerprints(*images), progress=False)
    assert (pair.first, pair.second) == (0, 1)
    assert not pair.is_copy  # the hash alone would have missed it
