"""Counts and sizes of objects: by class, size and shape, and per photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np
import numpy.typing as npt
import pycocotools.mask as coco_mask
from detectron2.config import CfgNode
from detectron2.data.transforms import ResizeShortestEdge
from detectron2.structures import PolygonMasks
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.inspect.dataset.source import InspectedDataset, boxes_of, objects_of
from balloon_splash.inspect.page.style import CYCLE, log_scale, new_figure

Floats = npt.NDArray[np.float64]

# COCO's limits (https://cocodataset.org/#detection-eval), in square pixels.
SIZE_LIMITS = (32.0**2, 96.0**2)
SIZE_NAMES = ("small", "medium", "large")


@dataclass(frozen=True)
class ObjectSizes:
    """The objects of one dataset as arrays, in the order of the photos.

    Attributes:
        name: name of the dataset.
        per_photo: ``(P,)`` objects of each photo.
        categories: ``(N,)`` class of each object.
        boxes: ``(N, 4)`` XYXY pixels of the photo.
        areas: ``(N,)`` areas of the masks, square pixels of the photo, as COCO counts them.
        shares: ``(N,)`` share of the photo that the mask covers.
        scales: ``(N,)`` factor by which the photo is resized for the model.
    """

    name: str
    per_photo: npt.NDArray[np.int64]
    categories: npt.NDArray[np.int64]
    boxes: Floats
    areas: Floats
    shares: Floats
    scales: Floats

    @property
    def ratios(self) -> Floats:
        """Height over width of the boxes, ``(N,)``, as Detectron2 counts the aspect ratio of anchors."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return sides[:, 1] / np.maximum(sides[:, 0], 1e-6)


def object_sizes(dataset: InspectedDataset, cfg: CfgNode) -> ObjectSizes:
    """Measure the objects; ``cfg`` sets the size to which the model resizes photos at test time."""
    per_photo = [len(objects_of(photo)) for photo in dataset.photos]
    areas = np.array([mask_area(obj["segmentation"]) for p in dataset.photos for obj in objects_of(p)])
    photo_areas = np.repeat([photo["width"] * photo["height"] for photo in dataset.photos], per_photo)
    return ObjectSizes(
        name=dataset.name,
        per_photo=np.array(per_photo),
        categories=np.array([obj["category_id"] for p in dataset.photos for obj in objects_of(p)], dtype=np.int64),
        boxes=np.concatenate([boxes_of(photo) for photo in dataset.photos]),
        areas=areas,
        shares=areas / photo_areas,
        scales=np.repeat([test_scale(photo, cfg) for photo in dataset.photos], per_photo),
    )


def mask_area(segmentation: object) -> float:
    """Return the area of a mask, polygons or run lengths, in square pixels."""
    if isinstance(segmentation, dict):
        return float(coco_mask.area(segmentation))
    return float(PolygonMasks([segmentation]).area()[0])


def test_scale(photo: DatasetDict, cfg: CfgNode) -> float:
    """Return the factor by which Detectron2's mapper resizes the photo at test time."""
    height, width = photo["height"], photo["width"]
    shape = ResizeShortestEdge.get_output_shape(height, width, cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST)
    return float(shape[0] / height)


def size_groups(areas: Floats) -> npt.NDArray[np.int64]:
    """0, 1 or 2 for small, medium and large areas, ``(N,)``; a limit itself belongs to the larger group."""
    return np.digitize(areas, SIZE_LIMITS)


def class_rows(datasets: Sequence[InspectedDataset], sizes: Sequence[ObjectSizes]) -> list[list[object]]:
    """Return rows ``dataset, class, photos with it, objects``; photos without objects have their own row."""
    rows: list[list[object]] = []
    for dataset, measured in zip(datasets, sizes, strict=True):
        photo_of = np.repeat(np.arange(len(measured.per_photo)), measured.per_photo)
        for index, class_name in enumerate(dataset.class_names):
            own = measured.categories == index
            rows.append([dataset.name, class_name, len(np.unique(photo_of[own])), int(own.sum())])
        rows.append([dataset.name, "(no object)", int((measured.per_photo == 0).sum()), 0])
    return rows


def size_rows(sizes: Sequence[ObjectSizes]) -> list[list[object]]:
    """Return rows ``dataset, counted in, small, medium, large``: in the photo, and as the model sees it."""
    rows: list[list[object]] = []
    for measured in sizes:
        for label, factor in (("the photo", np.ones_like(measured.scales)), ("the model's input", measured.scales)):
            counts = np.bincount(size_groups(measured.areas * factor**2), minlength=len(SIZE_NAMES))
            rows.append([measured.name, label, *(int(count) for count in counts)])
    return rows


def distributions_figure(sizes: Sequence[ObjectSizes]) -> Figure:
    """Draw four histograms with one line per dataset: objects per photo, sizes, shares, aspect ratios."""
    figure, axes = new_figure(2, 2, height=3.1)
    most = max(int(measured.per_photo.max()) for measured in sizes)
    step = max(1, most // 30)
    _histogram(axes[0], {s.name: s.per_photo for s in sizes}, np.arange(-0.5, most + step + 0.5, step))
    axes[0].set(xlabel="objects per photo", ylabel="share of photos")
    sides = {s.name: np.sqrt(s.areas) * s.scales for s in sizes}
    _histogram(axes[1], sides, _log_bins(sides), log=True)
    for limit in SIZE_LIMITS:
        axes[1].axvline(limit**0.5, color="black", linestyle=":", linewidth=1)
    axes[1].set(xlabel="side: root of the mask's area, pixels of the model's input", ylabel="share of objects")
    shares = {s.name: 100 * s.shares for s in sizes}
    _histogram(axes[2], shares, _log_bins(shares), log=True)
    axes[2].set(xlabel="share of the photo, %", ylabel="share of objects")
    ratios = {s.name: s.ratios for s in sizes}
    _histogram(axes[3], ratios, _log_bins(ratios), log=True)
    axes[3].set(xlabel="height / width of the box", ylabel="share of objects")
    axes[0].legend(frameon=False, fontsize=9)
    return figure


def _log_bins(values: dict[str, Floats]) -> Floats:
    everything = np.concatenate(list(values.values()))
    positive = everything[everything > 0]
    if not len(positive):
        return np.array([1.0, 2.0])
    return np.geomspace(positive.min() * 0.99, positive.max() * 1.01, 25)


def _histogram(ax: Axes, values: Mapping[str, npt.NDArray[np.generic]], bins: Floats, *, log: bool = False) -> None:
    for (name, each), color in zip(values.items(), cycle(CYCLE)):
        weights = np.full(len(each), 1 / max(len(each), 1))
        ax.hist(each, bins=bins.tolist(), weights=weights, histtype="stepfilled", alpha=0.25, color=color)
        ax.hist(each, bins=bins.tolist(), weights=weights, histtype="step", linewidth=1.8, color=color, label=name)
    if log:
        log_scale(ax)
