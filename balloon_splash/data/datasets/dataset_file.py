"""Dataset file: one YAML that names annotations, photos and classes, for ``--dataset`` of every command::

    name: toys                       # in reports and DATASETS.TRAIN: toys_train, toys_val (default: balloon_...)
    classes: [kite, cup]             # all classes, in the order of their numbers; others in the files are left out
    class_attribute: kind            # attribute of VIA files that holds the class
    colors: ["#e69f00", "#56b4e9"]   # one per class; by default distinct for any colour vision
    format: auto                     # or via, coco, labelme, yolo, ...
    keep_empty: false                # true: photos without objects are negatives
    crowds_as_objects: false         # true: COCO's iscrowd 1 marks one object, as CVAT's brush writes it
    limits: {max_file_bytes: 134217728}   # of balloon_splash.Limits, for very large files
    train: train                     # a folder, or {annotations: train.json, images: photos}
    val: {annotations: val.json, images: photos}

Paths are relative to the file. Only ``train`` and ``val`` are required. A file of Ultralytics' YOLO, with ``names``, is
read as its documentation says (https://docs.ultralytics.com/datasets/segment/).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from balloon_splash.data.annotations.formats import AUTO, FORMATS
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.datasets.folders import SPLITS
from balloon_splash.data.datasets.layout import Split
from balloon_splash.errors import DatasetError, one_line
from balloon_splash.palette import Color

_KEYS = ("name", "classes", "class_attribute", "colors", "format", "keep_empty", "crowds_as_objects", "limits", *SPLITS)
_NAME = re.compile(r"[\w-]+")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class DatasetFile:
    """Contents of a dataset file.

    Attributes:
        splits: ``train`` and ``val``.
        name: beginning of the names of its sets, which are registered as ``balloon_...``, too.
        classes: names in the order of ``category_id``; None takes those of the annotations.
        class_attribute: attribute of VIA files that holds the class.
        colors: RGB in 0..255, one per class.
        format: a name of :mod:`balloon_splash.data.annotations.formats`, or ``auto``.
        keep_empty, crowds_as_objects, limits: see :class:`balloon_splash.data.annotations.records.ReadOptions`.
    """

    splits: Mapping[str, Split]
    name: str | None = None
    classes: tuple[str, ...] | None = None
    class_attribute: str | None = None
    colors: tuple[Color, ...] | None = field(default=None)
    format: str = "auto"
    keep_empty: bool = False
    crowds_as_objects: bool = False
    limits: Limits = DEFAULT_LIMITS


def is_dataset_file(what: str | Path) -> bool:
    """Return whether ``--dataset`` names a dataset file."""
    return Path(what).suffix.lower() in (".yaml", ".yml")


def read_dataset_file(path: str | Path) -> DatasetFile:
    """Read a dataset file.

    Raises:
        DatasetError: it cannot be read, or a key is missing, unknown or of the wrong kind.
    """
    try:
        document = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, yaml.YAMLError) as error:
        raise DatasetError(f"{path}: not a YAML file ({one_line(error)})") from error
    if not isinstance(document, dict):
        raise DatasetError(f"{path}: {type(document).__name__} found; expected keys, at least train and val")
    if "names" in document:
        return DatasetFile(splits={split: _yolo_split(Path(path), split, document) for split in SPLITS}, format="yolo")
    _check_keys(path, document)
    classes = _texts(path, document, "classes")
    name = _text(path, document, "name")
    if name is not None and not _NAME.fullmatch(name):
        raise DatasetError(f"{path}: name is {name!r}; expected letters, digits, - and _")
    return DatasetFile(
        splits={split: _split(path, split, document[split]) for split in SPLITS},
        name=name,
        classes=classes,
        class_attribute=_text(path, document, "class_attribute"),
        colors=_colors(path, document, classes),
        format=_format(path, document),
        keep_empty=_flag(path, document, "keep_empty"),
        crowds_as_objects=_flag(path, document, "crowds_as_objects"),
        limits=_limits(path, document),
    )


def _check_keys(path: str | Path, document: Mapping[Any, object]) -> None:
    if "nc" in document:
        raise DatasetError(f"{path}: a file of YOLO without names; expected the names of its classes")
    unknown = [key for key in document if key not in _KEYS]
    if unknown:
        near = difflib.get_close_matches(str(unknown[0]), _KEYS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected some of {', '.join(_KEYS)}"
        raise DatasetError(f"{path}: unknown key {unknown[0]}; {hint}")
    missing = [split for split in SPLITS if document.get(split) is None]
    if missing:
        raise DatasetError(f"{path}: no {missing[0]}; expected {missing[0]}: FOLDER, or annotations and images of it")


def _split(path: str | Path, name: str, value: object) -> Split:
    root = Path(path).parent
    if isinstance(value, str):
        return Split(root / value)
    match value:
        case {"annotations": str(annotations), "images": str(images), **rest} if not rest:
            return Split(root / annotations, root / images)
        case {"annotations": str(annotations), **rest} if not rest:
            return Split(root / annotations)
    raise DatasetError(f"{path}: {name} is {value!r}; expected a folder, a file, or {{annotations: ..., images: ...}}")


def _yolo_split(path: Path, name: str, document: Mapping[str, object]) -> Split:
    """Return a split of a file of YOLO: its images are in a folder seen from ``path`` in it, or from the file."""
    base, value = document.get("path") or ".", document.get(name)
    if value is None:
        raise DatasetError(f"{path}: no {name}; expected {name}: FOLDER of images, seen from path")
    if not isinstance(base, str) or not isinstance(value, str):
        raise DatasetError(f"{path}: path is {base!r} and {name} is {value!r}; expected folders, a text each")
    root = path.parent / base
    # Ultralytics, too, takes Roboflow's "../train/images" for train/images beside the file.
    places = [(root / each).resolve() for each in (value, value.removeprefix("../"))]
    found = next((each for each in places if each.is_dir()), None)
    if found is None:
        raise DatasetError(f"{path}: {name} is {value!r}; no such folder as {places[0]}; expected one of images")
    return Split(path, found)


def _text(path: str | Path, document: Mapping[str, object], key: str) -> str | None:
    value = document.get(key)
    if value is not None and not isinstance(value, str):
        raise DatasetError(f"{path}: {key} is {value!r}; expected a word")
    return value


def _format(path: str | Path, document: Mapping[str, object]) -> str:
    value = _text(path, document, "format") or AUTO
    if value not in (AUTO, *FORMATS):
        near = difflib.get_close_matches(value, FORMATS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected {AUTO} or one of {', '.join(FORMATS)}"
        raise DatasetError(f"{path}: format is {value!r}; {hint}")
    return value


def _flag(path: str | Path, document: Mapping[str, object], key: str) -> bool:
    value = document.get(key, False)
    if not isinstance(value, bool):
        raise DatasetError(f"{path}: {key} is {value!r}; expected true or false")
    return value


def _limits(path: str | Path, document: Mapping[str, object]) -> Limits:
    value = document.get("limits", {})
    known = [each.name for each in fields(Limits)]
    if not isinstance(value, dict) or not all(key in known and type(each) is int for key, each in value.items()):
        raise DatasetError(f"{path}: limits are {value!r}; expected whole numbers of some of {', '.join(known)}")
    return Limits(**value)


def _texts(path: str | Path, document: Mapping[str, object], key: str) -> tuple[str, ...] | None:
    value = document.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(isinstance(each, str) for each in value):
        raise DatasetError(f"{path}: {key} is {value!r}; expected a list of words, such as [kite, cup]")
    return tuple(value)


def _colors(
    path: str | Path, document: Mapping[str, object], classes: tuple[str, ...] | None
) -> tuple[Color, ...] | None:
    colors = _texts(path, document, "colors")
    if colors is None:
        return None
    wrong = [color for color in colors if not _COLOR.fullmatch(color)]
    if wrong:
        raise DatasetError(f'{path}: colour {wrong[0]!r}; expected "#rrggbb", in quotes')
    if classes is None or len(colors) != len(classes):
        raise DatasetError(f"{path}: {len(colors)} colors for {len(classes or ())} classes; expected one per class")
    return tuple((int(each[1:3], 16), int(each[3:5], 16), int(each[5:7], 16)) for each in colors)
