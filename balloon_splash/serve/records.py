"""Records of objects that come back from a client, and are not trusted."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import numpy as np

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.records import from_coco, to_coco
from balloon_splash.serve.problems import RequestError

MOST_OBJECTS = 1000
MOST_SAMPLES = 512
"""Side of a soft mask."""

FARTHEST = 1e6
"""Pixels from the picture's corner."""

ROUNDING = 1e-3
"""By so much a mask that was resampled may leave 0 to 1."""

FIELD = "record"
EXPECTED = "the record that v1/objects gave for this photo"


def written(name: str, detections: Detections) -> dict[str, Any]:
    """Return the record of one picture; without hard masks, which nobody reads where there are soft ones."""
    return to_coco({name: detections}, hard_masks=False)


def read(data: bytes, size: tuple[int, int], class_names: tuple[str, ...]) -> Detections:
    """Return the objects in a record of one picture.

    Args:
        data: JSON.
        size: ``(height, width)`` of the picture.
        class_names: of the model.

    Raises:
        RequestError: no such record, or of another picture or model.
    """
    try:
        document = json.loads(data)
        annotations = document["annotations"]
        if len(annotations) > MOST_OBJECTS:
            raise _problem(f"{len(annotations)} objects")
        for entry in annotations:
            rows, columns = entry["soft_mask"]["size"]
            if rows != columns or not 1 <= rows <= MOST_SAMPLES:
                raise _problem(f"a mask of {rows} x {columns} samples"[:80])
        (detections,) = from_coco(document).values()
    except (ValueError, KeyError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
        raise _problem(f"{type(error).__name__}: {error}"[:80]) from None
    _check(detections, size, class_names)
    return detections


def _check(detections: Detections, size: tuple[int, int], class_names: tuple[str, ...]) -> None:
    if detections.size != size:
        height, width = detections.size
        raise _problem(f"a picture of {width}x{height} pixels, while the photo has {size[1]}x{size[0]}")
    if detections.class_names != class_names:
        raise _problem(f"classes {', '.join(detections.class_names)}"[:80])
    masks, boxes, scores = detections.soft_masks, detections.boxes, detections.scores
    for name, values, least, most in (
        ("masks", masks, -ROUNDING, 1 + ROUNDING),
        ("scores", scores, 0, 1),
        ("boxes", boxes, -FARTHEST, FARTHEST),
    ):
        if not np.all((values >= least) & (values <= most)):  # NaN neither
            raise _problem(f"{name} outside {least:g} to {most:g}")
    if not np.all(boxes[:, 2:] > boxes[:, :2]):
        raise _problem("an empty box")


def _problem(found: str) -> RequestError:
    return RequestError(HTTPStatus.UNPROCESSABLE_ENTITY, FIELD, found, EXPECTED)
