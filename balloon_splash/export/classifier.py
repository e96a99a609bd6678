"""Last layer of a model's classifier, by which its scores are changed without changing their order."""

from __future__ import annotations

from typing import Any

from torch import nn

from balloon_splash.errors import ConfigError


def softmax_layer(model: Any) -> nn.Linear:
    """Return the layer that gives the logits of the classes and, last, of the background.

    Raises:
        ConfigError: the classifier of the model is not a softmax with a bias.
    """
    predictor = getattr(model.roi_heads, "box_predictor", None)
    layer = getattr(predictor, "cls_score", None)
    if not isinstance(layer, nn.Linear) or layer.bias is None or getattr(predictor, "use_sigmoid_ce", False):
        raise ConfigError("the box head has no softmax over classes and background; expected FastRCNNOutputLayers")
    return layer
