"""Trace of one photo through one forward pass, as arrays ready to draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from balloon_splash.compositing.detections import Detections
from balloon_splash.data.training.reading import read_photo
from balloon_splash.inspect.model.subject import Subject
from balloon_splash.inspect.page.style import Rgb
from balloon_splash.modeling import Trace

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class TracedPhoto:
    """Photo with its trace, for the figures of the stages.

    Attributes:
        subject: the model.
        entry: the photo's dataset dict, of which ``file_name`` is enough.
        image: ``(H, W, 3)`` RGB photo as it is.
        resized: ``(h, w, 3)`` RGB photo as the network sees it; boxes of the trace are in its pixels.
        trace: the stages of this one photo.
        confidence: the floor below which detections got no mask.
    """

    subject: Subject
    entry: dict[str, Any]
    image: Rgb
    resized: Rgb
    trace: Trace
    confidence: float

    @classmethod
    def run(cls, subject: Subject, entry: dict[str, Any], *, confidence: float) -> TracedPhoto:
        """Read a photo and trace it.

        Raises:
            MediaError: the photo cannot be read.
        """
        inputs = subject.read(entry)
        trace = subject.trace(inputs, confidence=confidence)
        return cls(subject, entry, read_photo(entry["file_name"]), subject.resized_photo(inputs), trace, confidence)

    @property
    def rpn_levels(self) -> list[str]:
        """Names of the pyramid levels of the RPN, finest first."""
        return list(self.subject.cfg.MODEL.RPN.IN_FEATURES)

    @property
    def roi_levels(self) -> list[str]:
        """Names of the pyramid levels that ROIAlign pools from, finest first."""
        return list(self.subject.cfg.MODEL.ROI_HEADS.IN_FEATURES)

    @property
    def detections(self) -> Detections:
        """Return the result in the form that the splash takes; indices are those of ``trace.results``."""
        (found,) = self.trace.results
        height, width = self.image.shape[:2]
        return Detections(
            size=(height, width),
            boxes=array(found.pred_boxes.tensor),
            scores=array(found.scores),
            classes=found.pred_classes.cpu().numpy(),
            soft_masks=array(found.soft_masks),
            class_names=self.subject.class_names,
        )


def array(tensor: Tensor) -> Floats:
    """Return a tensor as a float32 NumPy array on the CPU."""
    values: Floats = tensor.detach().cpu().float().numpy()
    return values
