"""Packed model as a finder, run by OpenVINO: pictures in, their objects out, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from balloon_splash.compositing import DEFAULT_CONFIDENCE
from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.overlap import joined, once, with_large
from balloon_splash.errors import WeightsError
from balloon_splash.runtime.boxes import Boxes, not_empty
from balloon_splash.runtime.cut_boxes import trimmed, widened
from balloon_splash.runtime.engine import Engine
from balloon_splash.runtime.matterport import MatterportRules
from balloon_splash.runtime.packed_file import PackedFile
from balloon_splash.runtime.parts import Features, Parts
from balloon_splash.runtime.points import refined
from balloon_splash.runtime.precision import choose_precision
from balloon_splash.runtime.rules import Placed, Rules
from balloon_splash.weights.packed import Packed

Image = npt.NDArray[np.uint8]


class OpenVinoFinder:
    """Finder that runs a packed Mask R-CNN on batches of pictures, with results close to Detectron2's, without it.

    Attributes:
        class_names: the names of the classes that the model knows.
        confidence: objects with a lower score are left out.
        precision: ``fp32``, ``bf16`` or ``int8``.
    """

    def __init__(
        self,
        weights: str | Path | Packed,
        *,
        confidence: float = DEFAULT_CONFIDENCE,
        precision: str = "auto",
        workers: int | None = None,
        scales: Sequence[int] = (),
    ) -> None:
        """Load a model.

        Args:
            weights: a file that ``pack_weights`` has written.
            confidence: objects with a lower score are left out.
            precision: see :func:`balloon_splash.runtime.precision.choose_precision`.
            scales: short edges in pixels at which the model sees each picture; an object found at several counts
                once. Empty stands for the structure's, and its overview.
            workers: pictures processed at a time; None takes one per core, up to 4.

        Raises:
            WeightsError: the file is damaged, has no structure for this runtime, or was written by a newer version.
            ConfigError: the precision is not available.
        """
        file = PackedFile(weights)
        self.class_names = file.class_names
        self.confidence = confidence
        self.structure = file.structure
        structures = [file.structure.at_scale(short_edge) for short_edge in scales] or [file.structure]
        rules = MatterportRules if file.structure.matterport else Rules
        self._rules = rules(file.structure)
        self._at_scales = [rules(structure) for structure in structures]
        overview = 0 if scales else file.structure.overview
        self._overview = rules(file.structure.at_scale(overview)) if overview else None
        self._engine = Engine(workers)
        chosen = choose_precision(precision, file.structure, self._engine.capabilities)
        self.precision = chosen.name
        self._parts = Parts(file, chosen, self._engine, self._rules)

    def detect(self, images: Sequence[Image]) -> list[Detections]:
        """Find the objects in each of a batch of ``(H, W, 3)`` RGB pictures, best score first.

        Raises:
            WeightsError: the model predicts NaN or infinity.
        """
        return self._engine.map(self._detect_one, images)

    def masks(self, image: Image, boxes: Boxes, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Soft masks ``(N, M, M)`` of boxes ``(N, 4)`` that somebody has drawn, in pixels of the picture."""
        placed = self._rules.place(image)
        with self._parts.convolve(placed.pixels) as features:
            return self._masks(features, self._rules.to_network(boxes, placed), classes)

    def segment(self, image: Image, boxes: Boxes) -> Detections:
        """See :class:`balloon_splash.splasher.finder.BoxFinder`."""
        placed = self._rules.place(image)
        asked = self._rules.to_network(boxes, placed)
        scores, classes = np.zeros(len(asked), np.float32), np.zeros(len(asked), np.int64)
        mended = asked.copy()
        with self._parts.convolve(placed.pixels) as features:
            for number, box in enumerate(asked):  # one by one, since the box head answers in an order of its own
                _, (likely,), deltas = self._parts.box_head(features, box[None])
                classes[number], scores[number] = likely[:-1].argmax(), likely[:-1].max()
                moved = self._rules.refined(box[None], deltas, placed)
                best = moved[:, 0 if self.structure.box_agnostic else classes[number]]
                mended[number] = np.where(not_empty(best), best, box)
            mended, masks = self._drawn(features, mended, classes, placed)
        found = self._rules.to_picture(mended, placed).astype(np.float32)
        return Detections(placed.size, found, scores, classes, masks, tuple(self.class_names))

    def _detect_one(self, image: Image) -> Detections:
        parts = [self._detect_by(image, rules) for rules in self._at_scales]
        found = parts[0] if len(parts) == 1 else once(joined(parts))
        if self._overview is not None:
            share = self.structure.overview_objects
            smaller = share / (1 + 2 * self.structure.grow_cut_boxes)  # no box grows by more
            found = with_large(found, self._detect_by(image, self._overview, smaller), share)
        return replace(found, best_left_out=max(part.best_left_out or 0.0 for part in parts))

    def _detect_by(self, image: Image, rules: Rules, least: float = 0.0) -> Detections:
        """Find objects whose box has a side of ``least`` of the picture's short edge, by the root of its area."""
        placed = rules.place(image)
        with self._parts.convolve(placed.pixels) as features:
            boxes, scores, classes, left_out = self._boxes(features, placed, rules)
            large = np.sqrt((boxes[:, 2:] - boxes[:, :2]).prod(axis=1)) >= least * min(placed.inner)
            boxes, scores, classes = boxes[large], scores[large], classes[large]
            boxes, masks = self._drawn(features, boxes, classes, placed)
        boxes = rules.to_picture(boxes, placed)
        there = not_empty(boxes)
        return Detections(
            placed.size,
            boxes[there],
            scores[there],
            classes[there],
            masks[there],
            tuple(self.class_names),
            best_left_out=left_out,
        )

    def _boxes(
        self, features: Features, placed: Placed, rules: Rules
    ) -> tuple[Boxes, npt.NDArray[np.float32], npt.NDArray[np.int64], float]:
        """Boxes (in pixels of what the network sees), scores and classes, best first, and the best score left out."""
        structure = self.structure
        _require_numbers(*features.logits, *features.deltas)
        candidates, scores, deltas = self._parts.box_head(
            features, rules.proposals(features.logits, features.deltas, placed)
        )
        _require_numbers(scores, deltas)
        boxes, scores = rules.refined(candidates, deltas, placed), rules.eligible(scores)
        found = []
        for number in range(scores.shape[1]):
            sure = (scores[:, number] > 0) & (scores[:, number] >= self.confidence)
            own, own_scores = boxes[sure, 0 if structure.box_agnostic else number], scores[sure, number]
            kept = rules.suppressed(own, own_scores)
            found.append((own[kept], own_scores[kept], np.full(len(kept), number, np.int64)))
        all_boxes, all_scores, classes = (np.concatenate(each) for each in zip(*found, strict=True))
        best = np.argsort(-all_scores, kind="stable")[: structure.objects]
        left_out = float(np.max(scores, initial=0.0, where=scores < self.confidence))
        return all_boxes[best], all_scores[best], classes[best], left_out

    def _drawn(
        self, features: Features, boxes: Boxes, classes: npt.NDArray[np.int64], placed: Placed
    ) -> tuple[Boxes, npt.NDArray[np.float32]]:
        """Boxes ``(N, 4)``, grown where they cut their objects if the structure asks for it, and soft masks of them."""
        masks = self._masks(features, boxes, classes)
        share = self.structure.grow_cut_boxes
        wider = widened(boxes, masks, placed.limits, share) if share else boxes
        cut = (wider != boxes).any(axis=1)
        if cut.any():
            redrawn = self._masks(features, wider[cut], classes[cut])
            boxes = boxes.copy()
            boxes[cut], masks[cut] = trimmed(boxes[cut], wider[cut], redrawn)
        return boxes, masks

    def _masks(self, features: Features, boxes: Boxes, classes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        """Soft masks ``(N, M, M)`` of boxes in pixels of what the network sees."""
        if not len(boxes):
            return np.zeros((0, self.structure.mask_side, self.structure.mask_side), np.float32)
        coarse = self._parts.mask_head(features, boxes)
        if features.finest is not None:
            logits = refined(coarse, boxes, classes, features.finest, self._parts.point_head, self.structure)
        else:
            logits = coarse[np.arange(len(boxes)), np.zeros_like(classes) if self.structure.mask_agnostic else classes]
        return np.asarray(1 / (1 + np.exp(-logits)), np.float32)


def _require_numbers(*predicted: npt.NDArray[np.float32]) -> None:
    if not all(np.isfinite(values).all() for values in predicted):
        raise WeightsError("the model predicts NaN or infinity; expected numbers: its weights are damaged")
