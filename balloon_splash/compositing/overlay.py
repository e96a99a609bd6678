"""Outlines and labels on top of the splash."""

from __future__ import annotations

import cv2
import numpy as np

from balloon_splash.compositing.arrays import Image, Matte, full_scale, to_dtype
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import instance_masks
from balloon_splash.palette import PALETTE

FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw_overlay(
    image: Image,
    detections: Detections,
    *,
    outline: bool = True,
    labels: bool = True,
) -> Image:
    """Draw a contour around each object and write its number, class and score at it.

    Line width and letters grow with the picture. Everything is drawn on a separate layer and blended last, so that
    16-bit pictures get smooth lines as well.

    Args:
        image: ``(H, W, 3)``, left as it is.
        detections: the N objects to mark; their numbers are those that ``Selection.instances`` takes.
        outline: draw contours.
        labels: write labels.

    Returns:
        a new picture, same dtype.
    """
    layer = np.zeros((*image.shape[:2], 3), np.uint8)
    opacity = np.zeros(image.shape[:2], np.uint8)
    numbers = detections.numbers.tolist()
    if outline:
        for mask, number in zip(instance_masks(detections), numbers, strict=True):
            _draw_outline(layer, opacity, mask, _colour(number))
    if labels:
        for index, number in enumerate(numbers):
            text = f"#{number} {_class_name(detections, index)} {detections.scores[index]:.0%}"
            _draw_label(layer, opacity, text, detections.boxes[index], _colour(number))
    return _blend(layer, image, np.float32(opacity) / 255)


def _colour(number: int) -> tuple[int, int, int]:
    red, green, blue = PALETTE[(number - 1) % len(PALETTE)]
    return red, green, blue


def _class_name(detections: Detections, index: int) -> str:
    """Return the name of an object's class in ASCII: OpenCV would draw other letters as question marks anyway."""
    name = detections.class_names[int(detections.classes[index])]
    return name.encode("ascii", "replace").decode("ascii")


def _line_width(shape: tuple[int, ...]) -> int:
    return max(round(max(shape[:2]) / 500), 1)


def _draw_outline(
    layer: Image, opacity: Image, mask: np.ndarray[tuple[int, ...], np.dtype[np.bool_]], colour: tuple[int, int, int]
) -> None:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    width = _line_width(layer.shape)
    # The colour is drawn wider than it shows, so that the smooth rim is blended with it and not with black.
    cv2.drawContours(layer, contours, -1, colour, width + 2)
    cv2.drawContours(opacity, contours, -1, 255, width, cv2.LINE_AA)


def _draw_label(
    layer: Image,
    opacity: Image,
    text: str,
    box: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
    colour: tuple[int, int, int],
) -> None:
    scale = max(max(layer.shape[:2]) / 1600, 0.35)
    thickness = max(round(scale * 1.5), 1)
    (width, height), baseline = cv2.getTextSize(text, FONT, scale, thickness)
    pad = baseline // 2 + 1
    left = int(np.clip(box[0], 0, max(layer.shape[1] - width - 2 * pad, 0)))
    top = int(np.clip(box[1] - height - baseline - pad, 0, max(layer.shape[0] - height - baseline - pad, 0)))
    corner = (left + width + 2 * pad, top + height + baseline + pad)
    cv2.rectangle(layer, (left, top), corner, colour, cv2.FILLED)
    cv2.rectangle(opacity, (left, top), corner, 255, cv2.FILLED)
    ink = (0, 0, 0) if np.dot(colour, (0.2125, 0.7154, 0.0721)) > 110 else (255, 255, 255)
    cv2.putText(layer, text, (left + pad, top + height + pad), FONT, scale, ink, thickness, cv2.LINE_AA)


def _blend(layer: Image, image: Image, opacity: Matte) -> Image:
    weight = opacity[..., None]
    colours = layer.astype(np.float32) * (full_scale(image) / 255)
    return to_dtype(weight * colours + (1 - weight) * image, image.dtype)
