"""Calibration of scores by predictions for photos that the models did not learn from.

Afterwards a score is the share of detections like it that are objects: of those with 0.9, nine of ten. The logit of a
score is scaled and shifted, as Platt 1999, "Probabilistic Outputs for Support Vector Machines", does with predictions
of a cross-validation; the scale alone would be the temperature of Guo et al. 2017, "On Calibration of Modern Neural
Networks". Both are linear in the logits, so they go into the classifier's last layer, and every program that runs the
model has them. The order of the detections stays.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from balloon_splash.engine.out_of_fold import OutOfFold
from balloon_splash.errors import ConfigError, UsageError
from balloon_splash.export.classifier import softmax_layer

FEWEST = 20
"""Fewest detections of either kind, objects and others."""

_CERTAIN = 1e-7  # distance from 0 and 1 at which scores are cut off: in fp32 many of them are 1


@dataclass(frozen=True)
class Calibration:
    """Change to the logits of scores, and its effect.

    Attributes:
        slope: factor of the logit, above 0; below 1 where the models are too sure of themselves.
        intercept: number added to it.
        detections: number of detections that it was fitted to.
        before: mean negative logarithm of the probability given to what each of them is, before the change.
        after: the same after it, on the same detections.
    """

    slope: float
    intercept: float
    detections: int
    before: float
    after: float


def fit_calibration(scores: npt.NDArray[np.float64], is_object: npt.NDArray[np.bool_]) -> Calibration:
    """Fit slope and intercept by maximum likelihood.

    Args:
        scores: ``(N,)`` in [0, 1].
        is_object: ``(N,)``.

    Raises:
        UsageError: there are fewer than :data:`FEWEST` of a kind, or higher scores are not likelier objects.
    """
    found = int(is_object.sum())
    if min(found, len(scores) - found) < FEWEST:
        raise UsageError(
            f"{found} detections of objects and {len(scores) - found} others; expected at least {FEWEST} of each to "
            "calibrate scores"
        )
    clipped = torch.from_numpy(np.clip(scores, _CERTAIN, 1 - _CERTAIN))
    logits, wanted = torch.logit(clipped), torch.from_numpy(is_object.astype(np.float64))
    change = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([change], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = binary_cross_entropy_with_logits(change[0] * logits + change[1], wanted)
        value.backward()
        return value

    before = loss().item()
    optimizer.step(loss)
    slope, intercept = change.detach().tolist()
    if slope <= 0:
        raise UsageError("higher scores are not likelier objects; expected predictions of a trained model")
    return Calibration(slope, intercept, len(scores), before, loss().item())


def calibrate_scores(model: Any, class_names: Sequence[str], predictions: OutOfFold) -> Calibration:
    """Calibrate the scores of a model in place, by predictions of models that its own recipe made.

    Args:
        model: the model.
        class_names: the name of its class.
        predictions: of a cross-validation of the recipe.

    Raises:
        ConfigError: the model has several classes, or its classifier is not a softmax with a bias.
        UsageError: the predictions are too few, or of other classes.
    """
    layer = softmax_layer(model)
    if len(class_names) > 1:
        raise ConfigError(f"{', '.join(class_names)}: found several classes; scores can be calibrated for one only")
    others = sorted(set(predictions.classes) - set(class_names))
    if others:
        raise UsageError(f"predictions of {', '.join(others)}; expected those of the model's class, {class_names[0]}")
    calibration = fit_calibration(predictions.scores, predictions.is_object)
    with torch.no_grad():
        layer.weight.mul_(calibration.slope)
        layer.bias.mul_(calibration.slope)
        layer.bias[-1] -= calibration.intercept
    return calibration
