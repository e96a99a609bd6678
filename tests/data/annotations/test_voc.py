"""Pascal VOC as datumaro writes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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
