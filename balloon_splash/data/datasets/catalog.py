"""Datasets of every format in Detectron2's ``DatasetCatalog`` and ``MetadataCatalog``."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import cycle, islice
from pathlib import Path

# Detectron2 is imported where it is needed: importing it triggers this package's registration, which imports this very
# module and would find it half-made if the import were here.
from balloon_splash.data.annotations.classes import check_class_options
from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.formats import AUTO, FORMATS, load_annotations
from balloon_splash.data.annotations.limits import DEFAULT_LIMITS, Limits
from balloon_splash.data.annotations.load_report import LoadReport
from balloon_splash.data.annotations.records import ReadOptions
from balloon_splash.errors import DatasetError, UsageError
from balloon_splash.palette import PALETTE, Color


@dataclass(frozen=True)
class AnnotatedDataset:
    """Loader of a dataset of any format for ``DatasetCatalog``: a call reads the dataset dicts.

    The attributes are the arguments of :func:`register_instances`; two registrations are the same if all are equal.
    """

    name: str
    annotations: Path
    image_root: Path | None
    format: str
    options: ReadOptions
    colors: tuple[Color, ...] | None
    hint: str

    def __call__(self) -> list[DatasetDict]:
        """Read the dataset, as ``DatasetCatalog.get`` does; raise what :meth:`load` raises."""
        return self.load()[0]

    def load(self) -> tuple[list[DatasetDict], LoadReport]:
        """Read the dataset, with a report on its faults.

        Raises:
            AnnotationError: the file is damaged or of another format; or any fault if ``strict``.
            DatasetError: the file or the image folder is missing, no photo is usable, or the classes in the file are no
                longer those of the first reading.
        """
        if not self.annotations.exists():
            raise DatasetError(
                f"{self.annotations}: no such annotation file for dataset {self.name}. {self.hint}".strip()
            )
        dicts, report = load_annotations(self.annotations, self.image_root, format=self.format, options=self.options)
        self._note_classes(report.class_names)
        return dicts, report

    def _note_classes(self, class_names: tuple[str, ...]) -> None:
        """Set the classes in the metadata, if they were not known before the file was read."""
        from detectron2.data import MetadataCatalog

        metadata = MetadataCatalog.get(self.name)
        known = metadata.get("thing_classes", list(class_names))
        if known != list(class_names):
            message = f"the classes were {', '.join(known)} and are now {', '.join(class_names)}; register it again"
            raise DatasetError(f"{self.annotations}: {message}")
        metadata.set(thing_classes=known, thing_colors=_colors_for(class_names, self.colors))


def register_instances(
    name: str,
    path: str | os.PathLike[str],
    images: str | os.PathLike[str] | None = None,
    *,
    format: str = AUTO,
    class_names: Sequence[str] | None = None,
    class_attribute: str | None = None,
    colors: Sequence[Color] | None = None,
    keep_empty: bool = False,
    close_polylines: bool = False,
    crowds_as_objects: bool = False,
    strict: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    hint: str = "",
) -> None:
    """Register annotations of any known format under ``name``; they are read at ``DatasetCatalog.get(name)``.

    Registering again with the same arguments does nothing; with others, it replaces the dataset and its metadata.
    The metadata has ``thing_classes``, ``thing_colors``, ``evaluator_type`` ("coco"), ``image_root``,
    ``annotation_file``, ``class_attribute`` and ``keep_empty``; not ``json_file``, which ``COCOEvaluator`` would read
    as a COCO file. With ``class_names=None``, classes and colours exist only after the first
    ``DatasetCatalog.get(name)``, and two splits may have different classes, so name them where it matters.

    Args:
        name: name of the dataset.
        path: the annotation file, or the folder that holds the annotations.
        images: the folder of the photos; ``None`` searches beside the annotations.
        format: a name in :data:`balloon_splash.data.annotations.formats.FORMATS`; ``auto`` recognises it.
        class_names: the classes in the order of ``category_id``; ``None`` takes those that the file declares, or else
            all that occur, in order of name.
        class_attribute: attribute of the regions of VIA files that holds the class.
        colors: RGB in 0..255, one for each of ``class_names``; by default distinct for any colour vision.
        keep_empty: keep photos without regions, as negatives, also in training.
        close_polylines: read a polyline with open ends as a polygon.
        crowds_as_objects: treat each region marked ``iscrowd`` as one object, as CVAT marks regions from its brush.
        strict: raise at the first fault of the file.
        limits: bounds on the file.
        hint: instructions for getting the data, appended to the error if the annotations are missing.

    Raises:
        UsageError: there is no such format, the class options contradict each other, or the numbers of colours and
            classes differ.
    """
    if format not in (AUTO, *FORMATS):
        raise UsageError(f"format is {format!r}; expected {AUTO} or one of {', '.join(FORMATS)}")
    if format in ("via", "via3") or class_names is not None:
        check_class_options(class_names, class_attribute, labelled=format not in ("via", "via3"))
    if colors is not None and len(colors) != len(class_names or ()):
        raise UsageError(f"dataset {name}: {len(colors)} colors for {len(class_names or ())} class_names")
    options = ReadOptions(
        class_names=None if class_names is None else tuple(class_names),
        class_attribute=class_attribute,
        keep_empty=keep_empty,
        close_polylines=close_polylines,
        crowds_as_objects=crowds_as_objects,
        strict=strict,
        limits=limits,
    )
    _register(
        AnnotatedDataset(
            name=name,
            annotations=Path(path),
            image_root=None if images is None else Path(images),
            format=format,
            options=options,
            colors=None if colors is None else tuple(colors),
            hint=hint,
        )
    )


def register_via_instances(
    name: str,
    annotations: str | os.PathLike[str],
    image_root: str | os.PathLike[str],
    *,
    class_names: Sequence[str] | None = ("balloon",),
    class_attribute: str | None = None,
    colors: Sequence[Color] | None = None,
    keep_empty: bool = False,
    close_polylines: bool = False,
    strict: bool = False,
    limits: Limits = DEFAULT_LIMITS,
    hint: str = "",
) -> None:
    """Register a file of VIA 1 or 2 under ``name``: :func:`register_instances` with one class, ``balloon``, by default.

    Args:
        name: name of the dataset.
        annotations: VIA 1 or 2 JSON, project or CSV.
        image_root: the folder of the photos.
        class_names, class_attribute, colors, keep_empty, close_polylines, strict, limits, hint: see
            :func:`register_instances`.

    Raises:
        UsageError: the class options contradict each other, or the numbers of colours and classes differ.
    """
    register_instances(
        name,
        annotations,
        image_root,
        format="via",
        class_names=class_names,
        class_attribute=class_attribute,
        colors=colors,
        keep_empty=keep_empty,
        close_polylines=close_polylines,
        strict=strict,
        limits=limits,
        hint=hint,
    )


def _register(dataset: AnnotatedDataset) -> None:
    from detectron2.data import DatasetCatalog, MetadataCatalog

    name, options = dataset.name, dataset.options
    if name in DatasetCatalog and DatasetCatalog[name] == dataset:
        return
    DatasetCatalog.pop(name, None)
    MetadataCatalog.pop(name, None)  # its values may be set once only
    DatasetCatalog.register(name, dataset)
    metadata = MetadataCatalog.get(name)
    metadata.set(
        evaluator_type="coco",
        image_root=str(dataset.image_root or dataset.annotations.parent),
        annotation_file=str(dataset.annotations),
        class_attribute=options.class_attribute,
        keep_empty=options.keep_empty,
    )
    if options.class_names is not None:
        colors = _colors_for(options.class_names, dataset.colors)
        metadata.set(thing_classes=list(options.class_names), thing_colors=colors)


def _colors_for(class_names: tuple[str, ...], colors: tuple[Color, ...] | None) -> list[Color]:
    return list(islice(cycle(colors or PALETTE), len(class_names)))


def check_registered(name: str) -> None:
    """Refuse a name that ``DatasetCatalog`` does not know.

    Raises:
        DatasetError: the name is unknown; suggests the nearest known names.
    """
    from detectron2.data import DatasetCatalog

    if name not in DatasetCatalog:
        near = get_close_matches(name, DatasetCatalog.list())
        known = f"did you mean {', '.join(near)}?" if near else f"{len(DatasetCatalog.list())} others are"
        raise DatasetError(
            f"dataset {name!r} is not registered; {known}; expected such a name, or a folder with train/ and val/ in it"
        )


def register_loader(
    name: str, loader: Callable[[], list[DatasetDict]], class_names: Sequence[str], image_root: str
) -> None:
    """Register ``loader`` in ``DatasetCatalog``, and classes and colours in ``MetadataCatalog``.

    Args:
        name: name of the dataset; an existing one is replaced.
        loader: function without arguments that returns Detectron2's dataset dicts.
        class_names: names in the order of ``category_id``.
        image_root: the folder of the photos.
    """
    # Not at the top: importing detectron2.data imports this package's registrations.
    from detectron2.data import DatasetCatalog, MetadataCatalog

    DatasetCatalog.pop(name, None)
    MetadataCatalog.pop(name, None)  # its values may be set once only
    DatasetCatalog.register(name, loader)
    MetadataCatalog.get(name).set(
        thing_classes=list(class_names),
        thing_colors=list(islice(cycle(PALETTE), len(class_names))),
        evaluator_type="coco",
        image_root=image_root,
    )


def register_labelme(name: str, folder: str | os.PathLike[str], *, class_names: Sequence[str]) -> None:
    """Register the LabelMe files in ``folder`` under ``name``: :func:`register_instances` for this one format.

    Args:
        name: name of the dataset; an existing one is replaced.
        folder: the folder of the JSON files, to which ``imagePath`` in them is relative.
        class_names: the labels, in the order of ``category_id``.

    Raises:
        UsageError: ``class_names`` is a bare text, empty or repeated.
    """
    register_instances(name, folder, folder, format="labelme", class_names=class_names)


def register_png_masks(name: str, root: str | os.PathLike[str], *, class_name: str = "object") -> None:
    """Register one PNG mask per object under ``name``: :func:`register_instances` for this format, with empty images.

    Args:
        name: name of the dataset; an existing one is replaced.
        root: a folder in the 2018 Data Science Bowl's layout: ``<image_id>/images/*.png``, ``<image_id>/masks/*.png``.
        class_name: the class of all objects.
    """
    register_instances(name, root, root, format="png-masks", class_names=[class_name], keep_empty=True)
