"""Photos that occur twice, and photos of one scene: within a split they count double, across splits they leak.

Two instruments, because they fail differently. A perceptual hash (Zauner 2010, "Implementation and Benchmarking of
Perceptual Image Hash Functions": signs of low DCT frequencies) finds copies: resized, recompressed, a little cropped.
Local features (SIFT, Lowe 2004) that one homography maps from photo to photo (RANSAC) find the same scene from another
place, which a hash cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.inspect.page.style import Rgb
from balloon_splash.progress import ProgressBar

MAX_HASH_DISTANCE = 8  # bits; two of the 74 balloon photos, which are all different, differ in 18 or more
MIN_COMMON_POINTS = 12  # unrelated balloon photos share 7 at most, those of the known scene 21
MAX_SCENE_PHOTOS = 120  # 7,000 pairs, about a minute

_HASH_SIDE = 32
_FEATURE_SIDE = 512  # pixels of the longer edge on which features are searched
_MAX_FEATURES = 500
_RATIO = 0.8  # Lowe 2004, section 7.1: the best match must be this much nearer than the second
_RANSAC_PIXELS = 5.0


@dataclass(frozen=True)
class Fingerprint:
    """Features of a photo, by which it is compared with others.

    Attributes:
        name: what to call it.
        bits: ``(64,)`` bool, the perceptual hash.
        points: ``(K, 2)`` XY of the features, in pixels of the photo at 512 pixels; K is 500 at most.
        descriptors: ``(K, 128)`` uint8, their SIFT descriptors.
    """

    name: str
    bits: npt.NDArray[np.bool_]
    points: npt.NDArray[np.float32]
    descriptors: npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Likeness:
    """Two photos that look alike.

    Attributes:
        first, second: positions in the fingerprints that were compared.
        hash_distance: bits in which the hashes differ, 0 to 64.
        common_points: features that one homography maps onto each other; ``None`` if they were not compared.
    """

    first: int
    second: int
    hash_distance: int
    common_points: int | None

    @property
    def is_copy(self) -> bool:
        """True if the hashes alone are close; otherwise the photos share a scene."""
        return self.hash_distance <= MAX_HASH_DISTANCE


#: Headers of the rows of :func:`alike_rows`.
ALIKE_HEADERS = ("photo", "other photo", "what", "where", "hash distance", "common points")


def alike_rows(
    alike: Sequence[Likeness], fingerprints: Sequence[Fingerprint], split_of: Sequence[str]
) -> list[list[object]]:
    """Return a row for each pair of photos that look alike.

    Args:
        alike: pairs from :func:`find_alike`.
        fingerprints: the fingerprints that were compared.
        split_of: for each fingerprint, the dataset of its photo.
    """
    return [
        [
            fingerprints[pair.first].name,
            fingerprints[pair.second].name,
            "copy" if pair.is_copy else "same scene",
            "LEAK" if split_of[pair.first] != split_of[pair.second] else "within a split",
            pair.hash_distance,
            "-" if pair.common_points is None else pair.common_points,
        ]
        for pair in alike
    ]


def fingerprint(image: Rgb, name: str) -> Fingerprint:
    """Compute the fingerprint of a photo, ``(H, W, 3)`` RGB."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.uint8)
    scale = _FEATURE_SIDE / max(grey.shape)
    small = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    keypoints, descriptors = cv2.SIFT.create(_MAX_FEATURES).detectAndCompute(small, None)
    if descriptors is None:  # a photo without any structure
        descriptors = np.zeros((0, 128), dtype=np.float32)
    points = np.array([keypoint.pt for keypoint in keypoints], dtype=np.float32).reshape(-1, 2)
    return Fingerprint(name, _perceptual_hash(grey), points, descriptors.astype(np.uint8))


def _perceptual_hash(grey: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
    small = cv2.resize(grey, (_HASH_SIDE, _HASH_SIDE), interpolation=cv2.INTER_AREA)
    low = cv2.dct(small.astype(np.float32))[:8, :8].ravel()
    bits: npt.NDArray[np.bool_] = low > np.median(low[1:])  # without the mean, which would outweigh all others
    return bits


def find_alike(
    fingerprints: Sequence[Fingerprint], *, max_scene_photos: int = MAX_SCENE_PHOTOS, progress: bool = True
) -> list[Likeness]:
    """Find all pairs of photos that are copies or show one scene, the most alike first.

    Args:
        fingerprints: fingerprints of the photos of all splits.
        max_scene_photos: with more photos than this only the hashes are compared; features take milliseconds per
            pair.
        progress: show a progress bar on stderr.
    """
    hashes = np.array([each.bits for each in fingerprints])
    compare_scenes = len(fingerprints) <= max_scene_photos
    found = []
    pairs = list(combinations(range(len(hashes)), 2)) if compare_scenes else _near_hashes(hashes)
    for first, second in ProgressBar(pairs, desc="pairs of photos", unit="pair", disable=not progress):
        distance = int((hashes[first] != hashes[second]).sum())
        common = common_points(fingerprints[first], fingerprints[second]) if compare_scenes else None
        if distance <= MAX_HASH_DISTANCE or (common or 0) >= MIN_COMMON_POINTS:
            found.append(Likeness(first, second, distance, common))
    return sorted(found, key=lambda pair: (pair.hash_distance, -(pair.common_points or 0)))


def _near_hashes(hashes: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return pairs within the distance, one row at a time so that memory stays flat."""
    pairs: list[tuple[int, int]] = []
    for first in range(len(hashes) - 1):
        distances = (hashes[first + 1 :] != hashes[first]).sum(axis=1)
        pairs.extend((first, first + 1 + int(offset)) for offset in np.flatnonzero(distances <= MAX_HASH_DISTANCE))
    return pairs


def common_points(one: Fingerprint, other: Fingerprint) -> int:
    """Count the features of two photos that match in looks and under one homography."""
    if min(len(one.points), len(other.points)) < MIN_COMMON_POINTS:
        return 0
    # Root-SIFT (Arandjelovic and Zisserman 2012): Hellinger instead of Euclidean distance between histograms.
    similarity = _root(one.descriptors) @ _root(other.descriptors).T
    rows = np.arange(len(similarity))
    best = similarity.argmax(axis=1)
    mutual = similarity.argmax(axis=0)[best] == rows
    nearest = 1 - similarity[rows, best]
    similarity[rows, best] = -1
    matched = mutual & (nearest < _RATIO**2 * (1 - similarity.max(axis=1)))
    if matched.sum() < MIN_COMMON_POINTS:
        return 0
    _, inliers = cv2.findHomography(one.points[matched], other.points[best[matched]], cv2.RANSAC, _RANSAC_PIXELS)
    return 0 if inliers is None else int(inliers.sum())


def _root(descriptors: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    histograms = descriptors.astype(np.float32)
    return np.sqrt(histograms / np.maximum(histograms.sum(axis=1, keepdims=True), 1))
