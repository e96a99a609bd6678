"""The same two objects, a kite and a cup, as the files of each tool have them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
from PIL import Image

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.formats import load_annotations, recognise
from balloon_splash.data.annotations.masks import encode_mask
from balloon_splash.data.annotations.records import ReadOptions
from tests.data.conftest import HEIGHT, WIDTH

KITE = [(10.0, 10.0), (30.0, 10.0), (20.0, 30.0)]
CUP = [(40.0, 20.0), (50.0, 20.0), (50.0, 30.0), (40.0, 30.0)]
CLASSES = ("cup", "kite")
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


def write_via(folder: Path) -> None:
    shapes = [
        ("kite", {"name": "polygon", "all_points_x": [x for x, _ in KITE], "all_points_y": [y for _, y in KITE]}),
        ("cup", {"name": "rect", "x": 40, "y": 20, "width": 10, "height": 10}),
    ]
    regions = [{"shape_attributes": shape, "region_attributes": {"kind": label}} for label, shape in shapes]
    entries = {
        name: {"filename": f"{name}.jpg", "size": -1, "regions": its, "file_attributes": {}}
        for name, its in (("a", regions), ("b", []))
    }
    (folder / "via_region_data.json").write_text(json.dumps(entries))


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


def rectlabel_object(name: str, shape: str) -> str:
    return (
        f"<object><name>{name}</name><pose>Unspecified</pose><truncated>0</truncated><difficult>0</difficult>"
        f"<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>3</xmax><ymax>4</ymax></bndbox>{shape}</object>"
    )


def write_rectlabel(folder: Path) -> None:
    """Write a polygon, and a curve whose handles lie on its straight edges."""
    kite = "".join(f"<x{i}>{x:g}</x{i}><y{i}>{y:g}</y{i}>" for i, (x, y) in enumerate(KITE, 1))
    corners, curve = np.array(CUP), ""
    for i, corner in enumerate(corners):
        handles = (corner + (corners[(i + 1) % 4] - corner) / 3, corner + (corners[i - 1] - corner) / 3)
        for suffix, (x, y) in zip(("", "_c1", "_c2"), (corner, *handles), strict=True):
            curve += f"<x{i + 1}{suffix}>{x:g}</x{i + 1}{suffix}><y{i + 1}{suffix}>{y:g}</y{i + 1}{suffix}>"
    objects = rectlabel_object("kite", f"<polygon>{kite}</polygon>")
    objects += rectlabel_object("cup", f"<cubic_bezier>{curve}</cubic_bezier>")
    (folder / "annotations").mkdir()
    for name, its in (("a", objects), ("b", "")):
        (folder / "annotations" / f"{name}.xml").write_text(
            f"<annotation><folder>photos</folder><filename>{name}.jpg</filename><size><width>{WIDTH}</width>"
            f"<height>{HEIGHT}</height><depth>3</depth></size><segmented>0</segmented>{its}</annotation>"
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


def superannotate_instance(name: str, **shape: Any) -> dict[str, Any]:
    return {
        "classId": 7 + CLASSES.index(name), "className": name, "probability": 100, "groupId": 0, "pointLabels": {},
        "locked": False, "visible": True, "attributes": [], "creationType": "Manual", **shape,
    }  # fmt: skip


def write_superannotate(folder: Path) -> None:
    instances = [
        superannotate_instance("kite", type="polygon", points=flat(KITE), exclude=[]),
        superannotate_instance("cup", type="bbox", points={"x1": 40.0, "y1": 20.0, "x2": 50.0, "y2": 30.0}),
        {"type": "tag", "classId": 9, "className": "outdoors", "attributes": []},
    ]
    for name, its in (("a", instances), ("b", [])):
        metadata = {"name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT, "status": "Completed", "pinned": False}
        document = {"metadata": metadata, "instances": its, "tags": [], "comments": []}
        (folder / f"{name}.jpg___objects.json").write_text(json.dumps(document))
    (folder / "classes").mkdir()
    classes = [
        {"id": 7 + i, "name": name, "color": "#00ff00", "attribute_groups": []} for i, name in enumerate(CLASSES)
    ]
    (folder / "classes" / "classes.json").write_text(json.dumps(classes))


def write_superannotate_pixels(folder: Path) -> None:
    """Write a pixel project, whose masks are colours of a PNG, and files without ``___objects`` in their names."""
    write_superannotate(folder)
    colors = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    colors[filled(KITE)], colors[filled(CUP)] = (0, 2, 0x94, 255), (0, 4, 0x47, 255)
    Image.fromarray(colors).save(folder / "a.jpg___save.png")
    for name in "ab":
        path = (folder / f"{name}.jpg___objects.json").rename(folder / f"{name}.jpg.json")
        document = json.loads(path.read_text())
        parts = zip(("kite", "cup"), ("#000294", "#000447"), strict=True)
        instances = [superannotate_instance(label, parts=[{"color": color}]) for label, color in parts]
        path.write_text(json.dumps({**document, "instances": instances if name == "a" else []}))


def supervisely_figure(name: str, kind: str, **shape: Any) -> dict[str, Any]:
    return {
        "id": 5, "classId": 7 + CLASSES.index(name), "classTitle": name, "geometryType": kind, "shape": kind,
        "tags": [], "description": "", "nnCreated": False, "nnUpdated": False, **shape,
    }  # fmt: skip


def write_supervisely(folder: Path) -> None:
    """Write a project of one data set; a corner that is not a whole number tells that none of them counts pixels."""
    corners = [KITE[0], (20.5, 10.0), *KITE[1:]]
    figures = [
        supervisely_figure("kite", "polygon", points={"exterior": corners, "interior": []}),
        supervisely_figure("cup", "rectangle", points={"exterior": [[40, 20], [49, 29]], "interior": []}),
    ]
    for name in ("ann", "img"):
        (folder / "dataset" / name).mkdir(parents=True)
    for name, its in (("a", figures), ("b", [])):
        (folder / f"{name}.jpg").rename(folder / "dataset" / "img" / f"{name}.jpg")
        size = {"width": WIDTH, "height": HEIGHT}
        document = {"description": "", "tags": [], "size": size, "objects": its, "customBigData": {}}
        (folder / "dataset" / "ann" / f"{name}.jpg.json").write_text(json.dumps(document))
    classes = [{"title": name, "shape": "any", "color": "#00FF00", "hotkey": ""} for name in CLASSES]
    (folder / "meta.json").write_text(json.dumps({"classes": classes, "tags": [], "projectType": "images"}))


def isat_object(category: str, ring: list[tuple[float, float]], **more: Any) -> dict[str, Any]:
    return {
        "category": category, "group": 0, "segmentation": ring, "area": 0.0, "layer": 1.0, "bbox": [], "iscrowd": False,
        "note": "", **more,
    }  # fmt: skip


def write_isat(folder: Path) -> None:
    objects = [isat_object("kite", KITE, group=1), isat_object("cup", CUP, group=2, layer=2.0)]
    for name, its in (("a", objects), ("b", [])):
        info = {
            "description": "ISAT", "folder": "C:/photos", "name": f"{name}.jpg", "width": WIDTH, "height": HEIGHT,
            "depth": 3, "note": "",
        }  # fmt: skip
        (folder / f"{name}.json").write_text(json.dumps({"info": info, "objects": its}))
    (folder / "isat.yaml").write_text("label:\n- color: '#000000'\n  name: __background__\n")


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


def write_png_masks(folder: Path) -> None:
    """Write masks of one class, as this layout has no place for more."""
    for photo in sorted(folder.glob("*.jpg")):
        masks = folder / photo.stem / "masks"
        masks.mkdir(parents=True)
        (folder / photo.stem / "images").mkdir()
        Image.open(photo).save(folder / photo.stem / "images" / f"{photo.stem}.png")
        photo.unlink()
    for name, corners in (("kite", KITE), ("cup", CUP)):
        Image.fromarray(filled(corners)).save(folder / "a" / "masks" / f"{name}.png")


#: All but ``png-masks``, which has no classes.
WRITERS: dict[str, Callable[[Path], None]] = {
    "via": write_via, "via3": write_via3, "coco": write_coco, "coco masks": write_coco_masks, "labelme": write_labelme,
    "yolo": write_yolo, "cvat": write_cvat, "label-studio": write_label_studio, "labelbox": write_labelbox,
    "voc": write_voc, "rectlabel": write_rectlabel, "superannotate": write_superannotate,
    "superannotate pixels": write_superannotate_pixels, "supervisely": write_supervisely,
    "isat": write_isat,
}  # fmt: skip


def read(folder: Path, **options: Any) -> list[DatasetDict]:
    options = {"class_attribute": class_attribute(folder), "strict": True, **options}
    return load_annotations(folder, options=ReadOptions(**options))[0]


def class_attribute(folder: Path) -> str | None:
    """Return the attribute that holds the class in VIA's files; None for formats that need no such name."""
    return "kind" if recognise(folder).format.name in ("via", "via3") else None
