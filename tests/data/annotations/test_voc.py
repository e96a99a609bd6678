"""Pascal VOC as datumaro writes it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from tests.data.annotations.tool_files import CUP, KITE, filled, mask_of, write_voc
from tests.data.conftest import HEIGHT, WIDTH


def test_a_labelmap_of_voc_without_colours_counts_the_palette(photos: Path) -> None:
    """As datumaro writes it."""
    write_voc(photos)
    (photos / "labelmap.txt").write_text("# label:color_rgb:parts:actions\nbackground:::\nkite:::\ncup:::\n")
    classes = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    classes[filled(KITE)], classes[filled(CUP)] = (128, 0, 0), (0, 128, 0)
    Image.fromarray(classes).save(photos / "SegmentationClass" / "a.png")
    (found,), report = load_annotations(photos)
    assert report.class_names == ("kite", "cup")
    assert {each["category_id"]: int(mask_of(each).sum()) for each in found["annotations"]} == {
        0: int(filled(KITE).sum()), 1: int(filled(CUP).sum())
    }  # fmt: skip


def test_a_list_chooses_the_photos_of_a_split(photos: Path) -> None:
    write_voc(photos)
    for folder in ("SegmentationObject", "SegmentationClass"):
        shutil.copy(photos / folder / "a.png", photos / folder / "b.png")
    names = photos / "ImageSets" / "Segmentation" / "val.txt"
    names.parent.mkdir(parents=True)
    names.write_text("b\n")
    assert len(load_annotations(photos)[0]) == 2
    (found,), _ = load_annotations(names)
    assert Path(found["file_name"]).name == "b.jpg"
    names.write_text("b\n../../b\nb\0\nc\n")
    (found,), report = load_annotations(names)
    assert [fault.kind for fault in report.faults.faults] == [
        FaultKind.BAD_ENTRY, FaultKind.BAD_ENTRY, FaultKind.BAD_MASK
    ]  # fmt: skip


def test_an_object_whose_class_is_missing_is_not_of_the_first_class(photos: Path) -> None:
    write_voc(photos)
    shutil.copy(photos / "SegmentationObject" / "a.png", photos / "SegmentationObject" / "b.png")
    (found,), report = load_annotations(photos)
    assert Path(found["file_name"]).name == "a.jpg"
    assert {fault.kind for fault in report.faults.faults} == {FaultKind.NO_CLASS, FaultKind.NOTHING_LEFT}


@pytest.mark.parametrize("kind", ["16 bits", "one colour"])
def test_numbers_of_objects_are_told_apart_by_number(photos: Path, kind: str) -> None:
    """Read as colours, numbers above 255 and a palette with one colour for all would make them one object, or none."""
    write_voc(photos)
    numbers = np.zeros((HEIGHT, WIDTH), np.uint16)
    numbers[filled(KITE)], numbers[filled(CUP)] = 1, 300 if kind == "16 bits" else 2
    image = Image.fromarray(numbers if kind == "16 bits" else numbers.astype(np.uint8))
    if kind == "one colour":
        image = image.convert("P")
        image.putpalette([0, 0, 0, 200, 0, 0, 200, 0, 0])
    image.save(photos / "SegmentationObject" / "a.png")
    (found,), report = load_annotations(photos)
    assert not report.faults
    assert sorted(int(mask_of(each).sum()) for each in found["annotations"]) == [
        int(filled(CUP).sum()), int(filled(KITE).sum())
    ]  # fmt: skip
