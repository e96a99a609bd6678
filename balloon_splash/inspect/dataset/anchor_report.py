"""Chapter of the data report on anchors: do they fit the objects, and would others fit better?"""

from __future__ import annotations

from collections.abc import Sequence

from detectron2.config import CfgNode

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.inspect.dataset.anchor_figures import center_anchors_figure, coverage_figure, labels_figure
from balloon_splash.inspect.dataset.anchor_targets import positive_roi_shares
from balloon_splash.inspect.dataset.anchors import (
    AnchorModel,
    Coverage,
    measure_coverage,
    suggest_anchors,
    training_sizes,
)
from balloon_splash.inspect.dataset.source import draw_sample
from balloon_splash.inspect.dataset.statistics import SIZE_NAMES
from balloon_splash.inspect.page.report import Report
from balloon_splash.progress import ProgressBar

MAX_PHOTOS = 150  # enough for two digits of recall


def add_anchors(report: Report, photos: Sequence[DatasetDict], cfg: CfgNode, *, progress: bool = True) -> None:
    """Add the chapter, for ``photos`` with objects that can be read.

    Raises:
        ConfigError: the configuration has no region proposal network.
    """
    model = AnchorModel(cfg)
    chosen = draw_sample(photos, MAX_PHOTOS)
    _add_layout(report, model, chosen)
    current = measure_coverage(model, ProgressBar(chosen, desc="anchors", unit="photo", disable=not progress))
    suggestion = suggest_anchors(cfg, current.shapes)
    coverages = [("configured", current)]
    if suggestion is not None:
        suggested = AnchorModel(suggestion.apply(cfg))
        bar = ProgressBar(chosen, desc="suggested anchors", unit="photo", disable=not progress)
        coverages.append(("suggested", measure_coverage(suggested, bar)))
    _add_coverage(report, coverages, model.rpn.in_features, len(chosen))
    if suggestion is None:
        report.section("Better anchors?", "There are too few different objects to suggest anchors from.")
    else:
        settings = f"MODEL.ANCHOR_GENERATOR.SIZES `{suggestion.sizes}` and ASPECT_RATIOS `{suggestion.ratios}`"
        report.section("Better anchors?", f"{_verdict(coverages)} k-means on IoU (YOLO9000) suggests {settings}.")
        rows: list[list[object]] = [
            [name, each.mean_iou, 100 * each.recall(0.5), 100 * each.recall(0.7)] for name, each in coverages
        ]
        report.table(
            ["anchors", "mean best IoU", "recall at 0.5, %", "recall at 0.7, %"], rows, "Gain of fitted anchors"
        )
    _add_targets(report, model, chosen)


def _add_layout(report: Report, model: AnchorModel, photos: Sequence[DatasetDict]) -> None:
    report.section(
        "Do the anchors fit?",
        "The RPN does not search for boxes, it corrects them: at every cell of every level of the feature pyramid "
        "stand a few fixed anchors. An object is learned well if some anchor is near it from the start. "
        "Sizes and ratios are `MODEL.ANCHOR_GENERATOR` in the configuration.",
    )
    photo = photos[0]
    size = training_sizes(model.cfg, photo)[-1]
    rows: list[list[object]] = []
    cells = model.rpn.anchor_generator.cell_anchors
    for level, (boxes, cell) in enumerate(zip(model.anchors(size), cells, strict=True)):
        shapes = ", ".join(f"{w:.0f} x {h:.0f}" for w, h in (cell[:, 2:] - cell[:, :2]).tolist())
        rows.append([model.rpn.in_features[level], model.strides[level], len(cell), shapes, len(boxes)])
    headers = ["level", "stride", "anchors per cell", "width x height", "anchors in all"]
    report.table(headers, rows, f"Anchors on a photo of {size[1]} x {size[0]} pixels")
    report.figure(
        center_anchors_figure(model, photo),
        "center_anchors",
        "Are there anchors of the objects' size?",
        "The anchors of the cell in the middle of each level, one colour per level, on a photo at its largest training "
        "size; dashed white, the objects. The same anchors stand at every other cell.",
    )


def _add_coverage(
    report: Report, coverages: Sequence[tuple[str, Coverage]], level_names: Sequence[str], n_photos: int
) -> None:
    _, current = coverages[0]
    rows: list[list[object]] = []
    for group, name in enumerate(SIZE_NAMES):
        count = int((current.groups == group).sum())
        if count:
            rows.append([name, count, 100 * current.recall(0.5, group), 100 * current.recall(0.7, group)])
    rows.append(["all", len(current.best_ious), 100 * current.recall(0.5), 100 * current.recall(0.7)])
    headers = ["box", "objects x sizes", "recall at 0.5, %", "recall at 0.7, %"]
    report.table(headers, rows, "Objects with an anchor that fits, by size in the resized photo")
    report.figure(
        coverage_figure(coverages, level_names),
        "anchor_coverage",
        "Which objects does no anchor fit?",
        f"Each object of {n_photos} photos at up to three training sizes. Left: the IoU with its best anchor; points "
        "below the lower line are objects that the RPN must learn from a poor match. Right: how many objects have "
        "an anchor of at least this IoU.",
        svg=len(current.best_ious) < 2000,
    )


def _verdict(coverages: Sequence[tuple[str, Coverage]]) -> str:
    (_, before), (_, after) = coverages
    gain = after.mean_iou - before.mean_iou
    if gain < 0.02 and after.recall(0.5) - before.recall(0.5) < 0.02:
        return "The configured anchors fit about as well as fitted ones: leave them."
    verdict = f"Fitted anchors would raise the mean best IoU by {gain:.2f}."
    if after.recall(0.5) < before.recall(0.5):
        verdict += " But fewer objects would have one at 0.5: the mean is not all."
    return verdict + (
        " Weights trained with other anchors then have to learn their RPN anew, so it pays where objects are missed, "
        "not for a fine-tuned model that finds them."
    )


def _add_targets(report: Report, model: AnchorModel, photos: Sequence[DatasetDict]) -> None:
    shares = positive_roi_shares(model, [(photo, training_sizes(model.cfg, photo)[-1]) for photo in photos])
    report.section(
        "What the two stages are taught",
        "The RPN learns from anchors that its matcher calls positive (near an object, or the nearest that an object "
        f"has) and from as many negatives as fill up a sample of {model.rpn.batch_size_per_image}; those between are "
        "ignored.\n\nThe second stage learns from ROIs, of which at most "
        f"{shares.target:.0%} may be positive. Their share depends on the proposals: "
        f"with anchors drawn at random, as an untrained RPN gives, {shares.untrained:.1%}; with each object's box "
        "jittered by a tenth of its sides twenty times, as a good RPN might give, "
        f"{shares.trained:.1%}. Both only stand in for proposals: no model was trained. Real training moves from the "
        "first towards the second. Far below the limit, a smaller `MODEL.ROI_HEADS.BATCH_SIZE_PER_IMAGE` saves time.",
    )
    report.figure(
        labels_figure(model, draw_sample(photos, 3, seed=4)),
        "anchor_labels",
        "Does every object have positive anchors?",
        "Dashed white: the objects. Left: positive anchors. Middle: the negatives that were drawn for the loss. Right: "
        "anchors that are neither (at most about 150 are drawn). By the model's own matcher and sampler.",
    )
