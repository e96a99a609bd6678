"""Records of detections as COCO documents, from which a splash can be made again without running the model."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.matte import instance_masks

FOREIGN_SAMPLES = 112
"""Side of the soft masks made from the hard ones in files of other tools."""


def to_coco(found: Mapping[str, Detections], *, hard_masks: bool = True) -> dict[str, Any]:
    """Return one COCO document with the detections in each picture, by file name.

    It holds ``images``, ``categories`` (numbered from 1, as in COCO) and ``annotations`` (``bbox`` as XYWH, ``score``,
    ``segmentation`` as compressed RLE). Each annotation also holds the ``soft_mask`` over its box, for which COCO
    has no field: with it, a splash from this document equals one from the model.

    Args:
        found: by file name.
        hard_masks: write ``segmentation`` and ``area``, which other tools need, and large pictures make slow.
    """
    names = next((detections.class_names for detections in found.values()), ())
    annotations: list[dict[str, Any]] = []
    images = []
    for image_id, (file_name, detections) in enumerate(found.items(), start=1):
        height, width = detections.size
        images.append({"id": image_id, "file_name": file_name, "height": height, "width": width})
        for annotation in _annotations(detections, hard_masks=hard_masks):
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, **annotation})
    categories = [{"id": number, "name": name} for number, name in enumerate(names, start=1)]
    return {"images": images, "categories": categories, "annotations": annotations}


def from_coco(document: Mapping[str, Any]) -> dict[str, Detections]:
    """Return the objects of each picture of a COCO document, best score first, by file name.

    Raises:
        ValueError, KeyError, TypeError, IndexError, AttributeError: it is not such a document.
    """
    index_of = {category["id"]: index for index, category in enumerate(document["categories"])}
    names = tuple(str(category["name"]) for category in document["categories"])
    of_image: dict[int, list[Mapping[str, Any]]] = {image["id"]: [] for image in document["images"]}
    for annotation in document["annotations"]:
        of_image[annotation["image_id"]].append(annotation)
    found = {}
    for image in document["images"]:
        size = (int(image["height"]), int(image["width"]))
        objects = sorted(of_image[image["id"]], key=lambda entry: -float(entry.get("score", 1.0)))
        found[image["file_name"]] = _detections(objects, size, names, index_of)
    return found


def _annotations(detections: Detections, *, hard_masks: bool) -> list[dict[str, Any]]:
    entries = []
    for index in range(len(detections)):
        x0, y0, x1, y1 = detections.boxes[index].astype(float).tolist()
        entries.append(
            {
                "category_id": int(detections.classes[index]) + 1,
                "bbox": [x0, y0, x1 - x0, y1 - y0],
                "score": float(detections.scores[index]),
                **(_hard_mask(detections, index) if hard_masks else {}),
                "soft_mask": _pack(detections.soft_masks[index]),
            }
        )
    return entries


def _hard_mask(detections: Detections, index: int) -> dict[str, Any]:
    (mask,) = instance_masks(detections[[index]])
    rle = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {
        "area": int(mask.sum()),
        "iscrowd": 0,
        "segmentation": {"size": list(detections.size), "counts": rle["counts"].decode("ascii")},
    }


def _detections(
    objects: list[Mapping[str, Any]], size: tuple[int, int], names: tuple[str, ...], index_of: Mapping[int, int]
) -> Detections:
    if not objects:
        return Detections.empty(size, names)
    corners = np.array([entry["bbox"] for entry in objects], np.float64)
    corners[:, 2:] += corners[:, :2]
    if all("soft_mask" in entry for entry in objects):
        soft = [_unpack(entry["soft_mask"]) for entry in objects]
    else:
        corners = np.array([_outer_pixels(box, size) for box in corners])
        for entry in objects:
            if tuple(entry["segmentation"]["size"]) != size:  # decoding allocates what the document asks for
                raise ValueError(f"a mask of {entry['segmentation']['size']} in a picture of {size} (rows, columns)")
        masks = [coco_mask.decode(entry["segmentation"]) for entry in objects]
        soft = [_resample(mask, box) for mask, box in zip(masks, corners, strict=True)]
    return Detections(
        size=size,
        boxes=corners.astype(np.float32),
        scores=np.array([entry.get("score", 1.0) for entry in objects], np.float32),
        classes=np.array([index_of[entry["category_id"]] for entry in objects], np.int64),
        soft_masks=np.stack(soft).astype(np.float32),
        class_names=names,
    )


def _outer_pixels(box: npt.NDArray[np.float64], size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Return the box with its sides on the borders of pixels, at least one pixel large."""
    height, width = size
    x0, y0 = np.clip(np.floor(box[:2]), 0, [width - 1, height - 1])
    x1, y1 = np.clip(np.ceil(box[2:]), [x0 + 1, y0 + 1], [width, height])
    return np.array([x0, y0, x1, y1])


def _resample(mask: npt.NDArray[np.uint8], box: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    x0, y0, x1, y1 = box.astype(int)
    part = mask[y0:y1, x0:x1].astype(np.float32)
    return np.asarray(cv2.resize(part, (FOREIGN_SAMPLES, FOREIGN_SAMPLES), interpolation=cv2.INTER_AREA), np.float32)


def _pack(soft_mask: npt.NDArray[np.float32]) -> dict[str, Any]:
    data = base64.b64encode(soft_mask.astype("<f4").tobytes()).decode("ascii")
    return {"size": list(soft_mask.shape), "float32": data}


def _unpack(packed: Mapping[str, Any]) -> npt.NDArray[np.float32]:
    values = np.frombuffer(base64.b64decode(packed["float32"]), "<f4")
    return values.reshape(packed["size"]).astype(np.float32)
