"""Predictions of the models of a cross-validation for the photos that each of them left out.

Together they cover all photos, once per seed, so that a decision about scores can be counted on all objects instead of
on those of one test set.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from balloon_splash.compositing.hysteresis import beside_sure
from balloon_splash.errors import TrainingError, UsageError
from balloon_splash.files import atomic_path

OVERLAP = 0.5
"""Least IoU of a detection with the object that it found."""

PREDICTIONS = "coco_instances_results.json"
"""Name of the predictions of Detectron2's ``COCOEvaluator``; beside them lies the truth, ``*_coco_format.json``."""


@dataclass(frozen=True)
class OutOfFold:
    """``N`` detections in photos that their models did not learn from.

    Attributes:
        objects: number of objects in these photos; a photo counts once per seed.
        photos: ``N`` names of a run and its photo.
        classes: ``N`` names.
        scores: ``(N,)``.
        is_object: ``(N,)`` bool: it is the best-scored detection of an object, with an IoU of :data:`OVERLAP` or more.
    """

    objects: int
    photos: tuple[str, ...]
    classes: tuple[str, ...]
    scores: npt.NDArray[np.float64]
    is_object: npt.NDArray[np.bool_]

    def counts(self, confidence: float, low_confidence: float) -> tuple[int, int]:
        """Return the numbers of objects found and of other marks.

        Args:
            confidence: score that makes a detection sure.
            low_confidence: score that is enough beside a sure one of its class in its photo.
        """
        pairs = np.array([f"{photo}\n{name}" for photo, name in zip(self.photos, self.classes, strict=True)])
        kept = beside_sure(self.scores, pairs, self.scores >= confidence, low_confidence)
        return int((kept & self.is_object).sum()), int((kept & ~self.is_object).sum())

    def write(self, path: Path) -> None:
        """Write a JSON file, instead of an earlier one."""
        columns = zip(self.photos, self.classes, self.scores.tolist(), self.is_object.tolist(), strict=True)
        detections = [dict(zip(_COLUMNS, row, strict=True)) for row in columns]
        with atomic_path(path, overwrite=True) as temporary:
            temporary.write_text(json.dumps({"objects": self.objects, "detections": detections}), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> OutOfFold:
        """Read what :meth:`write` wrote.

        Raises:
            UsageError: the file cannot be read, or is of another kind.
        """
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            rows = [tuple(each[name] for name in _COLUMNS) for each in document["detections"]]
            read = _of_rows(int(document["objects"]), rows)
        except OSError as error:
            raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UsageError(f"{path}: expected an {FILE} of tools/cross_validate.py") from error
        if not ((read.scores >= 0) & (read.scores <= 1)).all():
            raise UsageError(f"{path}: found scores out of range; expected 0 to 1")
        return read


FILE = "out_of_fold.json"
_COLUMNS = ("photo", "class", "score", "is_object")


def out_of_fold(folders: Iterable[Path]) -> OutOfFold:
    """Collect the last predictions of runs on their test sets.

    Args:
        folders: those of the runs; ones without predictions, as those that an earlier version made, are left out.

    Raises:
        TrainingError: predictions cannot be read.
    """
    objects, rows = 0, []
    for folder in folders:
        for predictions in sorted(folder.glob(f"inference/*/{PREDICTIONS}")):
            for truth in predictions.parent.glob("*_coco_format.json"):
                try:
                    count, found = _matched(truth, predictions)
                except (OSError, ValueError, KeyError) as error:
                    raise TrainingError(f"{predictions}: cannot be read; remove {folder} to repeat it") from error
                objects += count
                rows += [(f"{folder.name}/{photo}", *rest) for photo, *rest in found]
    return _of_rows(objects, rows)


def _matched(truth: Path, predictions: Path) -> tuple[int, list[tuple[str, str, float, bool]]]:
    """Return the number of objects and the detections of one test set, matched by COCO's rules."""
    found: list[dict[str, Any]] = json.loads(predictions.read_text(encoding="utf-8"))
    with contextlib.redirect_stdout(io.StringIO()):
        expected = COCO(str(truth))
        names = {each["id"]: each["name"] for each in expected.loadCats(expected.getCatIds())}
        files = {each["id"]: each["file_name"] for each in expected.loadImgs(expected.getImgIds())}
        objects = sum(not each.get("iscrowd") for each in expected.dataset["annotations"])
        if not found:
            return objects, []
        masks = "segmentation" in found[0]
        evaluation = COCOeval(expected, expected.loadRes(found), "segm" if masks else "bbox")
        evaluation.params.iouThrs = np.array([OVERLAP])
        evaluation.params.areaRng, evaluation.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluation.params.maxDets = [len(found)]
        evaluation.evaluate()
    rows = []
    for image in filter(None, evaluation.evalImgs):
        columns = zip(image["dtScores"], image["dtMatches"][0], image["dtIgnore"][0], strict=True)
        photo, name = files[image["image_id"]], names[image["category_id"]]
        rows += [(photo, name, float(score), bool(match)) for score, match, ignored in columns if not ignored]
    return objects, rows


def _of_rows(objects: int, rows: Iterable[tuple[Any, ...]]) -> OutOfFold:
    photos, classes, scores, is_object = zip(*rows, strict=True) if (rows := list(rows)) else ((), (), (), ())
    return OutOfFold(
        objects, tuple(map(str, photos)), tuple(map(str, classes)), np.array(scores, float), np.array(is_object, bool)
    )
