"""Parts of CVAT's XML besides polygons and masks, and files that are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.errors import AnnotationError
from tests.data.annotations.tool_files import CUP, KITE, filled, mask_of, read, write_cvat


def test_shapes_of_cvat(photos: Path) -> None:
    write_cvat(photos)
    path = photos / "annotations.xml"
    shapes = (
        '<box label="cup" xtl="10" ytl="10" xbr="30" ybr="20" rotation="90.00"/>'
        '<ellipse label="cup" cx="20" cy="20" rx="10" ry="5"/>'
        '<polygon label="kite" group_id="3" points="1,1;9,1;5,9"/>'
        '<polygon label="kite" group_id="3" points="50,1;59,1;55,9"/>'
        '<points label="cup" points="3,3"/>'
    )
    path.write_text(path.read_text().replace("</image><image", shapes + "</image><image"))
    (found,), report = load_annotations(path)
    boxes = [each["bbox"] for each in found["annotations"]][2:]
    assert boxes == [pytest.approx(box) for box in ([15, 5, 25, 25], [10, 15, 30, 25], [1, 1, 59, 9])]
    assert len(found["annotations"][-1]["segmentation"]) == 2
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.POINT]


def test_the_box_that_datumaro_groups_with_an_outline_is_no_part_of_it(photos: Path) -> None:
    """Taken as one, it would make each object a rectangle."""
    write_cvat(photos)
    path = photos / "annotations.xml"
    group = (
        '<polygon label="cup" occluded="0" points="10,10;30,10;20,30" z_order="0" group_id="255"/>'
        '<box label="cup" occluded="0" xtl="10" ytl="10" xbr="30" ybr="30" z_order="0" group_id="255"/>'
    )
    path.write_text(path.read_text().replace("</image><image", group + "</image><image"))
    (found,) = read(photos)
    assert (mask_of(found["annotations"][-1]) == filled(KITE)).all()


def test_a_box_beside_the_outline_of_its_group_is_a_part(photos: Path) -> None:
    """Left out, it would be background, and nothing would say so."""
    write_cvat(photos)
    path = photos / "annotations.xml"
    group = (
        '<polygon label="cup" points="10,10;30,10;20,30" group_id="7"/>'
        '<box label="cup" xtl="40" ytl="20" xbr="50" ybr="30" group_id="7"/>'
    )
    path.write_text(path.read_text().replace("</image><image", group + "</image><image"))
    (found,) = read(photos)
    assert (mask_of(found["annotations"][-1]) == filled(KITE) | filled(CUP)).all()


def test_xml_with_a_document_type_is_refused(photos: Path) -> None:
    path = photos / "annotations.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "bb">]><annotations>&b;</annotations>')
    with pytest.raises(AnnotationError, match="has a document type"):
        load_annotations(path)
