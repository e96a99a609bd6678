"""Simplification of a mask to polygons that a person can edit: few points, close enough."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
import shapely

from balloon_splash.data.annotations.masks import mask_polygons
from balloon_splash.data.annotations.regions import Polygon

MIN_IOU = 0.97
_COARSER = 1.3  # ratio of each tolerance to the one before
_FINEST, _COARSEST = 0.5, 64.0  # pixels


def editable_polygons(mask: npt.NDArray[np.bool_], min_iou: float = MIN_IOU) -> list[Polygon]:
    """Outline a mask with as few points as its IoU allows, by Douglas and Peucker's method.

    Args:
        mask: ``(H, W)`` bool.
        min_iou: least IoU of the polygons, drawn again, with the mask.

    Returns:
        ``(N, 2)`` XY pixels each; a part with a hole is cut in two through the hole. The edges of the pixels where
        nothing simpler is close enough; none for an empty mask.
    """
    rows, columns = np.nonzero(mask)
    if not len(rows):
        return []
    corner = np.array((columns.min(), rows.min()))
    inner = mask[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    exact = mask_polygons(inner)
    best, tolerance = exact, _FINEST
    while tolerance < _COARSEST:
        simpler = _simplified(exact, tolerance)
        if _iou(simpler, inner) < min_iou:
            break
        best, tolerance = simpler, tolerance * _COARSER
    return [ring + corner for ring in best]


def _simplified(rings: list[Polygon], tolerance: float) -> list[Polygon]:
    """Remove points that deviate by less than ``tolerance`` pixels; parts that small vanish."""
    shapes = shapely.simplify([shapely.Polygon(ring) for ring in rings], tolerance)
    parts = [part for shape in shapes for part in shapely.get_parts(shape) if part.area > tolerance**2]
    return [shapely.get_coordinates(part.exterior)[:-1] for part in parts if isinstance(part, shapely.Polygon)]


def _iou(rings: list[Polygon], mask: npt.NDArray[np.bool_]) -> float:
    if not rings:
        return 0.0
    height, width = mask.shape
    drawn = coco_mask.merge(coco_mask.frPyObjects([ring.ravel().tolist() for ring in rings], height, width))
    truth = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return float(coco_mask.iou([drawn], [truth], [0])[0, 0])
