"""Reports about a model: one photo stage by stage, a whole dataset in numbers, two models side by side."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.evaluation.coco_evaluation import instances_to_coco_json
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from balloon_splash.data.datasets.examine import examine_datasets
from balloon_splash.data.training.reading import read_photo
from balloon_splash.errors import UsageError
from balloon_splash.inspect.dataset.source import dataset_files
from balloon_splash.inspect.model.comparison import detections_figure, most_different, pair_figure, precision_rows
from balloon_splash.inspect.model.matching import (
    IouType,
    PhotoMatches,
    category_ids,
    coco_truth,
    match_photos,
    mean_iou,
    reasons,
    run_coco,
    worst_first,
)
from balloon_splash.inspect.model.predictions import SplitPredictions, predict_split
from balloon_splash.inspect.model.split_figures import (
    calibration_figure,
    confusion_figure,
    precision_recall_figure,
    recall_figure,
    size_figure,
)
from balloon_splash.inspect.model.split_metrics import (
    AP_NAMES,
    average_precisions,
    calibration,
    confusion,
    precision_recall,
    proposal_recall,
    size_and_iou,
)
from balloon_splash.inspect.model.stages import add_stages
from balloon_splash.inspect.model.subject import Subject
from balloon_splash.inspect.model.traced import TracedPhoto
from balloon_splash.inspect.model.truth_figures import matches_figure, matches_rows
from balloon_splash.inspect.model.weights import RULE, histograms_figure, layer_weights
from balloon_splash.inspect.page.report import Report
from balloon_splash.inspect.page.style import shorten
from balloon_splash.weights.checkpoint import compare_classes
from balloon_splash.wording import counted

_TASKS: dict[IouType, str] = {"bbox": "boxes", "segm": "masks"}
_SHOWN_PHOTOS = 12


@dataclass(frozen=True)
class Judged:
    """Predictions of a model on a dataset, matched with its ground truth.

    Attributes:
        subject: the model.
        predictions: its predictions.
        truth: the ground truth.
        evaluations: pycocotools' evaluation of boxes and of masks.
        matches: one per photo, of detections from the confidence up.
    """

    subject: Subject
    predictions: SplitPredictions
    truth: COCO
    evaluations: dict[IouType, COCOeval]
    matches: list[PhotoMatches]

    @property
    def precisions(self) -> dict[IouType, dict[str, float]]:
        """Map task to metric to percent, as the evaluation during training does."""
        return {task: average_precisions(evaluation) for task, evaluation in self.evaluations.items()}


def check_dataset(subject: Subject, name: str) -> None:
    """Refuse a dataset that does not exist or has other classes than the model.

    Raises:
        ConfigError, DatasetError, WeightsError: it does not fit.
    """
    cfg = subject.cfg.clone()
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST = (), (name,)
    with dataset_files(name):
        examine_datasets(cfg, open_photos=False)
    compare_classes(subject.class_names, MetadataCatalog.get(name).thing_classes, subject.name)


def judge(subject: Subject, dataset_name: str, *, confidence: float, limit: int, progress: bool = True) -> Judged:
    """Run a model over a dataset and match its detections with the ground truth.

    Raises:
        ConfigError, DatasetError, AnnotationError: the dataset cannot be read, or does not fit the model.
    """
    check_dataset(subject, dataset_name)
    predictions = predict_split(subject, dataset_name, limit=limit, progress=progress)
    truth, seen = coco_truth(dataset_name), list(predictions.entries)
    evaluations = {task: run_coco(truth, predictions.results, task, image_ids=seen) for task in _TASKS}
    matches = match_photos(truth, predictions.results, confidence=confidence, image_ids=seen)
    return Judged(subject, predictions, truth, evaluations, matches)


def find_entry(dataset_name: str, photo: Path) -> dict[str, Any]:
    """Find the dataset dict of a photo.

    Raises:
        UsageError: the photo is not in the dataset.
    """
    for entry in DatasetCatalog.get(dataset_name):
        if Path(entry["file_name"]).name == photo.name and photo.samefile(entry["file_name"]):
            return dict(entry)
    raise UsageError(f"{photo}: not among the photos of {dataset_name}; expected one of its files")


def photo_report(
    photo: Path,
    subjects: Sequence[Subject],
    *,
    confidence: float,
    dataset_name: str | None = None,
    progress: bool = True,
) -> Report:
    """Report on one photo: every stage of the first model, how its objects were found, how a second model compares.

    Args:
        photo: the file.
        subjects: one model, or two to compare.
        confidence: detections with a lower score get no mask.
        dataset_name: dataset with the ground truth.
        progress: report progress on stderr.

    Raises:
        MediaError: the photo cannot be read.
        UsageError, DatasetError, ConfigError: the ground truth is not available.
    """
    for subject in subjects if dataset_name else ():
        check_dataset(subject, str(dataset_name))
    entry = find_entry(dataset_name, photo) if dataset_name else {"file_name": str(photo)}
    if progress:
        print(f"running on {photo.name}", file=sys.stderr)
    traced = [TracedPhoto.run(subject, entry, confidence=confidence) for subject in subjects]
    report = Report(
        f"{photo.name}, seen by {subjects[0].name}",
        "What happens to one photo inside Mask R-CNN, stage by stage, and where in the code. Every picture was drawn "
        "from the same forward pass.",
        sections=(5 + bool(dataset_name) + (len(traced) == 2)) * progress,
    )
    add_stages(report, traced[0])
    if dataset_name:
        _add_truth(report, traced[0], dataset_name)
    if len(traced) == 2:
        report.section("Two models", f"`{traced[0].subject.name}` and `{traced[1].subject.name}` on this photo.")
        report.figure(
            detections_figure(*traced),
            "comparison",
            "What does one model find that the other does not?",
            f"Outlines and scores of everything above {confidence:g}.",
        )
    add_weights(report, subjects[0])
    return report


def _add_truth(report: Report, photo: TracedPhoto, dataset_name: str) -> None:
    truth, categories = coco_truth(dataset_name), category_ids(dataset_name)
    image_id = photo.entry["image_id"]
    results = [
        {**result, "category_id": categories[result["category_id"]]}
        for result in instances_to_coco_json(photo.trace.results[0].to("cpu"), image_id)
    ]
    (matches,) = match_photos(truth, results, confidence=photo.confidence, image_ids=[image_id])
    report.section(
        "Against the truth",
        "A detection matches an object if their masks overlap by an IoU of at least 0.5 and no better detection has it "
        "already; pycocotools decides. The others are duplicates, poor masks of something, or background.",
    )
    report.figure(
        matches_figure(photo.image, matches, truth, reasons(matches)),
        "matches",
        "Which objects are found, and how exactly?",
        "Solid outlines are detections, dashed ones are objects that were missed.",
    )
    report.table(["what it is", "score", "IoU of masks", "IoU of boxes"], matches_rows(matches), "Each detection")


def split_report(
    dataset_name: str, subjects: Sequence[Subject], *, confidence: float, limit: int = 1000, progress: bool = True
) -> Report:
    """Report on a whole dataset: how good the first model is, where it fails, how a second model compares.

    Args:
        dataset_name: a registered dataset.
        subjects: one model, or two to compare.
        confidence: lowest score of detections in the confusion matrix and in the findings on single photos.
        limit: number of photos to take from a larger dataset.
        progress: report progress on stderr.

    Raises:
        DatasetError, AnnotationError, ConfigError: the dataset cannot be read, or does not fit the model.
    """
    judged = [
        judge(subject, dataset_name, confidence=confidence, limit=limit, progress=progress) for subject in subjects
    ]
    first = judged[0]
    num_seen = len(first.predictions.entries)
    sample = f", a sample of {first.predictions.num_photos}" if first.predictions.sampled else ""
    report = Report(
        f"{subjects[0].name} on {dataset_name}",
        f"{counted(num_seen, 'photo')}{sample}, {counted(len(first.predictions.results), 'detection')}. Average "
        f"precision counts all of them; what is said of single objects counts those with a score of at least "
        f"{confidence:g}.",
        sections=(4 + (len(judged) == 2)) * progress,
    )
    add_precision(report, first)
    add_behaviour(report, first, confidence=confidence)
    add_worst_photos(report, first)
    if len(judged) == 2:
        add_comparison(report, judged[0], judged[1])
    add_weights(report, subjects[0])
    return report


def add_precision(report: Report, judged: Judged) -> None:
    """Add the AP table, the precision-recall curves, and the photos that could not be read."""
    report.section(
        "How good is it?",
        "Average precision as COCO defines it, by pycocotools: the same numbers as `tools/train_net.py --eval-only` "
        "gives. AP is the mean over IoU 0.5 to 0.95; s, m and l are objects below 32 x 32, below 96 x 96, and above. "
        "A dash stands for a size that does not occur.",
    )
    rows = [[_TASKS[task], *(_number(values[name]) for name in AP_NAMES)] for task, values in judged.precisions.items()]
    report.table(["", *AP_NAMES], rows, "Average precision in percent")
    curves = {task: precision_recall(evaluation) for task, evaluation in judged.evaluations.items()}
    report.figure(
        precision_recall_figure(curves["bbox"][0], {"boxes": curves["bbox"][1], "masks": curves["segm"][1]}),
        "precision-recall",
        "How far right does a curve stay high? That share of objects is found without false alarms",
        "Going right, the score at which a detection counts falls. A curve for each IoU from which a detection is "
        "right; where even the least sure detections leave objects out, it drops to zero.",
        svg=True,
    )
    if judged.predictions.unreadable:
        unreadable = [[Path(name).name, reason] for name, reason in judged.predictions.unreadable]
        report.table(["photo", "reason"], unreadable, "Photos that could not be read, and count nowhere")


def _number(value: float) -> str:
    return f"{value:.1f}" if value == value else "–"  # NaN is the only number that differs from itself


def add_behaviour(report: Report, judged: Judged, *, confidence: float) -> None:
    """Add calibration, confusion, IoU against size, and proposal recall."""
    report.section("How does it behave?", "Can its scores be believed, what does it mix up, and what does it overlook?")
    report.figure(
        calibration_figure(calibration(judged.evaluations["segm"])),
        "calibration",
        "Points below the diagonal: surer than it should be",
        "Detections in bins of their score, and how many of each bin are right. A bin of few detections says little.",
        svg=True,
    )
    categories = category_ids(judged.predictions.dataset)
    report.figure(
        confusion_figure(confusion(judged.matches, categories), judged.subject.class_names),
        "confusion",
        "All counts should lie on the diagonal",
        f"Detections from {confidence:g} up. The last row holds false alarms, the last column missed objects.",
    )
    report.figure(
        size_figure(*size_and_iou(judged.matches)),
        "size",
        "Are the objects that it misses the small ones?",
        f"A point for each object. Dotted lines part small, medium and large as COCO does. Detections from "
        f"{confidence:g} up.",
        svg=True,
    )
    recalls = {iou: proposal_recall(judged.truth, judged.predictions.proposals, iou) for iou in (0.5, 0.7)}
    report.figure(
        recall_figure(recalls),
        "proposal-recall",
        "An object that no proposal covers is lost: where does the curve end?",
        "The share of objects that one of the best n proposals of the first stage covers; to be read with "
        "MODEL.RPN.POST_NMS_TOPK_TEST.",
        svg=True,
    )


def add_worst_photos(report: Report, judged: Judged) -> None:
    """Add a table of all photos, worst first, and pictures of the worst."""
    report.section(
        "The worst photos first",
        "Missed: no detection matches the object. Duplicate: another detection already has the object. Poor mask: it "
        "overlaps an object, but by an IoU below 0.5. Background: there is no object.",
    )
    worst = worst_first(judged.matches)
    names = {image_id: Path(entry["file_name"]).name for image_id, entry in judged.predictions.entries.items()}
    rows = [[names[photo.image_id], reasons(photo), mean_iou(photo)] for photo in worst]
    report.table(["photo", "mistakes", "mean IoU of matches"], rows, "All photos")
    for number, photo in enumerate(worst[:_SHOWN_PHOTOS], start=1):
        image = read_photo(judged.predictions.entries[photo.image_id]["file_name"])
        report.figure(
            matches_figure(image, photo, judged.truth, shorten(names[photo.image_id], 60)),
            f"worst-{number:02d}",
            f"{number}: {reasons(photo)}",
            "Solid outlines are detections, dashed ones are objects that were missed.",
        )


def add_comparison(report: Report, first: Judged, second: Judged) -> None:
    """Add AP of two models side by side, and the photos on which they differ most."""
    names = (first.subject.name, second.subject.name)
    report.section("Two models", f"`{names[0]}` and `{names[1]}` on the same photos.")
    rows = [
        [_TASKS[task], metric, *(_number(value) for value in values)]
        for task, metric, *values in precision_rows(first.precisions, second.precisions)
    ]
    report.table(["", "metric", *names, "gain of the second"], rows, "Average precision in percent")
    for number, pair in enumerate(most_different(first.matches, second.matches)[: _SHOWN_PHOTOS // 2], start=1):
        entry = first.predictions.entries[pair[0].image_id]
        report.figure(
            pair_figure(read_photo(entry["file_name"]), pair, first.truth, names),
            f"comparison-{number:02d}",
            f"{shorten(Path(entry['file_name']).name, 40)}: {reasons(pair[0])} / {reasons(pair[1])}",
            f"Left {names[0]}, right {names[1]}. The photos whose numbers of mistakes differ most come first.",
        )


def add_weights(report: Report, subject: Subject) -> None:
    """Add histograms of the weights and the table that flags layers."""
    layers = layer_weights(subject.model)
    faulty = sum(bool(layer.fault) for layer in layers)
    report.section("The weights", RULE)
    rows = [
        [layer.name, " x ".join(map(str, layer.shape)), f"{layer.mean:.1e}", f"{layer.std:.1e}",
         f"{layer.largest:.1e}", f"{layer.dead_filters:.0%}", layer.fault or "ok"]
        for layer in sorted(layers, key=lambda layer: not layer.fault)
    ]  # fmt: skip
    headers = ["layer", "shape", "mean", "std", "largest", "dead filters", "verdict"]
    report.table(headers, rows, f"{faulty} of {len(layers)} layers flagged")
    report.figure(
        histograms_figure(subject.model, layers),
        "weights",
        "A healthy layer has a narrow bell around zero, and more than one bar",
        "The weights of each layer; flagged layers are orange. A flat block is how some layers start (uniform random "
        "numbers): such a layer has learnt little yet.",
    )
