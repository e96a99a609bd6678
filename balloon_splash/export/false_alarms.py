"""Limit on false alarms: how sure a model is, set by pictures without objects.

A model trained on few photos is too sure of itself, above all on other kinds of pictures than it learned from. Its
ranking stays: one number, the score of the background, is raised for everything alike. This is the correction of the
intercept of King and Zeng 2001, "Logistic Regression in Rare Events Data", chosen by a quantile.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from balloon_splash.data.datasets.background_photos import load_background_photos
from balloon_splash.errors import UsageError
from balloon_splash.export.classifier import softmax_layer
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.media.reading import read_picture
from balloon_splash.progress import ProgressBar
from balloon_splash.wording import counted

_CLEAR = 0.02  # margin of the logit of the first detection to drop below the limit: weights are rounded when stored


@dataclass(frozen=True)
class FalseAlarms:
    """Change to a model and its effect.

    Attributes:
        confidence: lowest score of a detection that counts.
        pictures: number of pictures searched.
        before: number of pictures with a detection before the change.
        after: the same after the change.
        shift: number added to the logit of the background.
    """

    confidence: float
    pictures: int
    before: int
    after: int
    shift: float


def limit_false_alarms(segmenter: Segmenter, folder: Path, share: float) -> FalseAlarms:
    """Make a model less sure until it finds something in at most a share of the pictures in a folder.

    Changes the bias of the segmenter's box predictor in place. A model within the share stays as it is.
    For one class the order of all detections stays; with several, the order of those of one picture nearly does.

    Args:
        segmenter: leaves out detections below its ``confidence``, which is over 0 and below 1.
        folder: see :func:`~balloon_splash.data.datasets.background_photos.load_background_photos`: pictures without
            objects that the model was not trained on, at least ``1 / share`` of them.
        share: in [0, 1).

    Raises:
        UsageError: ``share`` or the confidence is out of range, or the share too small for so few pictures.
        ConfigError: the classifier of the model is not a softmax with a bias.
        DatasetError, MediaError: the folder, or a picture in it, cannot be read.
    """
    if not 0 <= share < 1:
        raise UsageError(f"{share} as the share of false alarms; expected 0 or more, and less than 1")
    if not 0 < segmenter.confidence < 1:
        raise UsageError(f"a confidence of {segmenter.confidence:g}; expected more than 0 and less than 1")
    photos = [Path(photo["file_name"]) for photo in load_background_photos(folder)]
    if share and share * len(photos) < 1:
        found = counted(len(photos), "picture")
        raise UsageError(f"{folder}: {found}; expected at least {math.ceil(1 / share)} for {share:g}")
    bias = softmax_layer(segmenter.model).bias
    scores = _top_scores(segmenter, photos)
    alarming = [photo for photo, score in zip(photos, scores, strict=True) if score >= segmenter.confidence]
    too_sure = sorted(scores, reverse=True)[math.floor(share * len(photos))]
    if too_sure < segmenter.confidence:
        return FalseAlarms(segmenter.confidence, len(photos), len(alarming), len(alarming), 0.0)
    shift = _logit(too_sure) - _logit(segmenter.confidence) + _CLEAR
    bias.data[-1] += shift  # Detectron2 puts the background last
    # All scores fall, so the other pictures stay below.
    left = sum(score >= segmenter.confidence for score in _top_scores(segmenter, alarming))
    return FalseAlarms(segmenter.confidence, len(photos), len(alarming), left, shift)


def _top_scores(segmenter: Segmenter, photos: Sequence[Path]) -> list[float]:
    """Return the best score in each picture, 0 where nothing was found."""
    found = (segmenter.detect([read_picture(photo).rgb8])[0] for photo in photos)
    progress = ProgressBar(found, total=len(photos), desc="looking for false alarms", unit="picture")
    return [float(max(each.scores, default=0.0)) for each in progress]


def _logit(probability: float) -> float:
    return math.log(probability) - math.log1p(-min(probability, 1 - 1e-7))
