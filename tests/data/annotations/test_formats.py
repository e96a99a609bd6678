"""Each format is recognised by its content and read to the same masks, whichever tool wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog

from balloon_splash.data.annotations.dataset_dicts import INCOMPLETE
from balloon_splash.data.annotations.formats import load_annotations, recognise
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.data.datasets.catalog import register_instances
from balloon_splash.errors import DatasetError, UsageError
from tests.data.annotations.tool_files import (
    CUP,
    KITE,
    WRITERS,
    filled,
    iou,
    mask_of,
    read,
    write_coco,
    write_coco_masks,
    write_labelme,
    write_png_masks,
    write_via,
    write_yolo,
)  # fmt: skip


@pytest.mark.parametrize("name", WRITERS)
def test_each_format_is_recognised_and_read_to_the_same_masks(photos: Path, name: str) -> None:
    WRITERS[name](photos)
    assert recognise(photos).format.name == name.split()[0]
    (found,) = read(photos, class_names=("cup", "kite"))
    assert Path(found["file_name"]).name == "a.jpg"
    by_class = {each["category_id"]: each for each in found["annotations"]}
    assert iou(mask_of(by_class[0]), filled(CUP)) == 1
    assert iou(mask_of(by_class[1]), filled(KITE)) > 0.99
    assert by_class[0]["bbox"] == pytest.approx([40, 20, 50, 30])
    assert INCOMPLETE not in found


@pytest.mark.parametrize("name", [name for name in WRITERS if name != "voc"])
def test_a_photo_without_objects_is_a_negative_where_it_is_wanted(photos: Path, name: str) -> None:
    WRITERS[name](photos)
    assert [len(each["annotations"]) for each in read(photos, keep_empty=True)] == [2, 0]


@pytest.mark.parametrize("name", [name for name in WRITERS if not name.startswith("via")])
def test_classes_come_from_the_file_where_none_are_named(photos: Path, name: str) -> None:
    WRITERS[name](photos)
    register_instances("things", photos)
    DatasetCatalog.get("things")
    assert MetadataCatalog.get("things").thing_classes == ["cup", "kite"]


def test_what_is_not_known_is_refused_in_one_line(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="format is 'pdf'; expected auto or one of via, via3"):
        register_instances("things", photos, format="pdf")
    with pytest.raises(DatasetError, match=r"no annotations found; expected one of VIA 1 or 2, .*Pascal VOC"):
        load_annotations(photos)
    with pytest.raises(DatasetError, match="no such annotation file"):
        load_annotations(tmp_path / "gone.json")
    write_coco(photos)
    write_coco_masks(photos)
    with pytest.raises(DatasetError, match=r"2 annotation files .*expected one"):
        load_annotations(photos)


@pytest.mark.parametrize("name", ["a" * 5000 + ".jpg", "a\0.jpg"], ids=["long", "null"])
def test_a_name_that_no_file_can_have_is_a_missing_photo(photos: Path, name: str) -> None:
    """``Path.is_file`` of Python 3.11 raises at a long one."""
    write_labelme(photos)
    path = photos / "a.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"imagePath": name}))
    _, report = load_annotations(photos, options=ReadOptions(keep_empty=True))
    assert [fault.photo for fault in report.faults.faults] == [name]


@pytest.mark.parametrize("write", [write_via, write_png_masks], ids=["via", "png-masks"])
def test_several_names_for_objects_without_a_class_are_refused(photos: Path, write: Callable[[Path], None]) -> None:
    """They would all be read as the first one."""
    write(photos)
    two = ReadOptions(class_names=("kite", "cup"))
    with pytest.raises(UsageError, match=r"have no class, but 2 classes are named \(kite, cup\); expected one class"):
        load_annotations(photos, options=two)
    dicts, _ = load_annotations(photos, options=ReadOptions(class_names=("kite",)))
    assert {each["category_id"] for each in dicts[0]["annotations"]} == {0}


@pytest.mark.parametrize(("write", "format"), [(write_labelme, "labelme"), (write_yolo, "yolo")])
def test_files_in_folders_below_are_recognised(photos: Path, write: Callable[[Path], None], format: str) -> None:
    """As the writers leave them for photos in folders, ``day1/a.jpg`` and ``day2/a.jpg``."""
    write(photos)
    place, suffix = (photos / "labels", ".txt") if format == "yolo" else (photos, ".json")
    (place / "day1").mkdir()
    for path in place.glob(f"*{suffix}"):
        path.rename(place / "day1" / path.name)
    assert recognise(photos).format.name == format
