"""A segmenter without a network: it finds saturated discs by their colour, for real, in the pixels it is given."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections

CLASS_NAMES = ("red", "blue")
SAMPLES = 28
MEADOW = (70, 150, 60)


class ColourSegmenter:
    """Finder of red and blue blobs; the larger one has the better score."""

    class_names = CLASS_NAMES

    def __init__(self) -> None:
        self.batches: list[int] = []

    def detect(self, images: Sequence[npt.NDArray[np.uint8]]) -> list[Detections]:
        self.batches.append(len(images))
        return [find_blobs(image) for image in images]


class PromptedSegmenter(ColourSegmenter):
    """Finder of red and blue discs; in a box it draws everything but meadow, and scores by the part that this fills."""

    def segment(self, image: npt.NDArray[np.uint8], boxes: npt.NDArray[np.float32]) -> Detections:
        masks = []
        for x0, y0, x1, y1 in boxes.round().astype(int):
            thing = np.abs(image[y0:y1, x0:x1].astype(int) - MEADOW).max(axis=2) > 60
            masks.append(cv2.resize(thing.astype(np.float32), (28, 28), interpolation=cv2.INTER_AREA))
        soft = np.array(masks, np.float32)
        scores = soft.mean(axis=(1, 2)) * 0.9
        return Detections(image.shape[:2], boxes, scores, np.zeros(len(boxes), np.int64), soft, CLASS_NAMES)


def find_blobs(image: npt.NDArray[np.uint8]) -> Detections:
    """Connected regions that are clearly red (class 0) or clearly blue (class 1)."""
    assert image.dtype == np.uint8
    assert image.shape[2] == 3
    red, green, blue = (image[..., channel].astype(int) for channel in range(3))
    found = []
    for number, on in enumerate([(red > 150) & (green < 100) & (blue < 100), (blue > 150) & (red < 100)]):
        _, labels, stats, _ = cv2.connectedComponentsWithStats(on.astype(np.uint8))
        for label, (x, y, width, height, area) in list(enumerate(stats))[1:]:
            if area >= 20:
                part = (labels[y : y + height, x : x + width] == label).astype(np.float32)
                soft = cv2.resize(part, (SAMPLES, SAMPLES), interpolation=cv2.INTER_AREA)
                found.append((area, number, (x, y, x + width, y + height), soft))
    if not found:
        return Detections.empty(image.shape[:2], CLASS_NAMES)
    found.sort(key=lambda entry: -entry[0])
    return Detections(
        size=image.shape[:2],
        boxes=np.array([box for *_, box, _ in found], np.float32),
        scores=np.linspace(0.99, 0.91, len(found)).astype(np.float32),
        classes=np.array([number for _, number, *_ in found], np.int64),
        soft_masks=np.array([soft for *_, soft in found], np.float32),
        class_names=CLASS_NAMES,
    )


def draw_scene(height: int = 120, width: int = 160) -> npt.NDArray[np.uint8]:
    """(H, W, 3): two red discs and a blue one on a green meadow with grain."""
    grain = np.random.default_rng(3).integers(0, 30, (height, width, 3))
    scene = (np.array(MEADOW) + grain).astype(np.uint8)
    cv2.circle(scene, (width // 4, height // 3), height // 5, (220, 30, 40), -1)
    cv2.circle(scene, (3 * width // 4, height // 3), height // 8, (200, 20, 30), -1)
    cv2.circle(scene, (width // 2, 3 * height // 4), height // 6, (30, 60, 220), -1)
    return scene
