"""Reader of Label Studio's JSON export (https://labelstud.io/guide/export): a list of tasks.

A task is ``{"data": {"image": address}, "annotations": [{"result": [region, ...]}]}``; a region has coordinates in
percent of ``original_width`` and ``original_height``. A brush's mask is packed bit
by bit, as the package ``@thi.ng/rle-pack`` does.
"""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import numpy.typing as npt

from balloon_splash.data.annotations.documents import items, mapping, read_json, stated_size
from balloon_splash.data.annotations.faults import FaultKind, FaultLog, UnsoundError
from balloon_splash.data.annotations.masks import encode_mask
from balloon_splash.data.annotations.records import AnnotationSet, Outline, RawObject, RawPhoto, ReadOptions
from balloon_splash.data.annotations.regions import Polygon, ellipse, number, point_list, rectangle
from balloon_splash.data.annotations.size_cache import PhotoSize
from balloon_splash.errors import AnnotationError

#: Prefix that Label Studio gives to the name of an uploaded file.
_UPLOAD_PREFIX = re.compile(r"^[0-9a-f]{8}-")
_SHAPES = ("polygon", "rectangle", "ellipse", "brush")
_GEOMETRY = {"points", "x", "rle"}
_CHANNELS = 4  # channels of the picture that a brush paints: the last one is the mask


def read_label_studio(path: Path, faults: FaultLog, options: ReadOptions) -> AnnotationSet:
    """Read a JSON export; of several annotations of a task, the one marked as ground truth, or else the
    first one that was not cancelled.

    Raises:
        AnnotationError: it is not such an export; or any fault if the log is strict.
    """
    tasks = read_json(path, options.limits)
    if not isinstance(tasks, list):
        raise AnnotationError(f"{path}: not a Label Studio export: expected a list of tasks")
    photos = []
    for index, task in enumerate(tasks):
        try:
            photos.append(_photo(index, mapping(task, f"task {index}"), faults, options))
        except UnsoundError as error:
            faults.add(error.kind, f"task {index}: {error.message}", dropped=True)
    return AnnotationSet(photos, image_root=path.parent)


def _photo(index: int, task: dict[str, Any], faults: FaultLog, options: ReadOptions) -> RawPhoto:
    names = _names(mapping(task.get("data"), "data"))
    done = [
        each for each in items(task.get("annotations"), "annotations")
        if isinstance(each, dict) and not each.get("was_cancelled")
    ]  # fmt: skip
    chosen = next((each for each in done if each.get("ground_truth") is True), done[0] if done else {})
    if len(done) > 1:
        which = "the one marked as ground truth" if chosen.get("ground_truth") is True else "the first one"
        message = f"{len(done)} people annotated it; {which} is read"
        faults.add(FaultKind.DUPLICATE_NAME, message, photo=names[0], dropped=False)
    if not done:  # with keep_empty, it would be taken for a photo that shows nothing
        raise UnsoundError(FaultKind.NOT_ANNOTATED, f"{names[0]!r} has no annotation yet, or was skipped")
    results = items(chosen.get("result", []), "result")
    labels: dict[str, list[str]] = {}
    shapes: list[dict[str, Any]] = []
    for result in results:
        region = mapping(result, "a region")
        value = region.get("value")
        if isinstance(value, dict) and isinstance(region.get("id"), str):
            labels.setdefault(region["id"], []).extend(_label_lists(value))
        if str(region.get("type")).removesuffix("labels") in _SHAPES or "original_width" in region:
            shapes.append(region)
    shapes = _one_of_each_id(shapes)
    pictures = {name for region in shapes if isinstance(name := region.get("to_name"), str)}
    if len(pictures) > 1:
        found = ", ".join(sorted(pictures))[:80]
        message = f"its regions are drawn on {len(pictures)} pictures ({found}); expected one in a task"
        raise UnsoundError(FaultKind.BAD_ENTRY, message)
    if len(shapes) > options.limits.max_regions:
        message = f"{len(shapes)} regions; at most {options.limits.max_regions} are read (max_regions)"
        raise UnsoundError(FaultKind.TOO_MANY_REGIONS, message)
    sizes = {stated_size(each.get("original_width"), each.get("original_height")) for each in shapes} - {None}
    if len(sizes) > 1:
        raise UnsoundError(FaultKind.SIZE_MISMATCH, f"its regions name {len(sizes)} sizes of the photo")
    return RawPhoto(
        index=index,
        name=names[0],
        objects=[_object(region, labels, options) for region in shapes],
        n_listed=len(shapes),
        size=sizes.pop() if sizes else None,
        fallbacks=tuple(names[1:]),
    )


def _one_of_each_id(regions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one result of each id, with a shape if any has: a shape, its label and its attributes may be several."""
    by_id: dict[object, dict[str, Any]] = {}
    for region in regions:
        key, value = region.get("id"), region.get("value")
        key = key if isinstance(key, str) else id(region)
        if key not in by_id or (isinstance(value, dict) and value.keys() & _GEOMETRY):
            by_id[key] = region
    return list(by_id.values())


def _names(data: dict[str, Any]) -> list[str]:
    """Return names that the photo may have in the image folder, from its address on the server."""
    addresses = [value for key, value in data.items() if isinstance(value, str) and key in ("image", "img", "photo")]
    addresses += [value for value in data.values() if isinstance(value, str) and "/" in value]
    if not addresses:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"no address of an image in data: {reprlib.repr(data)}")
    try:
        parts = urlsplit(addresses[0])
        local = parse_qs(parts.query).get("d")  # /data/local-files/?d=folder/a.jpg
    except ValueError as error:
        raise UnsoundError(FaultKind.BAD_ENTRY, f"the address of the image: {error}") from error
    path = local[0] if local else unquote(parts.path)
    name = path.rpartition("/")[2]
    return list(dict.fromkeys([name, _UPLOAD_PREFIX.sub("", name), path.strip("/")]))


def _label_lists(value: dict[str, Any]) -> list[str]:
    lists = [found for key, found in value.items() if key == "labels" or key.endswith("labels")]
    return [name.strip() for found in lists if isinstance(found, list) for name in found if isinstance(name, str)]


def _object(region: dict[str, Any], labels: Mapping[str, list[str]], options: ReadOptions) -> RawObject:
    value = region.get("value")
    key = region.get("id")
    own = _label_lists(value) if isinstance(value, dict) else []
    found = list(dict.fromkeys(labels.get(key, own) if isinstance(key, str) else own))
    label: str | UnsoundError = UnsoundError(FaultKind.NO_CLASS, "the region has no label")
    if len(found) > 1:
        label = UnsoundError(FaultKind.AMBIGUOUS_CLASS, f"{len(found)} labels: {reprlib.repr(found)}; expected one")
    elif found and found[0]:
        label = found[0]

    def outline(size: PhotoSize) -> Outline:
        if region.get("image_rotation"):
            message = f"the photo was shown turned by {reprlib.repr(region['image_rotation'])} degrees; expected 0"
            raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
        found = mapping(region.get("value"), "value")
        if found.get("closed") is False and not options.close_polylines:  # submitted while it was being drawn
            message = (
                "the outline is not finished (closed: false); close it in Label Studio, or read with close_polylines"
            )
            raise UnsoundError(FaultKind.OPEN_POLYLINE, message)
        if "rle" in found:
            return Outline(masks=[encode_mask(_brush(found, size))])
        return Outline([_ring(str(region.get("type")), found, size, options)])

    return RawObject(str(key)[:40], label, outline)


def _ring(kind: str, value: dict[str, Any], size: PhotoSize, options: ReadOptions) -> Polygon:
    to_pixels = np.array((size.width, size.height)) / 100
    if "points" in value:
        return point_list(value["points"], options.limits.max_points) * to_pixels
    numbers = {key: number(found, key) for key, found in value.items() if type(found) in (int, float)}
    try:
        x, y = np.array((numbers["x"], numbers["y"])) * to_pixels
        if "radiusX" in numbers:
            radii = np.array((numbers["radiusX"], numbers["radiusY"])) * to_pixels
            return ellipse(x, y, radii[0], radii[1], np.radians(numbers.get("rotation", 0.0)))
        width, height = np.array((numbers["width"], numbers["height"])) * to_pixels
    except KeyError as error:
        raise UnsoundError(FaultKind.UNKNOWN_SHAPE, f"a {kind[:40]} without {error}") from error
    return rectangle(x, y, width, height, numbers.get("rotation", 0.0))


def _brush(value: dict[str, Any], size: PhotoSize) -> npt.NDArray[np.bool_]:
    """Decode the mask of a brush, ``(H, W)``."""
    found = items(value.get("rle"), "rle")
    if not all(type(each) is int and 0 <= each < 256 for each in found):
        raise UnsoundError(FaultKind.BAD_MASK, "rle must be a list of bytes")
    pixels = unpack_bits(bytes(found), _CHANNELS * size.height * size.width)
    return pixels.reshape(size.height, size.width, _CHANNELS)[..., -1] > 127


def unpack_bits(packed: bytes, expected: int) -> npt.NDArray[np.uint8]:
    """Unpack the values of a stream in the layout of ``@thi.ng/rle-pack``.

    It begins with their number (32 bits), their width less 1 (5 bits) and four widths less 1 of run lengths (4 bits
    each). Then, for each run: a bit, true for one value that is repeated; two bits, which of the four widths; the
    length less 1; the value, or the values.

    Raises:
        UnsoundError: there are not as many values as expected, or the stream ends too early.
    """
    bits = np.unpackbits(np.frombuffer(packed, np.uint8))
    powers = 1 << np.arange(31, -1, -1, dtype=np.int64)
    at = 0

    def take(width: int) -> int:
        nonlocal at
        if at + width > len(bits):
            raise UnsoundError(FaultKind.BAD_MASK, "the packed mask is cut short")
        at += width
        return int(bits[at - width : at] @ powers[32 - width :])

    count, width = take(32), take(5) + 1
    sizes = [take(4) + 1 for _ in range(4)]
    if count != expected or width != 8:
        message = f"the packed mask has {count} values of {width} bits; expected {expected} of 8, as the photo has"
        raise UnsoundError(FaultKind.SIZE_MISMATCH, message)
    values = np.zeros(count, np.uint8)
    done = 0
    while done < count:
        repeated, length = take(1), take(sizes[take(2)]) + 1
        end = min(done + length, count)
        if repeated:
            values[done:end] = take(8)
        else:
            wide = 8 * (end - done)
            if at + wide > len(bits):
                raise UnsoundError(FaultKind.BAD_MASK, "the packed mask is cut short")
            values[done:end] = np.packbits(bits[at : at + wide])
            at += wide
        done = end
    return values
