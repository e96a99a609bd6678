"""Evaluation of the predictions on a test set: average precision, also of boundaries, and pictures."""

from __future__ import annotations

import contextlib
import io
import logging
from pathlib import Path
from typing import Any

from detectron2.data import MetadataCatalog
from detectron2.evaluation import COCOEvaluator, DatasetEvaluator
from detectron2.evaluation.coco_evaluation import COCOevalMaxDets
from detectron2.structures import Instances
from detectron2.utils import comm
from detectron2.utils.visualizer import Visualizer
from PIL import Image
from pycocotools import mask as mask_util
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from balloon_splash.data.training.reading import read_photo
from balloon_splash.engine.boundary import boundary_results
from balloon_splash.files import atomic_path

logger = logging.getLogger(__name__)

COCO_DETECTIONS = 100  # most detections per image in COCO's AP


class AveragePrecision(COCOEvaluator):
    """COCO AP of boxes and masks, and boundary AP; pycocotools' tables go to the log instead of the screen.

    A model that finds nothing has an AP of 0, as COCO defines it; NaN stands for a size without objects.
    """

    def __init__(self, dataset_name: str, folder: Path, *, max_detections: int = COCO_DETECTIONS) -> None:
        """Evaluate against a registered dataset.

        Args:
            dataset_name: the registered dataset.
            folder: folder for the predictions.
            max_detections: number of best-scored detections per image that count; at least COCO's 100.
        """
        # COCOEvaluator converts a dataset without json_file, and notes the converted file in the metadata. A later
        # evaluator would take that for the original and never convert again.
        metadata = MetadataCatalog.get(dataset_name)
        is_coco = hasattr(metadata, "json_file")
        limit = max(max_detections, COCO_DETECTIONS)
        super().__init__(dataset_name, output_dir=str(folder), allow_cached_coco=False, max_dets_per_image=limit)
        if not is_coco:
            del metadata.json_file
        _meet_assumptions(self._coco_api)

    def process(self, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
        """See ``COCOEvaluator.process``; also note whether the model gives masks, even where it finds nothing."""
        if any("instances" in output and output["instances"].has("pred_masks") for output in outputs):
            self._tasks = ("bbox", "segm")
        super().process(inputs, outputs)

    def evaluate(self, img_ids: Any = None) -> Any:
        """See ``COCOEvaluator.evaluate``."""
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            results = super().evaluate(img_ids)
        logger.info("pycocotools:\n%s", printed.getvalue())
        return results

    def _derive_coco_results(self, coco_eval: Any, iou_type: str, class_names: Any = None) -> dict[str, float]:
        """See ``COCOEvaluator``; add the results of boundaries to those of masks."""
        evaluation = coco_eval or self._nothing_found(iou_type)
        results: dict[str, float] = super()._derive_coco_results(evaluation, iou_type, class_names)
        if iou_type == "segm":
            self._results["boundary"] = boundary_results(evaluation)
        return results

    def _nothing_found(self, iou_type: str) -> COCOeval:
        """Return the evaluation of no detections at all, which ``COCOEvaluator`` leaves out."""
        found = COCO()
        found.dataset = {**self._coco_api.dataset, "annotations": []}
        found.createIndex()
        evaluation = COCOevalMaxDets(self._coco_api, found, iou_type)
        evaluation.params.maxDets = self._max_dets_per_image
        for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
            step()
        return evaluation


def _meet_assumptions(truth: COCO) -> None:
    """Add to the annotations what pycocotools requires and exporters leave out.

    Ids are unique numbers from 1 on: a match is noted by the object's id, and 0 means "no match". ``iscrowd`` and
    ``area``, the pixels of the mask (or of the box where there is none), are added where they are missing. Parts of a
    polygon with fewer than three points are left out, and, among others with an outline, annotations without one.
    """
    annotations = _with_sound_outlines(truth.dataset.get("annotations", []))
    truth.dataset["annotations"] = annotations
    for number, annotation in enumerate(annotations, 1):
        annotation["id"] = number
        annotation.setdefault("iscrowd", 0)
    with contextlib.redirect_stdout(io.StringIO()):
        truth.createIndex()
    for annotation in annotations:
        if "area" not in annotation:
            _, _, width, height = annotation["bbox"]
            has_mask = bool(annotation.get("segmentation"))
            annotation["area"] = float(mask_util.area(truth.annToRLE(annotation))) if has_mask else width * height


def _with_sound_outlines(annotations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for each in annotations:
        found = each.get("segmentation")
        if isinstance(found, list) and found and isinstance(found[0], list):
            each["segmentation"] = [ring for ring in found if len(ring) >= 6 and len(ring) % 2 == 0]
    outlined = [each for each in annotations if each.get("segmentation")]
    if not outlined or len(outlined) == len(annotations):  # without any, a set of boxes
        return annotations
    lost = len(annotations) - len(outlined)
    logger.warning(
        "%d of %d annotations have no outline: they do not count, as no mask can match", lost, len(annotations)
    )
    return outlined


class PredictionPictures(DatasetEvaluator):
    """Pictures of the predictions on the first photos of a test set; an evaluator without metrics."""

    def __init__(self, dataset_name: str, folder: Path, *, limit: int, confidence: float = 0.5) -> None:
        """Draw into ``folder``.

        Args:
            dataset_name: a registered dataset; its metadata has names and colours.
            folder: folder for the JPEGs, named and arranged like the photos; they replace those of an earlier
                evaluation.
            limit: largest number of photos.
            confidence: lowest score of detections to draw.
        """
        self.metadata = MetadataCatalog.get(dataset_name)
        self.folder = folder
        self.limit = limit
        self.confidence = confidence
        self._drawn: set[Path] = set()

    def reset(self) -> None:
        """Start a new evaluation."""
        self._drawn.clear()

    def process(self, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
        """Draw a batch; ``inputs`` are dataset dicts, ``outputs`` hold the model's ``instances``."""
        if not comm.is_main_process():
            return
        for photo, output in zip(inputs, outputs, strict=True):
            if len(self._drawn) == self.limit:
                return
            self._draw(photo["file_name"], output["instances"].to("cpu"))

    def _draw(self, file_name: str, instances: Instances) -> None:
        image = read_photo(file_name)
        shown = instances[instances.scores >= self.confidence]
        drawn = Visualizer(image, self.metadata).draw_instance_predictions(shown).get_image()
        picture = self._picture_path(file_name)
        self._drawn.add(picture)
        with atomic_path(picture, overwrite=True) as path:
            Image.fromarray(drawn).save(path, quality=90)

    def _picture_path(self, file_name: str) -> Path:
        """Return a unique name for each photo: ``day1/001.jpg`` and ``day2/001.jpg`` are two photos."""
        photo, root = Path(file_name), self.metadata.get("image_root")
        inside = photo.relative_to(root) if root and photo.is_relative_to(root) else Path(photo.name)
        picture = self.folder / inside.with_suffix(".jpg")
        number = 1
        while picture in self._drawn:  # a.png beside a.jpg
            number += 1
            picture = self.folder / inside.with_name(f"{inside.stem}_{number}.jpg")
        return picture
