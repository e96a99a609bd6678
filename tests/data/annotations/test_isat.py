"""ISAT's groups, layers and background, as its own window draws them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.data.annotations.limits import Limits
from balloon_splash.data.annotations.load_report import LoadReport
from balloon_splash.data.annotations.records import ReadOptions
from tests.data.annotations.tool_files import CUP, KITE, filled, iou, isat_object, mask_of, write_isat

HOLE = [(43.0, 22.0), (48.0, 22.0), (48.0, 27.0), (43.0, 27.0)]
STRICT = ReadOptions(strict=True)


def written(photos: Path, *objects: Any) -> Path:
    """Write ISAT's files with these objects on photo ``a.jpg``."""
    write_isat(photos)
    path = photos / "a.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"objects": objects}))
    return path


def faults_of(report: LoadReport) -> list[FaultKind]:
    return [fault.kind for fault in report.faults.faults]


def test_rings_of_one_group_and_category_are_one_object(photos: Path) -> None:
    rings = [("kite", KITE), ("kite", CUP), ("cup", HOLE)]
    written(photos, *(isat_object(name, ring, group=3) for name, ring in rings))
    (found,), report = load_annotations(photos, options=STRICT)
    by_class = {report.class_names[each["category_id"]]: mask_of(each) for each in found["annotations"]}
    assert len(found["annotations"]) == 2
    assert iou(by_class["kite"], filled(KITE) | filled(CUP)) > 0.99
    assert (by_class["cup"] == filled(HOLE)).all()


@pytest.mark.parametrize("group", [0, None, ""])
def test_rings_without_a_group_are_objects_of_their_own(photos: Path, group: object) -> None:
    """ISAT's conversion of LabelMe's files gives all of them group 0, and its export to COCO joins these."""
    written(photos, isat_object("kite", KITE, group=group), isat_object("kite", CUP, group=group))
    (found,), _ = load_annotations(photos, options=STRICT)
    assert len(found["annotations"]) == 2


def test_the_background_is_a_hole_in_the_layers_below_it(photos: Path) -> None:
    written(
        photos,
        isat_object("cup", CUP, group=1, layer=1.0),
        isat_object("__background__", HOLE, layer=2.0),
        isat_object("kite", HOLE, group=2, layer=3.0),
    )
    (found,), report = load_annotations(photos, options=STRICT)
    by_class = {report.class_names[each["category_id"]]: mask_of(each) for each in found["annotations"]}
    assert list(report.class_names) == ["cup", "kite"]
    assert (by_class["cup"] == (filled(CUP) & ~filled(HOLE))).all()
    assert (by_class["kite"] == filled(HOLE)).all()


def test_of_one_layer_what_comes_later_in_the_file_is_above(photos: Path) -> None:
    """ISAT's own conversions of LabelMe's and COCO's files give everything layer 1."""
    before, after = [(x - 25, y) for x, y in HOLE], HOLE
    cup = [(5.0, 18.0), (55.0, 18.0), (55.0, 30.0), (5.0, 30.0)]
    written(
        photos, isat_object("__background__", before), isat_object("cup", cup), isat_object("__background__", after)
    )
    (found,), _ = load_annotations(photos, options=STRICT)
    assert (mask_of(found["annotations"][0]) == (filled(cup) & ~filled(after))).all()


def test_an_unsound_ring_of_the_background_costs_that_hole_alone(photos: Path) -> None:
    written(
        photos,
        isat_object("cup", CUP, group=1, layer=1.0),
        isat_object("__background__", HOLE[:2], layer=2.0),
        isat_object("__background__", HOLE, layer=3.0),
    )
    (found,), report = load_annotations(photos)
    (cup,) = found["annotations"]
    assert (mask_of(cup) == (filled(CUP) & ~filled(HOLE))).all()
    assert faults_of(report) == [FaultKind.TOO_FEW_POINTS]


def test_the_background_is_cut_out_a_limited_number_of_times(photos: Path) -> None:
    """Each ring of it may be a hole in every object, which would take hours for a file of a megabyte."""
    holes = [isat_object("__background__", HOLE, layer=2.0)] * 3
    rings = [[(x + 3 * step, y) for x, y in CUP] for step in range(3)]
    written(photos, *[isat_object("cup", ring, group=group) for group, ring in enumerate(rings, 1)], *holes)
    options = ReadOptions(limits=Limits(max_regions=6))
    (found,), report = load_annotations(photos, options=options)
    assert len(found["annotations"]) == 2
    assert faults_of(report) == [FaultKind.TOO_MANY_REGIONS]


def test_a_crowd_stays_one(photos: Path) -> None:
    written(photos, isat_object("kite", KITE, group=1, iscrowd=True), isat_object("cup", CUP, group=2))
    (found,), _ = load_annotations(photos, options=STRICT)
    assert sorted(each["iscrowd"] for each in found["annotations"]) == [0, 1]


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"segmentation": KITE[:2]}, FaultKind.TOO_FEW_POINTS),
        ({"segmentation": None}, FaultKind.BAD_ENTRY),
        ({"segmentation": [[1, 1], [9, 1], [9, float("inf")]]}, FaultKind.OUT_OF_RANGE),
        ({"layer": "top"}, FaultKind.NOT_A_NUMBER),
        ({"category": 7}, FaultKind.NO_CLASS),
    ],
)
def test_an_unsound_ring_is_reported_and_the_others_stay(
    photos: Path, changes: dict[str, Any], kind: FaultKind
) -> None:
    written(photos, isat_object("kite", KITE, group=1) | changes, isat_object("cup", CUP, group=2))
    (found,), report = load_annotations(photos)
    assert len(found["annotations"]) == 1
    assert faults_of(report) == [kind]
