from __future__ import annotations

import itertools

import numpy as np
import pytest
import shapely
import torch
from detectron2.config import get_cfg
from detectron2.data import DatasetCatalog, DatasetMapper, MetadataCatalog
from detectron2.data.detection_utils import read_image
from detectron2.evaluation import COCOEvaluator
from detectron2.structures import Boxes, Instances
from detectron2.utils.file_io import PathManager
from detectron2.utils.visualizer import Visualizer
from pycocotools import mask as rle

from balloon_splash.data.datasets.shapes import SIDE, draw_shapes, load_shapes, register_shapes, shapes_scene


def _mask(segmentation):
    return rle.decode(rle.merge(rle.frPyObjects(segmentation, SIDE, SIDE))).astype(bool)


def test_both_splits_are_registered_with_their_classes():
    assert [len(DatasetCatalog.get(f"shapes_{split}")) for split in ("train", "val")] == [3000, 50]
    for split in ("train", "val"):
        metadata = MetadataCatalog.get(f"shapes_{split}")
        assert metadata.thing_classes == ["circle", "square", "triangle"]
        assert len(set(metadata.thing_colors)) == 3
        assert metadata.evaluator_type == "coco"


def test_registering_twice_changes_nothing():
    before = DatasetCatalog["shapes_train"]
    register_shapes()
    register_shapes()
    assert DatasetCatalog["shapes_train"] is before


def test_pictures_are_the_same_each_time_and_differ_from_each_other():
    first = draw_shapes(shapes_scene("train", 3))
    shapes_scene.cache_clear()
    assert np.array_equal(first, draw_shapes(shapes_scene("train", 3)))
    others = [draw_shapes(shapes_scene("train", 4)), draw_shapes(shapes_scene("val", 3))]
    assert not any(np.array_equal(first, other) for other in others)


def test_outlines_lie_on_the_drawn_pixels():
    # Each drawn pixel belongs to the shape whose colour is nearest; soft edges share their pixels out evenly.
    compared = 0
    for index in range(60):
        scene = shapes_scene("train", index)
        if scene.noise is not None:
            continue
        colors = np.stack([scene.ground, *(shape.color for shape in scene.shapes)])
        distance = np.linalg.norm(draw_shapes(scene)[..., None, :] - colors, axis=-1)
        # A soft edge between two colours may look like a third: compare with the pixels that are surely one colour.
        sure = np.sort(distance, axis=-1)[..., 0] < 3
        nearest = np.argmin(distance, axis=-1)
        for number, shape in enumerate(scene.shapes, start=1):
            inside = _mask([np.asarray(part.exterior.coords)[:-1].ravel().tolist() for part in _parts(shape.visible)])
            assert not (inside & sure & (nearest != number)).any()
            assert not (~inside & sure & (nearest == number)).any()
            compared += 1
    assert compared > 40


def test_area_of_polygons_equals_the_paint():
    for index in range(40):
        scene = shapes_scene("val", index)
        for shape in scene.shapes:
            alone = type(scene)(np.zeros(3), None, (type(shape)(0, np.full(3, 255.0), shape.outline, shape.outline),))
            painted = draw_shapes(alone)[..., 0].sum() / 255
            assert painted == pytest.approx(shape.outline.area, rel=0.02)


def test_overlapping_shapes_share_no_area_and_boxes_fit():
    occluded = 0
    for record in load_shapes("train")[:150]:
        for first, second in itertools.combinations(record["annotations"], 2):
            assert _polygons(first).intersection(_polygons(second)).area < 1e-6
        for annotation in record["annotations"]:
            points = np.concatenate([np.reshape(polygon, (-1, 2)) for polygon in annotation["segmentation"]])
            assert annotation["bbox"] == pytest.approx([*points.min(axis=0), *points.max(axis=0)])
            assert points.min() >= 0
            assert points.max() <= SIDE
        occluded += sum(
            shape.visible is not shape.outline for shape in shapes_scene("train", record["image_id"]).shapes
        )
    assert occluded > 20


def test_sizes_and_overlaps_are_those_of_the_article():
    overlaps = []
    for index in range(300):
        outlines = [shape.outline for shape in shapes_scene("train", index).shapes]
        for outline in outlines:
            radius = max(shapely.Point(corner).distance(outline.centroid) for corner in outline.exterior.coords)
            assert 20 <= round(radius, 6) <= 32
        for first, second in itertools.combinations(outlines, 2):
            boxes = first.envelope, second.envelope
            overlaps.append(boxes[0].intersection(boxes[1]).area / boxes[0].union(boxes[1]).area)
    assert 0.2 < max(overlaps) <= 0.3


def test_detectron2_loads_and_draws_them_unchanged():
    record = load_shapes("train")[7]
    mapper = DatasetMapper(
        get_cfg(), is_train=True, augmentations=[], instance_mask_format="bitmask", use_instance_mask=True
    )
    loaded = mapper(record)
    assert loaded["image"].shape == (3, SIDE, SIDE)
    assert len(loaded["instances"]) == len(record["annotations"])
    image = read_image(record["file_name"], "RGB")
    drawn = Visualizer(image, MetadataCatalog.get("shapes_train")).draw_dataset_dict(record).get_image()
    assert drawn.shape == image.shape
    assert not np.array_equal(drawn, image)


def test_the_coco_evaluator_gives_full_marks_to_the_truth(tmp_path):
    records = load_shapes("val")
    evaluator = COCOEvaluator("shapes_val", tasks=("segm",), output_dir=str(tmp_path), use_fast_impl=False)
    evaluator.reset()
    for record in records:
        truth = Instances((SIDE, SIDE))
        truth.pred_masks = torch.from_numpy(np.stack([_mask(each["segmentation"]) for each in record["annotations"]]))
        truth.pred_boxes = Boxes([each["bbox"] for each in record["annotations"]])
        truth.pred_classes = torch.tensor([each["category_id"] for each in record["annotations"]])
        truth.scores = torch.ones(len(record["annotations"]))
        evaluator.process([record], [{"instances": truth}])
    assert evaluator.evaluate()["segm"]["AP"] == pytest.approx(100)


@pytest.mark.parametrize("name", ["shapes://train/003000.png", "shapes://test/000000.png", "shapes://train/1.png"])
def test_a_picture_that_does_not_exist_is_named(name):
    assert not PathManager.exists(name)
    with pytest.raises(FileNotFoundError, match=name):
        PathManager.open(name, "rb")


def test_pictures_cannot_be_written():
    with pytest.raises(ValueError, match="mode 'rb'"):
        PathManager.open("shapes://train/000000.png", "wb")


def _polygons(annotation):
    return shapely.MultiPolygon([shapely.Polygon(np.reshape(part, (-1, 2))) for part in annotation["segmentation"]])


def _parts(geometry):
    return getattr(geometry, "geoms", [geometry])
