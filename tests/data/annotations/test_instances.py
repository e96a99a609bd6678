from __future__ import annotations

import logging

import numpy as np
import pytest
from detectron2.data import MetadataCatalog, detection_utils
from detectron2.structures import BoxMode
from detectron2.utils.visualizer import Visualizer
from PIL import Image

from balloon_splash.data.annotations import photos as photos_module
from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.instances import load_via_instances
from balloon_splash.errors import AnnotationError, DatasetError
from tests.data.conftest import SQUARE, entry, polygon, region

OUTSIDE = polygon((500, 10), (520, 10), (520, 30))
BOW_TIE = polygon((0, 0), (10, 10), (10, 0), (0, 10))


def kinds(report):
    return [fault.kind for fault in report.faults.faults]


def test_dataset_dicts_are_the_ones_that_detectron2_expects(photos, write_via):
    n_bytes = (photos / "a.jpg").stat().st_size
    path = write_via(entry("a.jpg", region(SQUARE), size=n_bytes))
    dicts, report = load_via_instances(path, photos, strict=True)
    assert dicts == [
        {
            "file_name": str(photos / "a.jpg"),
            "image_id": 0,
            "height": 40,
            "width": 60,
            "annotations": [
                {
                    "bbox": [10.0, 10.0, 30.0, 30.0],
                    "bbox_mode": BoxMode.XYXY_ABS,
                    "category_id": 0,
                    "segmentation": [[10.0, 10.0, 30.0, 10.0, 30.0, 30.0, 10.0, 30.0]],
                    "iscrowd": 0,
                }
            ],
        }
    ]
    assert (report.class_names, report.n_photos, report.n_instances) == (("balloon",), 1, 1)


def test_detectron2_draws_and_rasterises_the_dicts(photos, write_via):
    path = write_via(entry("a.jpg", region(SQUARE), region({"name": "circle", "cx": 50, "cy": 20, "r": 15})))
    (photo,), _ = load_via_instances(path, photos)
    image = detection_utils.read_image(photo["file_name"], "RGB")
    drawn = Visualizer(image, MetadataCatalog.get("a_dataset_of_this_test")).draw_dataset_dict(photo)
    assert drawn.get_image().shape == image.shape
    annotations = [
        detection_utils.transform_instance_annotations(each, [], image.shape[:2]) for each in photo["annotations"]
    ]
    instances = detection_utils.annotations_to_instances(annotations, image.shape[:2], mask_format="bitmask")
    assert instances.gt_masks.tensor.sum(dim=(1, 2))[0] == 20 * 20


def test_photos_without_regions_are_negatives_only_if_asked_for(photos, write_via):
    path = write_via(entry("a.jpg", region(SQUARE)), entry("b.jpg"))
    dicts, report = load_via_instances(path, photos)
    assert ([photo["image_id"] for photo in dicts], report.n_empty) == ([0], 1)
    dicts, _ = load_via_instances(path, photos, keep_empty=True, strict=True)
    assert [len(photo["annotations"]) for photo in dicts] == [1, 0]


def test_a_photo_whose_regions_are_all_dropped_never_becomes_a_negative(photos, write_via):
    path = write_via(entry("a.jpg", region(OUTSIDE)), entry("b.jpg", "no region at all"))
    dicts, report = load_via_instances(path, photos, keep_empty=True)
    assert dicts == []
    assert kinds(report).count(FaultKind.NOTHING_LEFT) == 2


def test_a_second_entry_with_objects_leaves_the_photo_incomplete_and_never_a_negative(photos, write_via):
    """The objects of the second entry are not read: their place is not background."""
    second = region(polygon((40, 5), (50, 5), (50, 20)))
    path = write_via(entry("a.jpg", region(SQUARE)), entry("b.jpg"), entry("a.jpg", second), entry("b.jpg", second))
    (photo,), report = load_via_instances(path, photos, keep_empty=True)
    assert photo["file_name"] == str(photos / "a.jpg")
    assert photo[INCOMPLETE]
    assert kinds(report) == [FaultKind.DUPLICATE_NAME] * 2 + [FaultKind.NOTHING_LEFT]
    path = write_via(entry("a.jpg", region(SQUARE)), entry("a.jpg"))
    (photo,), _ = load_via_instances(path, photos, keep_empty=True)
    assert INCOMPLETE not in photo


def test_the_class_comes_from_the_named_attribute(photos, write_via):
    path = write_via(
        entry("a.jpg", region(SQUARE, colour="red"), region(SQUARE, colour={"blue": True, "red": False})),
        entry("b.jpg", region(SQUARE, colour="mauve"), region(SQUARE, colour="blue")),
    )
    dicts, report = load_via_instances(path, photos, class_names=("red", "blue"), class_attribute="colour")
    assert [[each["category_id"] for each in photo["annotations"]] for photo in dicts] == [[0, 1], [1]]
    assert kinds(report) == [FaultKind.UNKNOWN_CLASS]
    dicts, report = load_via_instances(path, photos, class_names=None, class_attribute="colour")
    assert report.class_names == ("blue", "mauve", "red")
    assert [[each["category_id"] for each in photo["annotations"]] for photo in dicts] == [[2, 0], [1, 0]]


@pytest.mark.parametrize(
    ("entries", "expected", "n_instances"),
    [
        ([entry("gone.jpg", region(SQUARE))], [FaultKind.MISSING_PHOTO], 0),
        ([entry("../photos/a.jpg", region(SQUARE))], [FaultKind.UNSAFE_NAME], 0),
        ([entry("via_region_data.json", region(SQUARE))], [FaultKind.UNREADABLE_PHOTO], 0),
        ([entry("a.jpg", region(SQUARE), size=1)], [FaultKind.SIZE_MISMATCH], 1),
        ([entry("a.jpg", region(SQUARE)), entry("a.jpg", region(SQUARE))], [FaultKind.DUPLICATE_NAME], 1),
        ([entry("a.jpg", region(BOW_TIE))], [FaultKind.SELF_INTERSECTION], 1),
        ([entry("a.jpg", region(polygon((50, 5), (70, 5), (70, 20))))], [FaultKind.CLIPPED], 1),
        ([entry("a.jpg", region(polygon((50, 5), (60, 5), (60, 40))))], [], 1),
        ([entry("a.jpg", region(SQUARE), region(OUTSIDE))], [FaultKind.OUTSIDE], 1),
        ([entry("a.jpg", region(SQUARE), region({"name": "point", "cx": 1, "cy": 1}))], [FaultKind.POINT], 1),
    ],
)
def test_each_fault_is_found_and_what_is_sound_is_kept(photos, write_via, entries, expected, n_instances):
    path = write_via(*entries)
    _, report = load_via_instances(path, photos)
    assert kinds(report) == expected
    assert report.n_instances == n_instances
    if expected:
        with pytest.raises(AnnotationError, match=expected[0].value):
            load_via_instances(path, photos, strict=True)


def test_a_fault_names_file_photo_and_region(photos, write_via):
    path = write_via(entry("a.jpg", region(SQUARE), region(OUTSIDE)))
    with pytest.raises(AnnotationError) as caught:
        load_via_instances(path, photos, strict=True)
    for part in (str(path), "'a.jpg'", "region 1", "500..520", "60 x 40"):
        assert part in str(caught.value)


def test_a_photo_cut_short_does_not_wait_for_training_to_fail(photos, write_via):
    Image.effect_noise((200, 200), 90).save(photos / "a.jpg")
    whole = (photos / "a.jpg").read_bytes()
    (photos / "a.jpg").write_bytes(whole[:-2000])
    _, report = load_via_instances(write_via(entry("a.jpg", region(SQUARE), size=len(whole))), photos)
    assert kinds(report) == [FaultKind.UNREADABLE_PHOTO]
    assert report.n_photos == 0


def test_macos_resource_files_are_passed_over_even_in_strict_mode(photos, write_via):
    path = write_via(entry("._a.jpg", region(SQUARE)), entry("a.jpg", region(SQUARE)))
    dicts, report = load_via_instances(path, photos, strict=True)
    assert [photo["image_id"] for photo in dicts] == [1]
    assert kinds(report) == [FaultKind.RESOURCE_FORK]


def test_all_faults_go_to_the_log_in_one_table(photos, write_via, caplog):
    regions = [region(SQUARE), *[region(OUTSIDE)] * 9, region(BOW_TIE)]
    path = write_via(entry("a.jpg", *regions), entry("gone\n.jpg"))
    with caplog.at_level(logging.INFO, logger="balloon_splash"):
        load_via_instances(path, photos)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    text = record.getMessage()
    for part in (
        str(path),
        "1 photo, 2 instances",
        "11 faults, 10 of which cost a region or photo",
        "... and 4 more",
        r"'gone\n.jpg'",
    ):
        assert part in text


def test_a_sound_file_logs_no_warning(photos, write_via, caplog):
    with caplog.at_level(logging.INFO, logger="balloon_splash"):
        load_via_instances(write_via(entry("a.jpg", region(SQUARE))), photos)
    assert [record.levelno for record in caplog.records] == [logging.INFO]


def test_a_second_start_opens_no_photo(photos, write_via, monkeypatch):
    path = write_via(entry("a.jpg", region(SQUARE)), entry("b.jpg", region(SQUARE)))
    first, _ = load_via_instances(path, photos)
    monkeypatch.setattr(photos_module, "read_upright_size", lambda *_, **__: pytest.fail("a photo was opened"))
    assert load_via_instances(path, photos)[0] == first


def test_open_polylines_are_read_on_request(photos, write_via):
    path = write_via(entry("a.jpg", region(polygon((5, 5), (25, 5), (25, 25)) | {"name": "polyline"})))
    assert kinds(load_via_instances(path, photos)[1])[0] is FaultKind.OPEN_POLYLINE
    assert load_via_instances(path, photos, close_polylines=True, strict=True)[1].n_instances == 1


def test_a_region_cut_in_two_is_one_instance_around_both(photos, write_via):
    u_shape = polygon((5, 30), (10, 30), (10, 45), (20, 45), (20, 30), (25, 30), (25, 50), (5, 50))
    (photo,), _ = load_via_instances(write_via(entry("a.jpg", region(u_shape))), photos)
    (annotation,) = photo["annotations"]
    assert len(annotation["segmentation"]) == 2
    assert annotation["bbox"] == [5, 30, 25, 40]
    assert np.array(annotation["segmentation"][0]).size % 2 == 0


def test_a_missing_image_folder_is_one_error_not_a_fault_for_each_photo(photos, write_via):
    path = write_via(entry("a.jpg", region(SQUARE)))
    with pytest.raises(DatasetError, match="no such image folder"):
        load_via_instances(path, photos / "gone")


def test_an_attribute_that_looks_like_classes_is_named_where_all_regions_are_of_one(photos, write_via, caplog):
    kinds = ("kite", "cup", "kite", "cup")
    shapes = [polygon((x, 1), (x + 9, 1), (x, 9)) for x in (0, 10, 20, 30)]
    regions = [region(each, type=kind, remark=str(x)) for x, (each, kind) in enumerate(zip(shapes, kinds, strict=True))]
    path = write_via(entry("a.jpg", *regions))
    _, report = load_via_instances(path, photos, class_names=("toy",))
    assert report.notes == (
        "the attribute 'type' has 2 values (cup, kite), all of which are read as one class; "
        "--class-attribute type (in Python: class_attribute) tells them apart",
    )
    assert report.notes[0] in caplog.text
    _, report = load_via_instances(path, photos, class_names=("cup", "kite"), class_attribute="type")
    assert not report.notes
