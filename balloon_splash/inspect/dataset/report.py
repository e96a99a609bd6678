"""Report about one or more datasets: is the data as it should be?"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from detectron2.config import CfgNode

from balloon_splash.errors import DatasetError
from balloon_splash.inspect.dataset.anchor_report import add_anchors
from balloon_splash.inspect.dataset.augmentation import augmentation_figure, mask_targets_figure
from balloon_splash.inspect.dataset.duplicates import ALIKE_HEADERS, MAX_SCENE_PHOTOS, alike_rows, find_alike
from balloon_splash.inspect.dataset.faults import fault_rows, faults_figure, faulty_photos
from balloon_splash.inspect.dataset.samples import alike_figure, box_differences, boxes_figure, samples_figure
from balloon_splash.inspect.dataset.source import (
    InspectedDataset,
    Scan,
    draw_sample,
    objects_of,
    read_dataset,
    scan_photos,
)
from balloon_splash.inspect.dataset.statistics import class_rows, distributions_figure, object_sizes, size_rows
from balloon_splash.inspect.page.report import Report

_SAMPLES = 9
_FIGURES_A_SPLIT = 9


def inspect_data(names: Sequence[str], cfg: CfgNode, *, max_photos: int = 300, progress: bool = True) -> Report:
    """Report on registered datasets as the model of ``cfg`` sees them.

    Args:
        names: names of the datasets; the anchors are measured against the first one.
        cfg: the configuration; its ``DATASETS`` are not used.
        max_photos: photos of each dataset to decode; of a larger dataset a random sample, as the report says.
            Counts and sizes cover all photos.
        progress: show progress bars on stderr.

    Raises:
        DatasetError: a dataset is not registered, cannot be read, or has no photo that can be read, or no object.
        AnnotationError: an annotation file cannot be read.
        ConfigError: the configuration has no anchors, or its mask format does not fit the masks.
    """
    datasets = [read_dataset(name) for name in names]
    scans = [scan_photos(dataset, max_photos=max_photos, progress=progress) for dataset in datasets]
    report = Report(f"Data: {', '.join(names)}", _introduction(scans))
    _add_counts(report, datasets, cfg)
    with_objects = [[photo for photo in scan.photos if objects_of(photo)] for scan in scans]
    for scan, photos in zip(scans, with_objects, strict=True):
        if not photos:
            raise DatasetError(f"{scan.dataset.name}: no photo with objects among the readable ones; expected some")
    _add_samples(report, scans, with_objects)
    _add_faults(report, scans)
    _add_alike(report, scans, progress)
    _add_model_input(report, datasets[0].name, with_objects[0], cfg)
    add_anchors(report, with_objects[0], cfg, progress=progress)
    return report


def _introduction(scans: Sequence[Scan]) -> str:
    text = (
        "What the model will learn from, as the model will get it. Look at the photos first, then at the numbers: most "
        "bad models come from data that nobody has looked at."
    )
    for scan in scans:
        if scan.sampled:
            text += (
                f"\n\n`{scan.dataset.name}` has {len(scan.dataset.photos):,} photos. Counts and sizes are those of all "
                f"of them; everything that needs the pixels looks at a random sample of {scan.n_seen:,}."
            )
    return text


def _add_counts(report: Report, datasets: Sequence[InspectedDataset], cfg: CfgNode) -> None:
    sizes = [object_sizes(dataset, cfg) for dataset in datasets]
    report.section(
        "How many, how large",
        "Splits should be alike: a validation set with other sizes or shapes measures another task. Sizes are counted "
        "as COCO does, by the area of the mask: small is below 32 x 32 pixels, large from 96 x 96 on. What matters is "
        f"the size after resizing (`INPUT.MIN_SIZE_TEST` {cfg.INPUT.MIN_SIZE_TEST}): objects that become small there "
        "are the hard ones, and a metric over few objects is noise.",
    )
    report.table(["dataset", "class", "photos", "objects"], class_rows(datasets, sizes), "Photos and objects by class")
    report.table(["dataset", "counted in", "small", "medium", "large"], size_rows(sizes), "Objects by size")
    if any(len(measured.areas) for measured in sizes):
        report.figure(
            distributions_figure(sizes),
            "distributions",
            "Do the curves of the splits lie on each other?",
            "Top left: objects per photo. Top right: size at the model's input; dotted lines part small, medium and "
            "large. Bottom left: share of the photo. Bottom right: shape of the box, 1 is square.",
            svg=True,
        )


def _add_samples(report: Report, scans: Sequence[Scan], with_objects: Sequence[Sequence[dict[str, object]]]) -> None:
    report.section(
        "Samples",
        "Photos drawn at random, with masks, boxes and labels by Detectron2's `Visualizer`. Every object should have "
        "one mask that ends where the object ends, and every mask should be an object.",
    )
    for scan, photos in zip(scans, with_objects, strict=True):
        name = scan.dataset.name
        report.figure(
            samples_figure(draw_sample(photos, _SAMPLES), name),
            f"samples_{_slug(name)}",
            f"{name}: is every object outlined, and nothing else?",
            "The number beside a name is how many objects the photo has.",
        )
    differences = np.concatenate([box_differences(photos) for photos in with_objects])
    off = int((differences > 1).sum())
    report.figure(
        boxes_figure(draw_sample(with_objects[0], 3, seed=1)),
        "boxes",
        "Boxes computed from the masks lie on the stored boxes",
        f"Orange: the stored box. Blue, dashed: the box around the mask. Of {len(differences)} objects {off} differ by "
        f"more than a pixel; the largest difference is {differences.max():.2g} pixels.",
    )


def _add_faults(report: Report, scans: Sequence[Scan]) -> None:
    rows = [row for scan in scans for row in fault_rows(scan.dataset, scan.unreadable)]
    n_seen = sum(scan.n_seen for scan in scans)
    report.section(
        "Faults",
        f"Faults that the reader of the annotations met, and those of {n_seen} photos that cannot be decoded. A "
        "region that is dropped is missing in training: its object is then taught to be background. A photo that "
        "cannot be decoded stops the training." + ("" if rows else " Here, nothing was wrong."),
    )
    if not rows:
        return
    headers = ["dataset", "fault", "photo", "region", "dropped", "what was found"]
    report.table(headers, rows, "Faults and what they cost")
    for scan in scans:
        faulty = faulty_photos(scan.dataset, scan.photos)[:_FIGURES_A_SPLIT]
        if faulty:
            report.figure(
                faults_figure(faulty, scan.dataset.name),
                f"faults_{_slug(scan.dataset.name)}",
                f"{scan.dataset.name}: photos with faults, as they will be learned from",
                "The drawing shows what was kept. Mend the annotation where it differs from what you see.",
            )


def _add_alike(report: Report, scans: Sequence[Scan], progress: bool) -> None:
    fingerprints = list(chain.from_iterable(scan.fingerprints for scan in scans))
    photos = list(chain.from_iterable(scan.photos for scan in scans))
    split_of = list(chain.from_iterable([scan.dataset.name] * len(scan.photos) for scan in scans))
    alike = find_alike(fingerprints, progress=progress)
    scenes_compared = len(fingerprints) <= MAX_SCENE_PHOTOS
    report.section(
        "Photos that look alike",
        "A photo that is in two splits, or whose scene is, lets the model be tested on what it has seen: the numbers "
        "come out too good. Copies are found by a perceptual hash, scenes by local features that one homography maps "
        f"from photo to photo; {len(fingerprints)} photos were compared, each with every other. Both can miss "
        "pairs: photos that are not listed may still be alike."
        + ("" if scenes_compared else f" More than {MAX_SCENE_PHOTOS} photos: only the hashes were compared."),
    )
    rows = alike_rows(alike, fingerprints, split_of)
    report.table(ALIKE_HEADERS, rows[:100], f"Pairs that look alike: {len(rows)}")
    if alike:
        pairs = [(photos[pair.first], photos[pair.second]) for pair in alike[:5]]
        report.figure(
            alike_figure(pairs),
            "alike",
            "Would you call these two different photos?",
            "The pairs that are most alike, one per row. Move one photo of a pair that leaks to the other split.",
        )


def _add_model_input(report: Report, name: str, photos: Sequence[dict[str, object]], cfg: CfgNode) -> None:
    report.section(
        "What the model gets",
        "The same photos after the mapper of training: random flips and sizes as the configuration has them "
        f"(`INPUT.MIN_SIZE_TRAIN` {tuple(cfg.INPUT.MIN_SIZE_TRAIN)}, `INPUT.RANDOM_FLIP` {cfg.INPUT.RANDOM_FLIP!r}). "
        "Photo, boxes and masks must change together.",
    )
    for index, photo in enumerate(draw_sample(photos, 2, seed=2)):
        report.figure(
            augmentation_figure(cfg, photo, name),
            f"augmentation_{index + 1}",
            "Do the masks follow the photo?",
            "First the photo as stored, then five draws as training would make them.",
        )
    if cfg.MODEL.MASK_ON:
        side = 2 * cfg.MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION
        report.figure(
            mask_targets_figure(cfg, draw_sample(photos, 12, seed=3)),
            "mask_targets",
            f"How much of the shape survives {side} x {side} pixels?",
            f"Objects at the size of training, above what the mask head is taught for them, a grid of {side} x {side}. "
            "The IoU is that of the grid pasted back with the true mask: about the best such a mask head can reach.",
        )


def _slug(name: str) -> str:
    return "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in name.lower()).strip("_")
