"""Fit of the anchors to the objects, measured with the model's own anchor generator, matcher and sampler.

Only the small parts that decide about anchors are built; the layers with weights are laid out on torch's ``meta``
device, which has shapes but no numbers, so that any configuration is inspected in moments.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from detectron2.config import CfgNode
from detectron2.data.transforms import ResizeShortestEdge
from detectron2.layers import ShapeSpec
from detectron2.modeling import build_backbone, build_proposal_generator
from detectron2.modeling.proposal_generator import RPN
from detectron2.structures import Boxes, ImageList, pairwise_iou
from torch import Tensor

from balloon_splash.data.annotations.dataset_dicts import DatasetDict
from balloon_splash.errors import ConfigError
from balloon_splash.inspect.dataset.source import boxes_of
from balloon_splash.inspect.dataset.statistics import size_groups

Floats = npt.NDArray[np.float64]
Size = tuple[int, int]  # (height, width) of a resized photo


class AnchorModel:
    """Anchors of a configured model that has not learned anything yet.

    Attributes:
        cfg: the configuration.
        rpn: the model's proposal generator, with random weights.
    """

    def __init__(self, cfg: CfgNode) -> None:
        """Lay out the model that ``cfg`` describes.

        Raises:
            ConfigError: it has no region proposal network, hence no anchors of this kind.
        """
        self.cfg = cfg
        with torch.device("meta"):
            self._backbone = build_backbone(cfg).eval()
        rpn = build_proposal_generator(cfg, self._backbone.output_shape())
        if not isinstance(rpn, RPN):
            name = cfg.MODEL.PROPOSAL_GENERATOR.NAME
            raise ConfigError(f"MODEL.PROPOSAL_GENERATOR.NAME is {name}; expected RPN or BalloonRPN, to have anchors")
        self.rpn = rpn
        self._feature_sizes = functools.cache(self._run_backbone)

    @property
    def feature_shapes(self) -> dict[str, ShapeSpec]:
        """Channels and stride of each level of the backbone."""
        return dict(self._backbone.output_shape())

    @property
    def strides(self) -> list[int]:
        """Strides of the levels, in pixels of the resized photo."""
        return [int(stride) for stride in self.rpn.anchor_generator.strides]

    def anchors(self, size: Size) -> list[Boxes]:
        """Return the anchors of a photo alone in its batch, ``(H*W*A, 4)`` XYXY pixels per level."""
        batch = ImageList.from_tensors(
            [torch.empty(3, *size)],
            self._backbone.size_divisibility,
            padding_constraints=self._backbone.padding_constraints,
        )
        # The generator uses only the shapes of the features, and its own device.
        features = [torch.empty(shape, device="meta") for shape in self._feature_sizes(tuple(batch.tensor.shape))]
        boxes: list[Boxes] = self.rpn.anchor_generator(features)
        return boxes

    def _run_backbone(self, batch_shape: tuple[int, ...]) -> list[torch.Size]:
        with torch.no_grad():
            features = self._backbone(torch.empty(batch_shape, device="meta"))
        return [features[name].shape for name in self.rpn.in_features]


def training_sizes(cfg: CfgNode, photo: DatasetDict) -> list[Size]:
    """Return the smallest, middle and largest size to which training may resize a photo, ascending, each once."""
    shape = ResizeShortestEdge.get_output_shape
    choices = sorted(cfg.INPUT.MIN_SIZE_TRAIN)
    edges = sorted({choices[0], choices[len(choices) // 2], choices[-1]})
    return [shape(photo["height"], photo["width"], edge, cfg.INPUT.MAX_SIZE_TRAIN) for edge in edges]


def resized_boxes(photo: DatasetDict, size: Size) -> Tensor:
    """Return the photo's boxes after resizing it to ``size``, ``(N, 4)`` float32 XYXY."""
    scale = np.array([size[1] / photo["width"], size[0] / photo["height"]] * 2)
    return torch.as_tensor(boxes_of(photo) * scale, dtype=torch.float32)


@dataclass(frozen=True)
class Coverage:
    """Fit of the best anchor of each object; every object counts once per training size.

    Attributes:
        shapes: ``(N, 2)`` width and height of the boxes, pixels of the resized photo.
        best_ious: ``(N,)`` IoU with the best anchor.
        levels: ``(N,)`` index of the level that has this anchor.
    """

    shapes: Floats
    best_ious: Floats
    levels: npt.NDArray[np.int64]

    @property
    def mean_iou(self) -> float:
        """Mean best IoU; ``nan`` without objects."""
        return float(self.best_ious.mean()) if len(self.best_ious) else float("nan")

    def recall(self, threshold: float, group: int | None = None) -> float:
        """Return the share of objects whose best anchor has an IoU of ``threshold`` or more; ``nan`` without objects.

        Args:
            threshold: in [0, 1].
            group: 0, 1 or 2 for boxes that are small, medium or large in the resized photo; ``None`` for all.
        """
        ious = self.best_ious if group is None else self.best_ious[self.groups == group]
        return float((ious >= threshold).mean()) if len(ious) else float("nan")

    @property
    def groups(self) -> npt.NDArray[np.int64]:
        """0, 1 or 2 for small, medium and large boxes, ``(N,)``."""
        return size_groups(self.shapes.prod(axis=1))


def measure_coverage(model: AnchorModel, photos: Iterable[DatasetDict]) -> Coverage:
    """Match every object of ``photos``, at each of its training sizes, with all anchors of its photo."""
    shapes, best_ious, levels = [np.zeros((0, 2))], [np.zeros(0)], [np.zeros(0, dtype=np.int64)]
    for photo, size in _resized(model.cfg, photos):
        boxes = resized_boxes(photo, size)
        anchors = model.anchors(size)
        ious, best = pairwise_iou(Boxes(boxes), Boxes.cat(anchors)).max(dim=1)
        starts = np.cumsum([len(level) for level in anchors])
        shapes.append((boxes[:, 2:] - boxes[:, :2]).double().numpy())
        best_ious.append(ious.double().numpy())
        levels.append(np.searchsorted(starts, best.numpy(), side="right"))
    return Coverage(np.concatenate(shapes), np.concatenate(best_ious), np.concatenate(levels))


def _resized(cfg: CfgNode, photos: Iterable[DatasetDict]) -> Iterator[tuple[DatasetDict, Size]]:
    for photo in photos:
        if len(boxes_of(photo)):
            for size in training_sizes(cfg, photo):
                yield photo, size


@dataclass(frozen=True)
class AnchorChoice:
    """Sizes and aspect ratios as in ``MODEL.ANCHOR_GENERATOR``: one list per level, or one list for all levels."""

    sizes: list[list[float]]
    ratios: list[list[float]]

    def apply(self, cfg: CfgNode) -> CfgNode:
        """Return a copy of ``cfg`` with these anchors."""
        changed = cfg.clone()
        changed.defrost()
        changed.MODEL.ANCHOR_GENERATOR.SIZES = self.sizes
        changed.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS = self.ratios
        return changed


def suggest_anchors(cfg: CfgNode, shapes: Floats) -> AnchorChoice | None:
    """Fit as many sizes and ratios as ``cfg`` has to the objects.

    Detectron2 crosses sizes with ratios, so the two are clustered apart: sizes as squares of the boxes' areas, ratios
    as boxes of unit area. The levels take the sizes in ascending order, as many per level as before.

    Args:
        cfg: the configuration, which sets their number.
        shapes: ``(N, 2)`` width and height of boxes, pixels of the resized photo.

    Returns:
        The suggestion, or ``None`` if there are fewer different boxes than clusters.
    """
    structure = cfg.MODEL.ANCHOR_GENERATOR.SIZES
    n_sizes, n_ratios = sum(map(len, structure)), max(map(len, cfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS))
    sides = np.sqrt(shapes.prod(axis=1))
    if len(np.unique(sides)) < n_sizes or len(np.unique(shapes[:, 1] / shapes[:, 0])) < n_ratios:
        return None
    squares = cluster_shapes(np.stack([sides, sides], axis=1), n_sizes)
    units = cluster_shapes(shapes / sides[:, None], n_ratios)
    ordered = iter(sorted(round(float(side)) for side in squares[:, 0]))
    ratios = sorted(round(float(height / width), 2) for width, height in units)
    return AnchorChoice([[float(next(ordered)) for _ in level] for level in structure], [ratios])


def cluster_shapes(shapes: Floats, k: int, *, restarts: int = 8, seed: int = 0) -> Floats:
    """Cluster box shapes by k-means under the distance 1 - IoU (Redmon and Farhadi 2017, "YOLO9000", section 2).

    Boxes are laid on one corner, so that only their shapes count. The best of several starts is taken, as k-means
    finds local optima.

    Args:
        shapes: ``(N, 2)`` width and height, at least ``k`` different ones.
        k: number of clusters.
        restarts: number of random starts.
        seed: seed of the starts.

    Returns:
        ``(k, 2)`` centres.
    """
    rng = np.random.default_rng(seed)
    different = np.unique(shapes, axis=0)
    runs = [_k_means(shapes, different[rng.choice(len(different), k, replace=False)]) for _ in range(restarts)]
    return max(runs, key=lambda centers: float(shape_ious(shapes, centers).max(axis=1).mean()))


def _k_means(shapes: Floats, centers: Floats, max_steps: int = 100) -> Floats:
    for _ in range(max_steps):
        nearest = shape_ious(shapes, centers).argmax(axis=1)
        moved = np.array([_center(shapes[nearest == i], center) for i, center in enumerate(centers)])
        if np.allclose(moved, centers):
            break
        centers = moved
    return centers


def _center(members: Floats, before: Floats) -> Floats:
    return members.mean(axis=0) if len(members) else before


def shape_ious(shapes: Floats, others: Floats) -> Floats:
    """IoU of boxes with a common corner: ``(N, 2)`` and ``(M, 2)`` widths and heights to ``(N, M)``."""
    common = np.minimum(shapes[:, None], others[None]).prod(axis=2)
    return np.asarray(common / (shapes.prod(axis=1)[:, None] + others.prod(axis=1)[None] - common))
