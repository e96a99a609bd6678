"""Masks and the polygons along the edges of their pixels."""

from __future__ import annotations

import numpy as np
import pycocotools.mask as coco_mask

from balloon_splash.data.annotations.masks import decode_mask, encode_mask, mask_polygons
from tests.data.conftest import HEIGHT, WIDTH


def test_masks_become_polygons_that_draw_the_same_mask() -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((HEIGHT, WIDTH)) < 0.6
    mask[10:30, 10:40] = True
    mask[15:20, 15:20] = False
    flat_rings = [ring.ravel().tolist() for ring in mask_polygons(mask)]
    drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat_rings, HEIGHT, WIDTH)))
    assert (drawn == mask).all()
    assert mask_polygons(np.zeros((4, 4), bool)) == []
    assert (decode_mask(encode_mask(mask)) == mask).all()
