"""Model under inspection: loaded as for evaluation, run so that every stage can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from detectron2.config import CfgNode
from detectron2.data.detection_utils import SizeMismatchError

from balloon_splash.data.training.mapper import build_evaluation_mapper
from balloon_splash.errors import ConfigError, MediaError, one_line
from balloon_splash.inference.loading import load_chosen
from balloon_splash.inspect.page.style import Rgb
from balloon_splash.modeling import Trace
from balloon_splash.modeling.checks import watch_predictions
from balloon_splash.modeling.matterport import MatterportRCNN
from balloon_splash.weights.resolve import choose_model

#: Detectron2's classes, and ours, which compute the same from the same weights and can be traced.
_TRACEABLE = {
    "MODEL.META_ARCHITECTURE": {"GeneralizedRCNN": "BalloonRCNN", "MatterportRCNN": "MatterportRCNN"},
    "MODEL.PROPOSAL_GENERATOR.NAME": {"RPN": "BalloonRPN", "MatterportRPN": "MatterportRPN"},
    "MODEL.ROI_HEADS.NAME": {"StandardROIHeads": "BalloonROIHeads", "MatterportROIHeads": "MatterportROIHeads"},
}


@dataclass(frozen=True)
class Subject:
    """Trained model, with the settings of its configuration for reading photos.

    Attributes:
        name: its name in reports.
        model: the model in evaluation mode, weights loaded.
        cfg: the configuration that it was built from.
        class_names: one name per class.
    """

    name: str
    model: Any
    cfg: CfgNode
    class_names: tuple[str, ...]

    @classmethod
    def load(
        cls,
        config_file: str | None = None,
        weights: str | None = None,
        *,
        device: str | None = None,
        opts: Sequence[str] = (),
    ) -> Subject:
        """Build the model of a configuration, one of Detectron2's zoo included, and load its weights.

        Args:
            config_file: see :func:`balloon_splash.config.config_path`.
            weights: a path, a URL, or a short name. One of the two is enough: see
                :func:`balloon_splash.weights.resolve.choose_model`.
            device: a torch device; by default a GPU if there is one.
            opts: ``KEY VALUE`` overrides of the configuration.

        Raises:
            ConfigError: the configuration is wrong, or its model cannot be traced.
            WeightsError: the weights are missing, unsafe, or do not fit.
        """
        cfg = choose_model(config_file, weights, device=device, opts=opts).cfg
        cfg.merge_from_list(_traceable(cfg))
        loaded = load_chosen(cfg)
        watch_predictions(loaded.model)
        return cls(Path(cfg.MODEL.WEIGHTS).stem, *loaded)

    def read(self, entry: dict[str, Any]) -> dict[str, Any]:
        """Read the photo of a dataset dict, of which ``file_name`` is enough, as evaluation does.

        Returns:
            The dict with ``image``, ``(C, H, W)`` uint8 resized, and ``height`` and ``width`` of the photo.

        Raises:
            MediaError: the photo cannot be read, or does not have the size in the dict.
        """
        mapper = build_evaluation_mapper(self.cfg)
        try:
            return mapper(entry)
        except SizeMismatchError as error:
            raise MediaError(f"{entry['file_name']}: cannot be read: {one_line(error)}") from error

    def trace(self, inputs: dict[str, Any], *, confidence: float = 0.0) -> Trace:
        """Run one forward pass over one photo, as :meth:`read` gives it, and record its stages.

        Args:
            inputs: the model's input.
            confidence: detections with a lower score do not reach the mask branch; where
                ``MODEL.BALLOON.CONFIDENCE_FLOOR`` is larger, it counts instead.
        """
        self.model.roi_heads.confidence_floor = max(confidence, self.cfg.MODEL.BALLOON.CONFIDENCE_FLOOR)
        trace: Trace = self.model.trace([inputs])
        return trace

    def resized_photo(self, inputs: dict[str, Any]) -> Rgb:
        """``(H, W, 3)`` RGB of what the network sees, before normalisation; without padding, but with a canvas."""
        image = self.model.letterbox(inputs["image"]) if isinstance(self.model, MatterportRCNN) else inputs["image"]
        pixels: Rgb = image.permute(1, 2, 0).to(torch.uint8).numpy()
        return pixels[:, :, ::-1] if self.cfg.INPUT.FORMAT == "BGR" else pixels


def _traceable(cfg: CfgNode) -> list[str]:
    """Return overrides that replace Detectron2's classes by ours.

    Raises:
        ConfigError: the model has another structure.
    """
    opts = ["MODEL.BALLOON.SOFT_MASKS", "True"]
    found = {
        "MODEL.META_ARCHITECTURE": cfg.MODEL.META_ARCHITECTURE,
        "MODEL.PROPOSAL_GENERATOR.NAME": cfg.MODEL.PROPOSAL_GENERATOR.NAME,
        "MODEL.ROI_HEADS.NAME": cfg.MODEL.ROI_HEADS.NAME,
    }
    for key, ours in _TRACEABLE.items():
        if found[key] not in {*ours, *ours.values()}:
            raise ConfigError(f"{key} is {found[key]}: its stages cannot be shown; expected {', '.join(ours.values())}")
        opts += [key, ours.get(found[key], found[key])]
    return opts
