"""SuperAnnotate writes a JSON for each photo; holes, groups and masks in a PNG are of one object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations, recognise
from balloon_splash.data.annotations.load_report import LoadReport
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.errors import AnnotationError
from tests.data.annotations.tool_files import (
    CUP,
    KITE,
    filled,
    flat,
    iou,
    mask_of,
    superannotate_instance,
    write_superannotate,
    write_superannotate_pixels,
)

HOLE = [(45.0, 22.0), (48.0, 22.0), (48.0, 26.0), (45.0, 26.0)]


def written(photos: Path, *instances: Any, **metadata: Any) -> Path:
    """Write SuperAnnotate's files with these instances on photo ``a.jpg``."""
    write_superannotate(photos)
    path = photos / "a.jpg___objects.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps({**document, "instances": instances, "metadata": {**document["metadata"], **metadata}}))
    return path


def faults_of(report: LoadReport) -> list[FaultKind]:
    return [fault.kind for fault in report.faults.faults]


def test_an_excluded_ring_is_a_hole(photos: Path) -> None:
    written(photos, superannotate_instance("cup", type="polygon", points=flat(CUP), exclude=[flat(HOLE)]))
    (found,), report = load_annotations(photos, options=ReadOptions(strict=True))
    (cup,) = found["annotations"]
    assert not report.faults
    assert (mask_of(cup) == (filled(CUP) & ~filled(HOLE))).all()
    assert cup["bbox"] == pytest.approx([40, 20, 50, 30])


def test_instances_of_one_group_and_class_are_one_object(photos: Path) -> None:
    shapes = [("kite", KITE), ("kite", CUP), ("cup", HOLE)]
    written(photos, *(superannotate_instance(n, type="polygon", points=flat(ring), groupId=3) for n, ring in shapes))
    (found,), report = load_annotations(photos)
    by_class = {report.class_names[each["category_id"]]: mask_of(each) for each in found["annotations"]}
    assert len(found["annotations"]) == 2
    assert iou(by_class["kite"], filled(KITE) | filled(CUP)) > 0.99
    assert iou(by_class["cup"], filled(HOLE)) == 1


def test_a_box_around_the_outline_of_its_group_does_not_fill_it(photos: Path) -> None:
    box = {"x1": 10.0, "y1": 10.0, "x2": 30.0, "y2": 30.0}
    written(
        photos,
        superannotate_instance("kite", type="bbox", points=box, groupId=3),
        superannotate_instance("kite", type="polygon", points=flat(KITE), groupId=3),
    )
    (found,), _ = load_annotations(photos, options=ReadOptions(strict=True))
    assert [iou(mask_of(each), filled(KITE)) for each in found["annotations"]] == [pytest.approx(1, abs=0.01)]


def test_each_shape_with_an_area_is_read(photos: Path) -> None:
    turned = {"x1": 20.0, "y1": 5.0, "x2": 30.0, "y2": 15.0, "x3": 20.0, "y3": 25.0, "x4": 10.0, "y4": 15.0}
    written(
        photos,
        superannotate_instance("kite", type="rbbox", points=turned),
        superannotate_instance("cup", type="ellipse", cx=45.0, cy=25.0, rx=10.0, ry=5.0, angle=0),
        superannotate_instance("kite", type="polyline", points=[*flat(CUP), *CUP[0]]),
    )
    (found,), _ = load_annotations(photos, options=ReadOptions(strict=True))
    areas = [mask_of(each).sum() for each in found["annotations"]]
    assert areas == pytest.approx([200, np.pi * 50, 100], rel=0.1)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ({"type": "ellipse", "cx": 20.0, "cy": 20.0, "rx": 10.0, "ry": 5.0, "angle": 0.7}, FaultKind.UNKNOWN_SHAPE),
        ({"type": "polyline", "points": flat(KITE)}, FaultKind.OPEN_POLYLINE),
        ({"type": "point", "x": 3, "y": 4}, FaultKind.POINT),
        ({"type": "cuboid", "points": {}}, FaultKind.UNKNOWN_SHAPE),
        ({"type": "polygon", "points": flat(CUP), "exclude": [flat(CUP)]}, FaultKind.ZERO_AREA),
        ({"type": "bbox", "points": {"x1": 1, "y1": 2, "x2": "far", "y2": 4}}, FaultKind.NOT_A_NUMBER),
        ({"type": "polygon", "points": flat(CUP), "className": None, "classId": -1}, FaultKind.NO_CLASS),
        ({"parts": [{"color": "#000447"}]}, FaultKind.NO_OUTLINE),
        ({"parts": [{"color": "blue"}]}, FaultKind.BAD_MASK),
        ({"parts": [{"color": [0, 4, 71]}]}, FaultKind.BAD_MASK),
    ],
)  # fmt: skip
def test_what_has_no_sure_outline_is_left_out_and_reported(
    photos: Path, shape: dict[str, Any], kind: FaultKind
) -> None:
    written(
        photos,
        superannotate_instance("kite", type="polygon", points=flat(KITE)),
        superannotate_instance("cup", **shape),
    )
    (found,), report = load_annotations(photos)
    assert len(found["annotations"]) == 1
    assert faults_of(report) == [kind]
    with pytest.raises(AnnotationError, match=kind.value):
        load_annotations(photos, options=ReadOptions(strict=True))


def test_a_photo_that_nobody_finished_is_not_a_photo_without_objects(photos: Path) -> None:
    path = written(photos, status="NotStarted")
    path.with_name("b.jpg___objects.json").unlink()
    path.with_name("c.jpg___objects.json").write_text(path.read_text().replace("NotStarted", "Completed"))
    dicts, report = load_annotations(photos, options=ReadOptions(keep_empty=True, strict=True))
    assert len(dicts) == 1
    assert faults_of(report) == [FaultKind.NOT_ANNOTATED]


def test_a_class_without_a_name_is_found_by_its_number(photos: Path) -> None:
    instance = superannotate_instance("cup", type="polygon", points=flat(CUP))
    del instance["className"]
    written(photos, instance)
    (found,), report = load_annotations(photos)
    assert [report.class_names[each["category_id"]] for each in found["annotations"]] == ["cup"]


def test_a_mask_of_another_size_than_the_photo_is_refused(photos: Path) -> None:
    write_superannotate_pixels(photos)
    mask = photos / "a.jpg___save.png"
    Image.open(mask).resize((30, 20), Image.Resampling.NEAREST).save(mask)
    _, report = load_annotations(photos, options=ReadOptions(keep_empty=True))
    assert faults_of(report)[:2] == [FaultKind.SIZE_MISMATCH] * 2


def test_an_export_in_folders_is_recognised_and_a_video_refused(photos: Path) -> None:
    path = written(photos, superannotate_instance("kite", type="polygon", points=flat(KITE)))
    (photos / "day1").mkdir()
    for name in ("a.jpg", "a.jpg___objects.json"):
        (photos / name).rename(photos / "day1" / name)
    path.with_name("b.jpg___objects.json").unlink()
    assert recognise(photos).format.name == "superannotate"
    (found,), report = load_annotations(photos, options=ReadOptions(strict=True))
    assert Path(found["file_name"]).relative_to(photos) == Path("day1/a.jpg")
    assert report.class_names == ("cup", "kite")
    film = photos / "film.mp4.json"
    film.write_text('{"metadata": {"name": "film.mp4", "duration": 9000}, "instances": []}')
    with pytest.raises(AnnotationError, match="annotations of a video; expected those of an image"):
        load_annotations(photos, options=ReadOptions(strict=True))


def test_a_damaged_list_of_classes_is_named(photos: Path) -> None:
    write_superannotate(photos)
    (photos / "classes" / "classes.json").write_text("{}")
    with pytest.raises(
        AnnotationError, match=r"classes.json: classes: expected a list.*SuperAnnotate's list of classes"
    ):
        load_annotations(photos)
