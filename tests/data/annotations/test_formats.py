"""The same two objects, as each tool writes them, are recognised and read to the same masks."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
import pytest
from detectron2.data import DatasetCatalog, MetadataCatalog
from PIL import Image

from balloon_splash.data.annotations.faults import FaultKind
from balloon_splash.data.annotations.formats import load_annotations, recognise
from balloon_splash.data.annotations.instances import INCOMPLETE, DatasetDict
from balloon_splash.data.annotations.label_studio import unpack_bits
from balloon_splash.data.annotations.masks import decode_mask, encode_mask, mask_polygons
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.data.datasets.catalog import register_instances
from balloon_splash.errors import AnnotationError, DatasetError, UsageError
from tests.data.conftest import HEIGHT, WIDTH

KITE = [(10.0, 10.0), (30.0, 10.0), (20.0, 30.0)]
CUP = [(40.0, 20.0), (50.0, 20.0), (50.0, 30.0), (40.0, 30.0)]
Mask = npt.NDArray[np.bool_]


def filled(corners: list[tuple[float, float]]) -> Mask:
    flat = [[value for corner in corners for value in corner]]
    return np.asarray(coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat, HEIGHT, WIDTH))), bool)


def mask_of(annotation: dict[str, Any]) -> Mask:
    found = annotation["segmentation"]
    if isinstance(found, list):
        found = coco_mask.merge(coco_mask.frPyObjects(found, HEIGHT, WIDTH))
    return np.asarray(coco_mask.decode(found), bool)


def iou(first: Mask, second: Mask) -> float:
    return float((first & second).sum() / (first | second).sum())


def flat(corners: list[tuple[float, float]]) -> list[float]:
    return [value for corner in corners for value in corner]


def write_via3(folder: Path) -> None:
    document = {
        "project": {"pid": "__VIA_PROJECT_ID__", "data_format_version": "3.1.1"}, "config": {},
        "attribute": {"1": {"aname": "kind", "anchor_id": "FILE1_Z0_XY1", "type": 4,
                            "options": {"0": "cup", "1": "kite"}, "default_option_id": ""}},
        "file": {"1": {"fid": "1", "fname": "a.jpg", "type": 2, "loc": 1, "src": ""},
                 "2": {"fid": "2", "fname": "b.jpg", "type": 2, "loc": 1, "src": ""}},
        "view": {"1": {"fid_list": ["1"]}, "2": {"fid_list": ["2"]}},
        "metadata": {"1_a": {"vid": "1", "flg": 0, "z": [], "xy": [7, *flat(KITE)], "av": {"1": "1"}},
                     "1_b": {"vid": "1", "flg": 0, "z": [], "xy": [2, 40, 20, 10, 10], "av": {"1": "0"}},
                     "2_c": {"vid": "2", "flg": 0, "z": [], "xy": [], "av": {}}},
    }  # fmt: skip
    (folder / "project.json").write_text(json.dumps(document))


def coco_document(**changes: Any) -> dict[str, Any]:
    images = [{"id": i, "file_name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT} for i, name in enumerate("ab")]
    annotations = [
        {"id": 0, "image_id": 0, "category_id": 2, "iscrowd": 0, "segmentation": [flat(KITE)]},
        {"id": 1, "image_id": 0, "category_id": 1, "iscrowd": 0, "segmentation": [flat(CUP)]},
    ]
    categories = [{"id": 1, "name": "cup"}, {"id": 2, "name": "kite"}]
    return {"images": images, "annotations": annotations, "categories": categories, **changes}


def write_coco(folder: Path) -> None:
    (folder / "_annotations.coco.json").write_text(json.dumps(coco_document()))


def write_coco_masks(folder: Path) -> None:
    document = coco_document()
    compressed = encode_mask(filled(KITE))
    document["annotations"][0]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": compressed["counts"].decode()}
    column_wise = np.concatenate([[False], filled(CUP).T.ravel(), [False]])
    edges = np.flatnonzero(np.diff(np.concatenate([[0], column_wise[1:-1].astype(int)])))
    counts = np.diff(np.concatenate([[0], edges, [HEIGHT * WIDTH]])).tolist()
    document["annotations"][1]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": counts}
    (folder / "instances.json").write_text(json.dumps(document))


def write_labelme(folder: Path) -> None:
    shapes: list[dict[str, Any]] = [
        {"label": "kite", "points": KITE, "group_id": None, "shape_type": "polygon", "flags": {}},
        {"label": "cup", "points": [CUP[0], CUP[2]], "group_id": None, "shape_type": "rectangle", "flags": {}},
    ]
    for name, its in (("a", shapes), ("b", [])):
        document: dict[str, Any] = {
            "version": "6.3.1", "flags": {}, "shapes": its, "imagePath": f"{name}.jpg", "imageData": None,
            "imageHeight": HEIGHT, "imageWidth": WIDTH,
        }  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps(document))


def write_yolo(folder: Path) -> None:
    for name in ("images", "labels"):
        (folder / name).mkdir()
    for photo in folder.glob("*.jpg"):
        photo.rename(folder / "images" / photo.name)
    size = np.array((WIDTH, HEIGHT))
    lines = [f"{n} " + " ".join(map(str, (np.array(ring) / size).ravel())) for n, ring in ((1, KITE), (0, CUP))]
    (folder / "labels" / "a.txt").write_text("\n".join(lines))
    (folder / "labels" / "b.txt").write_text("")
    (folder / "data.yaml").write_text("path: .\ntrain: images\nnames:\n  0: cup\n  1: kite\n")


def write_cvat(folder: Path) -> None:
    points = ";".join(f"{x:.2f},{y:.2f}" for x, y in KITE)
    (folder / "annotations.xml").write_text(
        f"""<?xml version="1.0" encoding="utf-8"?>
<annotations><version>1.1</version><meta><job><id>7</id><labels>
<label><name>cup</name><color>#33ddff</color><type>any</type><attributes></attributes></label>
<label><name>kite</name><color>#66ff66</color><type>any</type><attributes></attributes></label></labels></job></meta>
<image id="0" name="a.jpg" width="{WIDTH}" height="{HEIGHT}">
<polygon label="kite" source="manual" occluded="0" points="{points}" z_order="0"></polygon>
<mask label="cup" source="manual" occluded="0" rle="0, 100" left="40" top="20" width="10" height="10" z_order="0"/>
</image><image id="1" name="b.jpg" width="{WIDTH}" height="{HEIGHT}"></image></annotations>"""
    )


def write_label_studio(folder: Path) -> None:
    common = {"original_width": WIDTH, "original_height": HEIGHT, "image_rotation": 0, "to_name": "image"}
    percent = (np.array(KITE) / (WIDTH, HEIGHT) * 100).tolist()
    result = [
        {"id": "r1", "type": "polygonlabels", "value": {"points": percent, "closed": True, "polygonlabels": ["kite"]},
         **common},
        {"id": "r2", "type": "rectanglelabels", **common,
         "value": {"x": 40 / WIDTH * 100, "y": 50, "width": 10 / WIDTH * 100, "height": 25, "rotation": 0,
                   "rectanglelabels": ["cup"]}},
    ]  # fmt: skip
    tasks = [
        {"id": 1, "data": {"image": "/data/upload/1/0123abcd-a.jpg"}, "annotations": [{"id": 1, "result": result}]},
        {"id": 2, "data": {"image": "/data/local-files/?d=set/b.jpg"}, "annotations": [{"id": 2, "result": []}]},
    ]
    (folder / "project-1-at-2026.json").write_text(json.dumps(tasks))


def write_labelbox(folder: Path) -> None:
    corners = [{"x": x, "y": y} for x, y in KITE]
    objects = [
        {"feature_id": "f1", "name": "kite", "annotation_kind": "ImagePolygon", "polygon": corners},
        {"feature_id": "f2", "name": "cup", "annotation_kind": "ImageBoundingBox",
         "bounding_box": {"top": 20.0, "left": 40.0, "height": 10.0, "width": 10.0}},
    ]  # fmt: skip
    lines = [
        {"data_row": {"id": "c1", "external_id": f"{name}.jpg", "row_data": f"https://host/{name}.jpg?x=1"},
         "media_attributes": {"height": HEIGHT, "width": WIDTH, "mime_type": "image/jpeg"},
         "projects": {"p1": {"name": "p", "labels": [{"annotations": {"objects": its, "classifications": []}}]}}}
        for name, its in (("a", objects), ("b", []))
    ]  # fmt: skip
    (folder / "export.ndjson").write_text("\n".join(map(json.dumps, lines)))


def write_voc(folder: Path) -> None:
    for name in ("JPEGImages", "SegmentationObject", "SegmentationClass"):
        (folder / name).mkdir()
    (folder / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncup:250,0,0::\nkite:9,9,9::"
    )
    for photo in folder.glob("*.jpg"):
        photo.rename(folder / "JPEGImages" / photo.name)
    numbers, classes = np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for number, (corners, color) in enumerate(((KITE, (9, 9, 9)), (CUP, (250, 0, 0))), 1):
        numbers[filled(corners)] = number
        classes[filled(corners)] = color
    indexed = Image.fromarray(numbers).convert("P")
    indexed.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    indexed.save(folder / "SegmentationObject" / "a.png")
    Image.fromarray(classes).save(folder / "SegmentationClass" / "a.png")


WRITERS: dict[str, Callable[[Path], None]] = {
    "via3": write_via3, "coco": write_coco, "coco masks": write_coco_masks, "labelme": write_labelme,
    "yolo": write_yolo, "cvat": write_cvat, "label-studio": write_label_studio, "labelbox": write_labelbox,
    "voc": write_voc,
}  # fmt: skip


def read(folder: Path, **options: Any) -> list[DatasetDict]:
    attribute = "kind" if recognise(folder).format.name == "via3" else None
    return load_annotations(folder, options=ReadOptions(class_attribute=attribute, strict=True, **options))[0]


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


@pytest.mark.parametrize("name", ["coco", "labelme", "yolo", "cvat", "label-studio", "labelbox", "voc"])
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


# --- COCO -------------------------------------------------------------------------------------------------------------


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
    assert "1 regions are marked as crowds (iscrowd 1) and nothing is learned from them" in caplog.text
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
    assert "1 annotations name the image 9, which the file does not have" in str(report.faults.faults[0])


def test_two_entries_of_one_photo_are_told(photos: Path) -> None:
    """Photos of one base name in two folders, of which one is there."""
    document = coco_document()
    for image, folder in zip(document["images"], ("day1", "day2"), strict=True):
        image["file_name"] = f"{folder}/a.jpg"
    document["annotations"][1]["image_id"] = 1
    dicts, report = load_annotations(write_changed(photos, **document))
    assert len(dicts) == 1
    assert [fault.kind for fault in report.faults.faults] == [FaultKind.DUPLICATE_NAME]


# --- what single formats can write besides ----------------------------------------------------------------------------


def test_shapes_of_via_3(photos: Path) -> None:
    write_via3(photos)
    path = photos / "project.json"
    document = json.loads(path.read_text())
    shapes = {
        "circle": [3, 20, 20, 10], "ellipse": [4, 20, 20, 10, 5],
        "extreme rectangle": [8, 10, 15, 20, 5, 30, 12, 15, 25], "extreme circle": [9, 30, 20, 20, 30, 10, 20],
    }  # fmt: skip
    document["metadata"] = {
        name: {"vid": "1", "flg": 0, "z": [], "xy": xy, "av": {"1": "1"}} for name, xy in shapes.items()
    }
    path.write_text(json.dumps(document))
    (found,) = read(photos)
    assert [each["bbox"] for each in found["annotations"]] == [
        pytest.approx(box, abs=0.02) for box in ([10, 10, 30, 30], [10, 15, 30, 25], [10, 5, 30, 25], [10, 10, 30, 30])
    ]


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


def test_xml_with_a_document_type_is_refused(photos: Path) -> None:
    path = photos / "annotations.xml"
    path.write_text('<!DOCTYPE a [<!ENTITY b "bb">]><annotations>&b;</annotations>')
    with pytest.raises(AnnotationError, match="has a document type"):
        load_annotations(path)


def pack_bits(values: list[tuple[int, int]]) -> list[int]:
    """Runs of (value, length), as ``@thi.ng/rle-pack`` packs them: repeated values, or single ones."""
    bits = f"{sum(length for _, length in values):032b}{7:05b}" + "".join(f"{width - 1:04b}" for width in (3, 4, 8, 16))
    for value, length in values:
        bits += (
            f"1{3:02b}{length - 1:016b}{value:08b}"
            if length > 2
            else f"0{0:02b}{length - 1:03b}" + f"{value:08b}" * length
        )
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def test_the_brush_of_label_studio_keeps_its_hole_and_its_parts(photos: Path) -> None:
    write_label_studio(photos)
    path = photos / "project-1-at-2026.json"
    tasks = json.loads(path.read_text())
    painted = np.zeros((HEIGHT, WIDTH), np.uint8)
    painted[5:20, 5:25], painted[10:12, 10:15], painted[30:35, 50:58] = 255, 0, 255
    channels = np.repeat(painted.ravel(), 4)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(channels)) + 1, [len(channels)]])
    rle = pack_bits([(int(channels[a]), int(b - a)) for a, b in pairwise(starts)])
    brush = {"format": "rle", "rle": rle, "brushlabels": ["cup"]}
    tasks[0]["annotations"][0]["result"][1] |= {"type": "brushlabels", "value": brush}
    path.write_text(json.dumps(tasks))
    (found,) = read(photos)
    assert (mask_of(found["annotations"][1]) == (painted > 0)).all()
    assert unpack_bits(bytes(pack_bits([(3, 1), (9, 700), (7, 2)])), 703).tolist() == [3] + [9] * 700 + [7] * 2


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


def test_a_box_of_yolo_has_no_outline(photos: Path) -> None:
    write_yolo(photos)
    path = photos / "labels" / "a.txt"
    path.write_text(path.read_text() + "\n0 0.5 0.5 0.2 0.2\n5 0.1 0.1 0.2 0.1 0.2 0.2\n")
    (found,), report = load_annotations(photos)
    assert len(found["annotations"]) == 2
    assert [(fault.kind, fault.region) for fault in report.faults.faults] == [
        (FaultKind.NO_OUTLINE, "line 3"), (FaultKind.UNKNOWN_CLASS, "line 4")
    ]  # fmt: skip


def test_masks_become_polygons_that_draw_the_same_mask() -> None:
    rng = np.random.default_rng(3)
    mask = rng.random((HEIGHT, WIDTH)) < 0.6
    mask[10:30, 10:40] = True
    mask[15:20, 15:20] = False
    flat_rings = [ring.ravel().tolist() for ring in mask_polygons(mask)]
    drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(flat_rings, HEIGHT, WIDTH)))
    assert (drawn == mask).all()
    assert mask_polygons(np.zeros((4, 4), bool)) == []
    assert (decode_mask(encode_mask(mask)) == mask).all()
