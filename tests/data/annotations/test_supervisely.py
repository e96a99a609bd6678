"""Supervisely counts pixels: masks of its own SDK, holes, parts, boxes bound to outlines, and what is refused."""

from __future__ import annotations

import base64
import io
import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations, recognise
from balloon_splash.data.annotations.load_report import LoadReport
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.errors import AnnotationError
from balloon_splash.media.png_chunks import with_chunks
from tests.data.annotations.tool_files import CUP, KITE, filled, iou, mask_of, supervisely_figure, write_supervisely
from tests.data.conftest import HEIGHT, WIDTH

STRICT = ReadOptions(strict=True)
#: 20 x 10 pixels, all of them inside, as ``sly.Bitmap.data_2_base64`` of supervisely 6.74.51 writes them.
OF_THE_SDK = (
    "eJzrDPBz5+WS4mJgYOD19HAJAtIiQMzFyAwk+2a/WQqk2AJ8QlyB9P///5fenH8XyGIsCfILZnB4diMNyBHydHEMqZiT/Of8h4mdjY2N"
    "AmwM3mlMLAr8AluBsgyern4u65wSmgB1nB1u"
)


def square(x: int, y: int, side: int) -> list[list[int]]:
    return [[x, y], [x + side, y], [x + side, y + side], [x, y + side]]


def points(exterior: Any, *interior: Any) -> dict[str, Any]:
    return {"exterior": exterior, "interior": list(interior)}


def bitmap(mask: npt.NDArray[Any], x: int = 0, y: int = 0) -> dict[str, Any]:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return {"origin": [x, y], "data": base64.b64encode(zlib.compress(buffer.getvalue())).decode()}


def written(photos: Path, *figures: Any, **more: Any) -> Path:
    """Write Supervisely's project with these objects on photo ``a.jpg``."""
    write_supervisely(photos)
    path = photos / "dataset" / "ann" / "a.jpg.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"objects": figures} | more))
    return path


def faults_of(report: LoadReport) -> list[FaultKind]:
    return [fault.kind for fault in report.faults.faults]


def only_mask(folder: Path) -> npt.NDArray[np.bool_]:
    (found,), report = load_annotations(folder, options=STRICT)
    assert not report.faults
    (each,) = found["annotations"]
    return mask_of(each)


def test_a_mask_of_the_sdk_lies_at_its_origin(photos: Path) -> None:
    written(photos, supervisely_figure("cup", "bitmap", bitmap={"origin": [33, 15], "data": OF_THE_SDK}))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[15:25, 33:53] = True
    assert (only_mask(photos) == expected).all()


@pytest.mark.parametrize("opaque", [128, 255])
def test_transparent_pixels_of_a_mask_are_outside(photos: Path, opaque: int) -> None:
    """An ``alpha_mask`` may be half transparent."""
    mask = np.zeros((4, 6, 4), np.uint8)
    mask[..., :3], mask[1:3, 2:5, 3], mask[0, 0, 3] = 255, opaque, 127
    written(photos, supervisely_figure("cup", "alpha_mask", bitmap=bitmap(mask, 10, 5)))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[6:8, 12:15] = True
    assert (only_mask(photos) == expected).all()


def test_whole_numbers_are_pixels_and_an_interior_is_a_hole(photos: Path) -> None:
    """The SDK draws such a polygon with all pixels that its line goes through, and gives it the area between them."""
    ring = supervisely_figure("cup", "polygon", points=points(square(10, 5, 20), square(15, 10, 10)))
    written(photos, ring, supervisely_figure("kite", "polygon", points=points(square(35, 15, 8))))
    (found,), _ = load_annotations(photos, options=STRICT)
    mask, other = map(mask_of, found["annotations"])
    assert mask.sum() == 20 * 20 - 10 * 10
    assert not mask[12:20, 17:25].any()
    assert other.sum() == 8 * 8
    assert found["annotations"][1]["bbox"] == pytest.approx([35.5, 15.5, 43.5, 23.5])


def test_a_rectangle_has_both_of_its_corners_in_any_order(photos: Path) -> None:
    written(photos, supervisely_figure("cup", "rectangle", points=points([[49, 29], [40, 20]])))
    assert (only_mask(photos) == filled(CUP)).all()


def test_a_turned_rectangle_turns_clockwise_about_its_centre(photos: Path) -> None:
    turned = supervisely_figure("cup", "oriented_bbox", points=[[20, 12], [39, 21]], angle=np.pi / 4)
    written(photos, turned)
    mask = only_mask(photos)
    assert mask[22, 35]  # the right end has gone down
    assert mask[11, 24]
    assert not mask[22, 24]
    assert not mask[11, 35]
    assert mask.sum() == pytest.approx(20 * 10, rel=0.1)


def test_parts_of_a_multipolygon_and_of_a_binding_are_one_object(photos: Path) -> None:
    parts = [points(square(2, 2, 6)), points(square(12, 2, 6))]
    bound = [supervisely_figure("kite", "polygon", points=points(square(x, 20, 8)), instance="f" * 32) for x in (2, 20)]
    written(photos, supervisely_figure("cup", "multipolygon", parts=parts), *bound)
    (found,), report = load_annotations(photos, options=STRICT)
    areas = {report.class_names[each["category_id"]]: mask_of(each).sum() for each in found["annotations"]}
    assert areas == {"cup": 2 * 6 * 6, "kite": 2 * 8 * 8}


def test_the_box_that_the_import_of_coco_binds_to_an_outline_is_no_object(photos: Path) -> None:
    """The SDK gives each object of COCO a second one, of the class ``cup_bbox``, and drops it when it writes COCO."""
    outline = supervisely_figure("cup", "polygon", points=points(square(10, 5, 20)), instance="f" * 32)
    box = supervisely_figure("cup", "rectangle", points=points([[10, 5], [30, 25]]), instance="f" * 32)
    written(photos, {**box, "classTitle": "cup_bbox"}, outline)
    meta = json.loads((photos / "meta.json").read_text())
    meta["classes"] += [{"title": "cup_bbox", "shape": "rectangle"}]
    (photos / "meta.json").write_text(json.dumps(meta))
    (found,), report = load_annotations(photos, options=STRICT)
    assert list(report.class_names) == ["cup", "kite"]
    assert [mask_of(each).sum() for each in found["annotations"]] == [20 * 20]


def test_a_class_of_boxes_that_no_outline_is_bound_to_is_reported(photos: Path) -> None:
    box = supervisely_figure("cup", "rectangle", points=points([[10, 5], [30, 25]]))
    written(photos, {**box, "classTitle": "cup_bbox"}, box)
    meta = json.loads((photos / "meta.json").read_text())
    meta["classes"] += [{"title": "cup_bbox", "shape": "rectangle"}]
    (photos / "meta.json").write_text(json.dumps(meta))
    (found,), report = load_annotations(photos)
    assert faults_of(report) == [FaultKind.UNKNOWN_CLASS]
    assert len(found["annotations"]) == 1


def test_other_files_of_the_sdk_are_no_photos(photos: Path) -> None:
    write_supervisely(photos)
    for name in ("dataset/img_info/a.jpg.json", "dataset/meta/a.jpg.json", "obj_class_to_machine_color.json"):
        (photos / name).parent.mkdir(exist_ok=True)
        (photos / name).write_text(json.dumps({"id": 1, "name": "a.jpg"}))
    (found,), _ = load_annotations(photos, options=STRICT)
    assert len(found["annotations"]) == 2


def test_faint_pixels_of_a_bitmap_are_inside(photos: Path) -> None:
    """As the SDK reads them: its own masks have none, those of other tools may."""
    mask = np.full((10, 10, 4), 100, np.uint8)
    written(photos, supervisely_figure("cup", "bitmap", bitmap=bitmap(mask, 20, 15)))
    assert only_mask(photos).sum() == 100


def test_files_of_2018_name_no_kind(photos: Path) -> None:
    """Those of the person data set, for one."""
    none: dict[str, Any] = {"bitmap": None, "tags": [], "description": ""}
    figures = [
        {**none, "classTitle": "kite", "points": points([[10.0, 10.5], [30.0, 10.5], [20.0, 30.5]])},
        {**none, "classTitle": "cup", "points": points([[40, 20], [49, 29]])},
    ]
    written(photos, *figures)
    (found,), report = load_annotations(photos, options=STRICT)
    by_class = {report.class_names[each["category_id"]]: mask_of(each) for each in found["annotations"]}
    assert (by_class["cup"] == filled(CUP)).all()
    assert iou(by_class["kite"], filled([(x, y + 0.5) for x, y in KITE])) > 0.99


@pytest.mark.parametrize("inner", ["", "dataset", "dataset/ann", "dataset/ann/a.jpg.json", "meta.json"])
def test_a_project_a_data_set_and_a_file_are_read(photos: Path, inner: str) -> None:
    write_supervisely(photos)
    assert recognise(photos / inner).format.name == "supervisely"
    (found,), report = load_annotations(photos / inner, options=STRICT)
    assert Path(found["file_name"]).samefile(photos / "dataset" / "img" / "a.jpg")
    assert list(report.class_names) == ["cup", "kite"]


def test_data_sets_in_data_sets_are_read(photos: Path) -> None:
    write_supervisely(photos)
    inner = photos / "dataset" / "datasets" / "second"
    inner.mkdir(parents=True)
    for name in ("ann", "img"):
        (photos / "dataset" / name).rename(inner / name)
    (found,), _ = load_annotations(photos, options=STRICT)
    assert Path(found["file_name"]).samefile(inner / "img" / "a.jpg")


@pytest.mark.parametrize(
    ("figure", "kind"),
    [
        ({"geometryType": "point", "points": points([[3, 3]])}, FaultKind.POINT),
        ({"geometryType": "graph", "nodes": {}}, FaultKind.POINT),
        ({"geometryType": "cuboid_2d", "vertices": {}}, FaultKind.UNKNOWN_SHAPE),
        ({"geometryType": ["polygon"], "points": points(square(1, 1, 5))}, FaultKind.UNKNOWN_SHAPE),
        ({"geometryType": "line", "points": points([[1, 1], [9, 1], [9, 9]])}, FaultKind.OPEN_POLYLINE),
        ({"geometryType": "polygon", "points": points([[1, 1], [9, 1]])}, FaultKind.TOO_FEW_POINTS),
        ({"geometryType": "polygon", "points": points([[1, 1], [9, 1], [9, float("nan")]])}, FaultKind.OUT_OF_RANGE),
        ({"geometryType": "polygon", "points": None}, FaultKind.BAD_ENTRY),
        ({"geometryType": "rectangle", "points": points(square(1, 1, 5))}, FaultKind.BAD_ENTRY),
        ({"geometryType": "bitmap", "bitmap": {"origin": [0, 0], "data": "????"}}, FaultKind.BAD_MASK),
        ({"geometryType": "bitmap", "bitmap": {"origin": [0, 0], "data": "AAAA"}}, FaultKind.BAD_MASK),
        ({"geometryType": "bitmap", "bitmap": {"origin": None, "data": OF_THE_SDK}}, FaultKind.BAD_ENTRY),
        ({"geometryType": "bitmap", "bitmap": bitmap(np.ones((50, 70), bool))}, FaultKind.SIZE_MISMATCH),
    ],
)
def test_what_has_no_area_or_is_damaged_is_reported(photos: Path, figure: dict[str, Any], kind: FaultKind) -> None:
    sound = supervisely_figure("cup", "rectangle", points=points([[40, 20], [49, 29]]))
    written(photos, {"classTitle": "kite", **figure}, sound)
    (found,), report = load_annotations(photos)
    assert len(found["annotations"]) == 1
    assert faults_of(report) == [kind]


def test_a_mask_that_grows_when_it_is_unpacked_is_cut_off(photos: Path) -> None:
    """A few kilobytes may stand for gigabytes."""
    png = zlib.decompress(base64.b64decode(OF_THE_SDK))
    data = base64.b64encode(zlib.compress(with_chunks(png, [(b"prVt", bytes(8 << 20))]))).decode()
    written(photos, supervisely_figure("cup", "bitmap", bitmap={"origin": [0, 0], "data": data}))
    _, report = load_annotations(photos, options=ReadOptions(keep_empty=True))
    assert FaultKind.BAD_MASK in faults_of(report)


def test_annotations_of_a_video_are_refused(photos: Path) -> None:
    written(photos, frames=[])
    _, report = load_annotations(photos, options=ReadOptions(keep_empty=True))
    assert "annotations of a video; expected those of an image" in str(report.faults.faults[0])


def test_a_damaged_list_of_classes_is_named(photos: Path) -> None:
    write_supervisely(photos)
    (photos / "meta.json").write_text(json.dumps({"classes": [{"shape": "polygon"}], "tags": []}))
    with pytest.raises(AnnotationError, match=r"meta\.json: title: expected a text.*Supervisely's list of classes"):
        load_annotations(photos)
