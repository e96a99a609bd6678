"""What is made of the predictions on a test set: average precision, of boundaries, too, and pictures."""

from __future__ import annotations

import contextlib
import io
import logging
import math
from pathlib import Path
from typing import Any

from detectron2.data import MetadataCatalog, detection_utils
from detectron2.evaluation import COCOEvaluator, DatasetEvaluator
from detectron2.structures import Instances
from detectron2.utils import comm
from detectron2.utils.visualizer import Visualizer
from PIL import Image

from balloon_splash.engine.boundary import boundary_results
from balloon_splash.files import atomic_path

logger = logging.getLogger(__name__)


class AveragePrecision(COCOEvaluator):
    """COCO AP of boxes and masks, and boundary AP; pycocotools' tables go to the log instead of the screen."""

    def __init__(self, dataset_name: str, folder: Path) -> None:
        """Evaluate on a registered dataset; the COCO files that this takes are written into ``folder``."""
        # The parent keeps a COCO file of the annotations, there and in the metadata; either would outlive a change.
        metadata = MetadataCatalog.get(dataset_name)
        is_coco = hasattr(metadata, "json_file")
        super().__init__(dataset_name, output_dir=str(folder), allow_cached_coco=False)
        if not is_coco:
            del metadata.json_file

    def evaluate(self, img_ids: Any = None) -> Any:
        """See ``COCOEvaluator.evaluate``."""
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            results = super().evaluate(img_ids)
        logger.info("pycocotools:\n%s", printed.getvalue())
        return results

    def _derive_coco_results(self, coco_eval: Any, iou_type: str, class_names: Any = None) -> dict[str, float]:
        """See ``COCOEvaluator``; with the masks' results come those of their boundaries."""
        results: dict[str, float] = super()._derive_coco_results(coco_eval, iou_type, class_names)
        if iou_type == "segm":
            # Without any detection there is no evaluation to go by.
            self._results["boundary"] = boundary_results(coco_eval) if coco_eval else dict.fromkeys(results, math.nan)
        return results


class PredictionPictures(DatasetEvaluator):
    """Draws the predictions on the first photos of a test set; has no metric of its own."""

    def __init__(self, dataset_name: str, folder: Path, *, limit: int, confidence: float = 0.5) -> None:
        """Draw into ``folder``.

        Args:
            dataset_name: a registered dataset; its metadata gives names and colours.
            folder: where the JPEGs go, named as the photos; those of an earlier evaluation are replaced.
            limit: how many photos at most.
            confidence: detections with a lower score are not drawn.
        """
        self.metadata = MetadataCatalog.get(dataset_name)
        self.folder = folder
        self.limit = limit
        self.confidence = confidence
        self._drawn = 0

    def reset(self) -> None:
        """Begin a new evaluation."""
        self._drawn = 0

    def process(self, inputs: list[dict[str, Any]], outputs: list[dict[str, Any]]) -> None:
        """Draw a batch; ``inputs`` are dataset dicts, ``outputs`` hold the model's ``instances``."""
        if not comm.is_main_process():
            return
        for photo, output in zip(inputs, outputs, strict=True):
            if self._drawn == self.limit:
                return
            self._drawn += 1
            self._draw(photo["file_name"], output["instances"].to("cpu"))

    def _draw(self, file_name: str, instances: Instances) -> None:
        image = detection_utils.read_image(file_name, format="RGB")
        shown = instances[instances.scores >= self.confidence]
        drawn = Visualizer(image, self.metadata).draw_instance_predictions(shown).get_image()
        with atomic_path(self.folder / f"{Path(file_name).stem}.jpg", overwrite=True) as path:
            Image.fromarray(drawn).save(path, quality=90)
