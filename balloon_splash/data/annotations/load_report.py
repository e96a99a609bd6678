"""Report on the reading of an annotation file, and what is logged of it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from detectron2.utils.logger import log_first_n

from balloon_splash.data.annotations.classes import alike
from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.data.annotations.faults import FaultLog
from balloon_splash.wording import counted

#: Fewest objects that are all upright rectangles by mistake rather than by chance.
_FEWEST_BOXES = 10


@dataclass(frozen=True)
class LoadReport:
    """Report on the reading of an annotation file.

    Attributes:
        class_names: the classes in the order of ``category_id``.
        n_photos: photos in the dataset dicts.
        n_instances: annotations in them, crowds among them.
        n_empty: photos without any region in the file; ``keep_empty`` decides whether they are kept.
        n_crowds: annotations that stand for crowds (``iscrowd``), which are learned as background.
        faults: everything that was wrong.
        notes: remarks on the file as a whole, a sentence each.
        left_out: classes that the file has and ``class_names`` does not.
        misspelt: remark on names in ``class_names`` that no object has, and that resemble one left out.
    """

    class_names: tuple[str, ...]
    n_photos: int
    n_instances: int
    n_empty: int
    n_crowds: int
    faults: FaultLog
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    misspelt: str = ""


def report_on(
    dicts: Sequence[DatasetDict],
    class_names: tuple[str, ...],
    faults: FaultLog,
    *,
    n_empty: int,
    notes: Iterable[str],
    left_out: tuple[str, ...],
) -> LoadReport:
    """Report on dataset dicts; ``notes`` are the reader's own remarks, and the other values those of the report."""
    annotations = [each for entry in dicts for each in entry["annotations"]]
    n_crowds = sum(each["iscrowd"] for each in annotations)
    used = {each["category_id"] for each in annotations}
    misspelt = _misspelt((name for index, name in enumerate(class_names) if index not in used), left_out)
    remarks = (*notes, *alike(class_names), *_boxes_for_outlines(annotations))
    return LoadReport(class_names, len(dicts), len(annotations), n_empty, n_crowds, faults, remarks, left_out, misspelt)


def _misspelt(without_object: Iterable[str], left_out: Sequence[str]) -> str:
    """Return a remark on classes without an object that may be misspellings of classes that are left out."""
    near = {name: get_close_matches(name, left_out, n=1) for name in without_object}
    return "".join(f" (no object has the class {name}; did you mean {each[0]}?)" for name, each in near.items() if each)


def _boxes_for_outlines(annotations: Sequence[dict[str, Any]]) -> list[str]:
    """Return a remark if all objects are upright rectangles, as converters write them that take boxes for masks."""
    if len(annotations) < _FEWEST_BOXES or not all(map(_is_box, annotations)):
        return []
    return [
        f"all {len(annotations)} objects are upright rectangles, so a model learns to fill boxes; expected outlines, "
        "which some converters replace by boxes (docs/other_tools.md)"
    ]


def _is_box(annotation: dict[str, Any]) -> bool:
    outline, (x0, y0, x1, y1) = annotation["segmentation"], annotation["bbox"]
    if not isinstance(outline, list) or len(outline) != 1 or len(outline[0]) != 8:
        return False
    corners = zip(outline[0][::2], outline[0][1::2], strict=True)
    return {(float(x), float(y)) for x, y in corners} == {(x0, y0), (x1, y0), (x1, y1), (x0, y1)}


def log_report(report: LoadReport, keep_empty: bool) -> None:
    """Log what was read in one line, with a table of the faults behind it; as a warning where there is any remark."""
    faults = report.faults
    summary = f"{faults.file}: {counted(report.n_photos, 'photo')}, {counted(report.n_instances, 'instance')}"
    if report.n_empty:
        summary += f"; {counted(report.n_empty, 'photo')} without regions {'kept' if keep_empty else 'left out'}"
    if report.left_out:
        summary += f"; classes left out: {', '.join(report.left_out)}{report.misspelt}"
    if report.n_crowds:
        summary += f"; {crowd_advice(report.n_crowds)}"
    summary = "; ".join((summary, *report.notes))
    # A run reads a dataset more than once; its faults are reported once.
    if faults:
        text = (
            f"{summary}; {counted(len(faults), 'fault')}, {len(faults.dropped)} of which cost a region or photo:\n"
            f"{faults.table()}"
        )
        log_first_n(logging.WARNING, text, key="message", name=__name__)
    else:
        level = logging.WARNING if report.n_crowds or report.notes else logging.INFO
        log_first_n(level, summary, key="message", name=__name__)


def crowd_advice(count: int) -> str:
    """Explain the effect of regions marked as crowds, and the remedy where they are single objects."""
    return (
        f"{counted(count, 'region')} marked as crowds (iscrowd 1), which are learned as background; if each is one "
        "object, as CVAT's brush writes them, read them with crowds_as_objects=True, or convert the file with "
        "tools/convert_annotations.py --crowds-as-objects"
    )
