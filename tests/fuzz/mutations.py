"""Damage to the bytes of a real file: what a bad disk, a cut connection or a spiteful person makes of it."""

from __future__ import annotations

import copy
import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

NASTY = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 0.5, 7, 60, 40, 61, 1e7, -1e7, 1e308, 10**30, float("nan"), float("-inf")),
    *("", "a.jpg", "../a.jpg", "polygon", "ellipse", "balloon", "\ud800", "x" * 300),
    *([], {}, [1, 2, 3], [0, 59, 59], [[]], {"name": "circle", "cx": 20, "cy": 20, "r": 9}),
)
VIA_KEYS = (
    "name",
    "filename",
    "regions",
    "r",
    "theta",
    "all_points_x",
    "shape_attributes",
    "class",
    "_via_img_metadata",
    "",
)
FORMAT_KEYS = (
    "images", "annotations", "categories", "segmentation", "counts", "size", "iscrowd", "image_id", "id", "xy", "av",
    "z", "rle", "points", "value", "result", "polygon", "bounding_box", "shapes", "mask", "group_id", "width", "",
    "instances", "metadata", "name", "className", "exclude", "groupId", "type", "parts", "color", "x1", "rx", "angle",
)  # fmt: skip
XML_TEXTS = (
    *("", "0", "-1", "0.5", "7", "60", "61", "1e7", "1e308", "9" * 30, "nan", "-inf", "a.jpg", "../a.jpg", "x" * 300),
    *("balloon", "1,1;30,2;9,20", "1,1;60,40;60,1;1,40", "3, 5, 2", "polygon"),
)
XML_TAGS = ("image", "polygon", "box", "ellipse", "mask", "object", "name", "cubic_bezier", "x1", "x2_c1", "size", "x")
LABELME_KEYS = ("imagePath", "shapes", "label", "points", "group_id", "shape_type", "")
HEAD_BYTES = 128  # where most formats keep their header
CHANGES_AT_ONCE = (1, 1, 1, 2, 3, 6)  # a file with many is refused before it comes to the later ones
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def mutate(data: bytes, donors: Sequence[bytes], rng: random.Random) -> bytes:
    """``data`` with one change or a few; ``donors`` are files that pieces may come from."""
    result = bytearray(data)
    for _ in range(rng.choice(CHANGES_AT_ONCE)):
        if result:
            rng.choice(CHANGES)(result, donors, rng)
    changed = bytes(result)
    return with_sound_checksums(changed) if changed.startswith(PNG_SIGNATURE) and rng.random() < 0.7 else changed


def vary(content: bytes, rng: random.Random, keys: Sequence[str] = VIA_KEYS) -> bytes:
    """An annotation file changed: a JSON or XML document in its parts or its bytes, any other file in its bytes.

    ``keys`` are the names that a part may get.
    """
    in_parts = rng.random() < 0.8
    document = _document(content) if in_parts else None
    if document is None and in_parts and content.startswith(b"<"):
        return _vary_tree(content, rng)
    if document is None:
        return mutate(content or b"{}", [content or b"{}"], rng)
    for _ in range(rng.choice(CHANGES_AT_ONCE)):
        places = list(_places(document))
        if not places:
            break
        parent, key = rng.choice(places)
        other, other_key = rng.choice(places)
        change = rng.randrange(4)
        if change == 0:
            del parent[key]
        elif change == 1:
            parent[key] = copy.deepcopy(other[other_key])
        elif change == 2 and isinstance(parent, dict):
            parent[rng.choice(keys)] = parent.pop(key)
        else:
            parent[key] = copy.deepcopy(rng.choice(VALUES))  # which later changes may alter
    return json.dumps(document).encode()


def _vary_tree(content: bytes, rng: random.Random) -> bytes:
    """An XML document with other elements, attributes and texts; it stays well-formed."""
    root = ElementTree.fromstring(content)
    for _ in range(rng.choice(CHANGES_AT_ONCE)):
        nodes = list(root.iter())
        node, other, change = rng.choice(nodes), rng.choice(nodes), rng.randrange(8)
        if change == 0 and len(node):
            node.remove(rng.choice(list(node)))
        elif change == 1:
            node.insert(rng.randint(0, len(node)), copy.deepcopy(other))
        elif change == 2:
            node.tag = rng.choice((other.tag, *XML_TAGS))
        elif change < 6 and node.attrib:
            node.set(rng.choice(list(node.attrib)), rng.choice((*XML_TEXTS, *other.attrib.values())))
        elif not len(node):
            node.text = rng.choice((*XML_TEXTS, other.text or ""))
    return ElementTree.tostring(root)


def vary_mildly(content: bytes, rng: random.Random) -> bytes:
    """A LabelMe file changed so that two of three stay readable in form, for one fault has the whole file refused."""
    document = _document(content)
    if document is None or rng.random() < 1 / 3:
        return vary(content, rng, LABELME_KEYS)
    for _ in range(rng.choice(CHANGES_AT_ONCE)):
        places = list(_places(document))
        if places:
            _alter(*rng.choice(places), rng)
    return json.dumps(document).encode()


def _alter(parent: Any, key: Any, rng: random.Random) -> None:
    """Give one part another value of its kind."""
    value = parent[key]
    if isinstance(value, (int, float)):
        parent[key] = rng.choice((-value, 0, rng.uniform(-9, 99), rng.randint(-9, 99), rng.choice(NASTY)))
    elif isinstance(value, list) and value:
        place = rng.randrange(len(value))
        changes = [value.reverse]
        if isinstance(value[place], (dict, list)):  # not half of a pair of numbers
            changes += [lambda: value.pop(place), lambda: value.append(copy.deepcopy(value[place]))]
        rng.choice(changes)()


def _document(content: bytes) -> dict[str, Any] | list[Any] | None:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, (dict, list)) else None


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a document: its list or object, and its index or key."""
    for key in list(node) if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], (dict, list)):
            yield from _places(node[key])


def with_sound_checksums(png: bytes) -> bytes:
    """A PNG whose chunks have the right checksums again, so that readers look at what is inside them."""
    parts, at = [png[:8]], 8
    while at + 8 <= len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        body = png[at + 4 : at + 8 + length]
        if length > len(png):
            break
        parts.append(png[at : at + 4] + body + struct.pack(">I", zlib.crc32(body)))
        at += 12 + length
    return b"".join(parts) + png[at:]


def _place(data: bytearray, rng: random.Random) -> int:
    """A position, more often than not in the header."""
    return rng.randrange(min(len(data), HEAD_BYTES) if rng.random() < 0.3 else len(data))


def _flip_bits(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    for _number in range(rng.randint(1, 8)):
        data[_place(data, rng)] ^= 1 << rng.randrange(8)


def _set_number(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    size = rng.choice((1, 2, 4, 8))
    number = rng.choice(NASTY) % (1 << (8 * size))
    at = _place(data, rng)
    data[at : at + size] = number.to_bytes(size, rng.choice(("big", "little")))


def _truncate(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    del data[rng.randrange(len(data)) :]


def _delete(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    del data[at : at + rng.randint(1, 64)]


def _repeat(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    piece = data[at : at + rng.randint(1, 64)]
    data[at:at] = piece * rng.randint(1, 8)


def _insert_noise(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at = _place(data, rng)
    data[at:at] = rng.randbytes(rng.randint(1, 32))


def _overwrite(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    at, length = _place(data, rng), rng.randint(1, 64)
    data[at : at + length] = bytes([rng.choice((0, 0xFF, rng.randrange(256)))]) * length


def _splice(data: bytearray, donors: Sequence[bytes], rng: random.Random) -> None:
    donor = rng.choice(donors)
    start = rng.randrange(len(donor))
    at, length = _place(data, rng), rng.randint(4, 256)
    data[at : at + rng.choice((0, length))] = donor[start : start + length]


def _swap(data: bytearray, _: Sequence[bytes], rng: random.Random) -> None:
    length = rng.choice((1, 4, 16, 64))
    first, second = sorted((_place(data, rng), _place(data, rng)))
    if first + length <= second and second + length <= len(data):
        one, other = data[first : first + length], data[second : second + length]
        data[first : first + length], data[second : second + length] = other, one


CHANGES: tuple[Callable[[bytearray, Sequence[bytes], random.Random], None], ...] = (
    _flip_bits,
    _flip_bits,
    _set_number,
    _set_number,
    _truncate,
    _delete,
    _repeat,
    _insert_noise,
    _overwrite,
    _splice,
    _swap,
)
