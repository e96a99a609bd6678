"""The real photos, where they are at hand."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from detectron2.structures.masks import polygons_to_bitmask

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.instances import load_via_instances

# A mask has whole pixels: of the two smallest balloons (272 and 301 square pixels) that alone is 1.3 %, measured.
# They are rasterised at twice the scale, which halves it; all others at the scale of the photo.
SMALL = 320


@pytest.fixture(params=[("train", 61, 255, 1), ("val", 13, 50, 0)], ids=["train", "val"])
def split(request, shared_dir):
    name, *counts = request.param
    folder = shared_dir / "data" / "balloon" / name
    return load_via_instances(folder / "via_region_data.json", folder), counts


def test_counts_are_those_of_the_article_and_no_region_is_dropped(split):
    (dicts, report), (n_photos, n_instances, n_repaired) = split
    assert (len(dicts), report.n_photos, report.n_instances) == (n_photos, n_photos, n_instances)
    assert report.faults.dropped == []
    # One outline of the train split crosses itself; polygons that touch the photo's border are no fault.
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.SELF_INTERSECTION] * n_repaired


def test_every_polygon_has_the_area_of_its_mask(split):
    (dicts, _), _ = split
    for photo in dicts:
        for annotation in photo["annotations"]:
            rings = [np.array(flat) for flat in annotation["segmentation"]]
            area = sum(shapely.Polygon(ring.reshape(-1, 2)).area for ring in rings)
            scale = 2 if area < SMALL else 1
            scaled = [ring * scale for ring in rings]
            mask = polygons_to_bitmask(scaled, photo["height"] * scale, photo["width"] * scale)
            assert mask.sum() / scale**2 == pytest.approx(area, rel=0.01), photo["file_name"]
