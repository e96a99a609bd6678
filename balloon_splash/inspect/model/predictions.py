"""Predictions of a model on the photos of a dataset, small enough to keep for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from detectron2.data import DatasetCatalog
from detectron2.evaluation.coco_evaluation import instances_to_coco_json

from balloon_splash.errors import MediaError
from balloon_splash.inspect.model.matching import CocoResult, category_ids
from balloon_splash.inspect.model.subject import Subject
from balloon_splash.inspect.model.traced import Floats, array
from balloon_splash.modeling import Trace
from balloon_splash.progress import ProgressBar


@dataclass(frozen=True)
class SplitPredictions:
    """Predictions of a model on a dataset.

    Attributes:
        dataset: name of the dataset.
        entries: ``image_id`` to the dataset dict, for the photos that could be read.
        results: all detections, masks run-length coded, as COCO writes results; categories are the dataset's own.
        proposals: ``image_id`` to ``(R, 4)`` proposals, best objectness first, XYXY in pixels of the photo.
        unreadable: file name and reason for each photo that could not be read.
        num_photos: number of photos in the whole dataset, of which these may be a sample.
    """

    dataset: str
    num_photos: int
    entries: dict[int, dict[str, Any]] = field(default_factory=dict)
    results: list[CocoResult] = field(default_factory=list)
    proposals: dict[int, Floats] = field(default_factory=dict)
    unreadable: list[tuple[str, str]] = field(default_factory=list)

    @property
    def sampled(self) -> bool:
        """True if these are only some of the dataset's photos."""
        return len(self.entries) + len(self.unreadable) < self.num_photos


def sample_entries(entries: Sequence[dict[str, Any]], limit: int) -> list[dict[str, Any]]:
    """Return at most ``limit`` dataset dicts, spread evenly over the dataset, hence always the same."""
    if len(entries) <= limit:
        return list(entries)
    return [entries[index] for index in np.linspace(0, len(entries) - 1, limit).round().astype(int)]


def predict_split(subject: Subject, dataset_name: str, *, limit: int = 1000, progress: bool = True) -> SplitPredictions:
    """Run a model over a registered dataset.

    Every detection above ``MODEL.ROI_HEADS.SCORE_THRESH_TEST`` is kept, because average precision needs it.

    Args:
        subject: the model.
        dataset_name: a registered dataset.
        limit: number of photos to take from a larger dataset.
        progress: show a progress bar on stderr.

    Raises:
        DatasetError, AnnotationError: the dataset cannot be read; a single photo that cannot be read is noted instead.
    """
    entries = DatasetCatalog.get(dataset_name)
    categories = category_ids(dataset_name)
    predictions = SplitPredictions(dataset_name, num_photos=len(entries))
    title = f"{subject.name} on {dataset_name}"
    for entry in ProgressBar(sample_entries(entries, limit), desc=title, unit="photo", disable=not progress):
        try:
            trace = subject.trace(subject.read(entry))
        except MediaError as error:
            predictions.unreadable.append((str(entry["file_name"]), str(error)))
            continue
        image_id = entry["image_id"]
        predictions.entries[image_id] = entry
        for result in instances_to_coco_json(trace.results[0].to("cpu"), image_id):
            predictions.results.append({**result, "category_id": categories[result["category_id"]]})
        predictions.proposals[image_id] = _proposals(trace, entry)
    return predictions


def _proposals(trace: Trace, entry: dict[str, Any]) -> Floats:
    """Convert proposals to pixels of the photo instead of the resized one."""
    (proposals,), (size,) = trace.proposals, trace.image_sizes
    scale = np.array([entry["width"] / size[1], entry["height"] / size[0]] * 2, np.float32)
    return array(proposals.proposal_boxes.tensor) * scale
