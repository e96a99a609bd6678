"""COCO files as exporters write them: what is clear is read, what is unsound is dropped and reported."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.data.annotations.masks import encode_mask
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.errors import AnnotationError
from tests.data.annotations.tool_files import CUP, KITE, coco_document, filled, flat, mask_of
from tests.data.conftest import HEIGHT, WIDTH


def write_changed(photos: Path, **changes: Any) -> Path:
    path = photos / "coco.json"
    path.write_text(json.dumps(coco_document(**changes)))
    return path


def test_roboflows_category_that_names_the_project_is_no_class(photos: Path) -> None:
    categories = [{"id": 0, "name": "toys", "supercategory": "none"}, {"id": 1, "name": "cup", "supercategory": "toys"},
                  {"id": 2, "name": "kite", "supercategory": "toys"}]  # fmt: skip
    _, report = load_annotations(write_changed(photos, categories=categories))
    assert report.class_names == ("cup", "kite")


def test_crowds_are_kept_apart_and_said_and_can_be_taken(photos: Path, caplog: pytest.LogCaptureFixture) -> None:
    """CVAT writes what its brush painted with iscrowd 1; training would drop it without a word."""
    document = coco_document()
    document["annotations"][0]["iscrowd"] = 1
    path = write_changed(photos, **document)
    (found,), report = load_annotations(path)
    assert [each["iscrowd"] for each in found["annotations"]] == [1, 0]
    assert report.n_crowds == 1
    assert found[INCOMPLETE], "a close-up of a crowd would show 'nothing here'"
    assert "1 region marked as crowds (iscrowd 1), which are learned as background" in caplog.text
    (found,), _ = load_annotations(path, options=ReadOptions(crowds_as_objects=True))
    assert [each["iscrowd"] for each in found["annotations"]] == [0, 0]


def good_mask() -> dict[str, Any]:
    return {"size": [HEIGHT, WIDTH], "counts": encode_mask(filled(CUP))["counts"].decode()}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"category_id": 7}, FaultKind.UNKNOWN_CLASS),
        ({"segmentation": []}, FaultKind.NO_OUTLINE),
        ({"segmentation": None}, FaultKind.NO_OUTLINE),
        ({"segmentation": [[1, 2, 3, 4]]}, FaultKind.TOO_FEW_POINTS),
        ({"segmentation": [[1, 2, 3, 4, "x", 6]]}, FaultKind.BAD_ENTRY),
        ({"segmentation": good_mask() | {"size": [WIDTH, HEIGHT]}}, FaultKind.SIZE_MISMATCH),
        ({"segmentation": good_mask() | {"counts": [5, 5]}}, FaultKind.BAD_MASK),
        ({"segmentation": good_mask() | {"counts": [-5, HEIGHT * WIDTH + 5]}}, FaultKind.BAD_MASK),
        ({"segmentation": good_mask() | {"counts": "zzzz"}}, FaultKind.BAD_MASK),
        ({"segmentation": {"size": [HEIGHT, WIDTH], "counts": [HEIGHT * WIDTH]}}, FaultKind.ZERO_AREA),
    ],
)
def test_an_unsound_annotation_is_dropped_with_its_id(photos: Path, change: dict[str, Any], kind: FaultKind) -> None:
    document = coco_document()
    document["annotations"][0] |= change
    (found,), report = load_annotations(write_changed(photos, **document))
    assert len(found["annotations"]) == 1
    assert found[INCOMPLETE]
    assert [(fault.kind, fault.region, fault.dropped) for fault in report.faults.faults] == [(kind, "id 0", True)]


def test_liberties_that_are_clear_are_read(photos: Path) -> None:
    """Polygons that are not nested, doubled ids, a part that is a crumb, folders in the name."""
    document = coco_document()
    document["images"][0]["file_name"] = "train/a.jpg"
    document["annotations"][0] |= {"segmentation": flat(KITE), "id": 1}
    document["annotations"][1]["segmentation"].append([1, 1, 2, 2])
    (found,), report = load_annotations(write_changed(photos, **document))
    assert not report.faults
    assert [mask_of(each).sum() for each in found["annotations"]] == [filled(KITE).sum(), filled(CUP).sum()]


def test_what_belongs_to_no_image_is_reported(photos: Path) -> None:
    document = coco_document()
    document["annotations"][0]["image_id"] = 9
    _, report = load_annotations(write_changed(photos, **document))
    assert "1 annotation of the image 9, which the file does not have" in str(report.faults.faults[0])


def test_two_entries_of_one_photo_are_told(photos: Path) -> None:
    document = coco_document()
    document["images"][1]["file_name"] = document["images"][0]["file_name"]
    document["annotations"][1]["image_id"] = 1
    dicts, report = load_annotations(write_changed(photos, **document))
    assert len(dicts) == 1
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.DUPLICATE_NAME]


def test_a_photo_whose_base_name_two_entries_share_is_neither(photos: Path) -> None:
    """The objects of day2's photo would land on day1's, of the same size."""
    document = coco_document()
    for image, name in zip(document["images"], ("day1/a.jpg", "day2/a.jpg"), strict=True):
        image["file_name"] = name
    document["annotations"][1]["image_id"] = 1
    (photos / "day1").mkdir()
    (photos / "day1" / "a.jpg").write_bytes((photos / "a.jpg").read_bytes())
    (found,), report = load_annotations(write_changed(photos, **document))
    assert found["file_name"] == str(photos / "day1" / "a.jpg")
    assert [(fault.kind, fault.photo) for fault in report.faults.faults] == [(FaultKind.MISSING_PHOTO, "day2/a.jpg")]


def test_annotations_of_images_with_one_id_are_not_mixed(photos: Path) -> None:
    """Files joined without new numbers: all objects would go to the first image of the id."""
    document = coco_document()
    document["images"].append({"id": 2, "file_name": "c.jpg", "width": WIDTH, "height": HEIGHT})
    (photos / "c.jpg").write_bytes((photos / "a.jpg").read_bytes())
    document["annotations"].append(document["annotations"][1] | {"image_id": 2})
    document["images"][1]["id"] = 0
    dicts, report = load_annotations(write_changed(photos, **document), options=ReadOptions(keep_empty=True))
    assert [Path(each["file_name"]).name for each in dicts] == ["c.jpg"]
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.DUPLICATE_ID] * 2
    assert "'a.jpg' has the id 0 of another image" in str(report.faults.faults[0])


def test_categories_with_one_id_are_refused(photos: Path) -> None:
    categories = [{"id": 1, "name": "cup"}, {"id": 2, "name": "kite"}, {"id": 2, "name": "ball"}]
    with pytest.raises(AnnotationError, match="two categories have the id 2"):
        load_annotations(write_changed(photos, categories=categories))


def test_an_object_that_is_listed_twice_is_one_object(photos: Path) -> None:
    """Nothing can find both: a faultless model would have an AP of less than 100."""
    document = coco_document()
    document["annotations"].append(document["annotations"][0] | {"id": 7})
    (found,), report = load_annotations(write_changed(photos, **document))
    assert len(found["annotations"]) == 2
    assert [(fault.kind, fault.region) for fault in report.faults.faults] == [(FaultKind.DUPLICATE_REGION, "id 7")]


def test_polygons_that_are_sound_are_handed_on_as_they_are(photos: Path) -> None:
    document = coco_document()
    document["annotations"][0]["segmentation"] = [[10, 10.25, 30, 10, 20, 30]]
    document["annotations"][1]["segmentation"] = [["40", "20", "50", "20", "50", "30"]]
    (found,), _ = load_annotations(write_changed(photos, **document))
    assert [each["segmentation"] for each in found["annotations"]] == [
        [[10, 10.25, 30, 10, 20, 30]],
        [[40.0, 20.0, 50.0, 20.0, 50.0, 30.0]],
    ]


def test_a_part_that_cannot_be_read_costs_the_object(photos: Path) -> None:
    document = coco_document()
    document["annotations"][0]["segmentation"].append([1, 1, 5, "x", 5, 5])
    (found,), report = load_annotations(write_changed(photos, **document))
    assert len(found["annotations"]) == 1
    assert [(fault.kind, fault.region) for fault in report.faults.faults] == [(FaultKind.BAD_ENTRY, "id 0")]


def test_a_crowd_that_is_marked_by_a_text_is_a_crowd(photos: Path) -> None:
    document = coco_document()
    document["annotations"][0]["iscrowd"] = "1"
    (found,), _ = load_annotations(write_changed(photos, **document))
    assert [each["iscrowd"] for each in found["annotations"]] == [1, 0]


def test_entries_of_any_kind_leave_the_others_as_they_are(photos: Path) -> None:
    """A file with an odd entry, or with Python's NaN, takes another way through the parser."""
    document = coco_document()
    (sound,), _ = load_annotations(write_changed(photos, **document))
    odd = [7, None, {"id": 9, "category_id": 1}]
    (found,), report = load_annotations(write_changed(photos, annotations=[*document["annotations"], *odd]))
    assert found["annotations"] == sound["annotations"]
    messages = [fault.message for fault in report.faults.faults]
    assert [message.partition(":")[0] for message in messages] == ["annotation 2", "annotation 3", "annotation 4"]
    assert "expected an object with an image_id, found 7" in messages[0]
    document["annotations"][0]["area"] = float("nan")
    (found,), report = load_annotations(write_changed(photos, **document))
    assert found["annotations"] == sound["annotations"]
    assert not report.faults


def test_ids_and_sizes_that_are_numbers_in_quotes_are_numbers(photos: Path) -> None:
    """With keep_empty, photos that lose their annotations this way would train as photos without objects."""
    document = coco_document()
    first, second = document["annotations"]
    first |= {"image_id": "0", "category_id": "2"}
    second |= {"image_id": 0.0, "category_id": 1.0}
    for image in document["images"]:
        image["width"] = str(image["width"])
    dicts, report = load_annotations(write_changed(photos, **document), options=ReadOptions(keep_empty=True))
    assert [[each["category_id"] for each in found["annotations"]] for found in dicts] == [[1, 0], []]
    assert not report.faults
    document["images"][0]["width"] = str(WIDTH + 1)
    _, report = load_annotations(write_changed(photos, **document), options=ReadOptions(keep_empty=True))
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.SIZE_MISMATCH]


def test_ids_with_leading_zeros_are_names(photos: Path) -> None:
    document = coco_document()
    for image, image_id in zip(document["images"], ("1", "01"), strict=True):
        image["id"] = image_id
    document["annotations"][0]["image_id"], document["annotations"][1]["image_id"] = "01", 1
    dicts, report = load_annotations(write_changed(photos, **document))
    assert [[each["category_id"] for each in found["annotations"]] for found in dicts] == [[0], [1]]
    assert not report.faults


def test_a_polygon_inside_another_one_of_its_object_is_said(photos: Path) -> None:
    """Tools that trace a mask write its hole this way, and COCO's rules fill it."""
    document = coco_document()
    _, report = load_annotations(write_changed(photos, **document))
    assert report.notes == ()
    outer, inner = [10, 5, 40, 5, 40, 35, 10, 35], [20, 10, 30, 10, 30, 20, 20, 20]
    document["annotations"][0]["segmentation"] = [outer, inner]
    document["annotations"][1]["segmentation"] = [inner, [50, 10, 55, 10, 55, 20]]
    _, report = load_annotations(write_changed(photos, **document))
    (note,) = report.notes
    assert note.startswith("1 object with a polygon inside another one, which COCO's rules fill")
