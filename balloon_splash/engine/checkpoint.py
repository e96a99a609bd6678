"""Checkpoints: read without running code, written whole or not at all, and never half-fitting."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from detectron2.checkpoint import DetectionCheckpointer
from safetensors.torch import load_file
from torch import nn

from balloon_splash.engine.weights import from_torchvision, local_weights, read_pkl, read_pth
from balloon_splash.errors import WeightsError
from balloon_splash.files import atomic_path

#: Layers whose size depends on the classes.
CLASS_HEADS = ("roi_heads.box_predictor.", "roi_heads.mask_head.predictor.", "roi_heads.mask_head.iou_head.predictor.")

#: Buffers that older checkpoints hold and that now come from the configuration.
_FROM_CONFIG = ("pixel_mean", "pixel_std")
_BACKBONE_BLOCK = re.compile(r"(backbone\.bottom_up\.)?res\d\.")
_PARTIAL = "partial-"
_SHOWN = 12


class Fit(Enum):
    """How well weights have to fit the model."""

    EXACT = "every tensor, as for evaluation, splash and resume"
    PRETRAINED = "every tensor, or just the backbone of a classifier"
    NEW_CLASS_HEADS = "every tensor but the class-specific ones, which start anew where they do not fit"


class SafeCheckpointer(DetectionCheckpointer):
    """Detectron2's checkpointer that refuses what it cannot trust.

    Stock Detectron2 unpickles anything, writes straight to the final name, and only warns about missing or mis-shaped
    weights, whose layers are then random. Here each of these is a :class:`WeightsError` with the list.

    Attributes:
        fit: how well the next file that is loaded has to fit.
    """

    def __init__(
        self,
        model: nn.Module,
        save_dir: str = "",
        *,
        fit: Fit = Fit.EXACT,
        class_names: Sequence[str] = (),
        **checkpointables: Any,
    ) -> None:
        """Arguments as in ``DetectionCheckpointer``, ``fit``, and the names of the classes, which are saved, too."""
        super().__init__(model, save_dir, **checkpointables)
        self.fit = fit
        self.class_names = list(class_names)
        self._source = ""

    def load(self, path: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Load weights, and what else the file has for the checkpointables.

        Args:
            path: a path or URL; empty leaves the model as it is.
            args, kwargs: as in ``Checkpointer.load``.

        Raises:
            WeightsError: no such file, unsafe, damaged, or it does not fit.
        """
        self._source = path
        return super().load(local_weights(path) if path else path, *args, **kwargs)

    def resume_or_load(self, path: str, *, resume: bool = True) -> dict[str, Any]:
        """As in ``Checkpointer``; a checkpoint that is resumed from has to fit exactly."""
        if resume and self.has_checkpoint():
            self.fit = Fit.EXACT
        return super().resume_or_load(path, resume=resume)

    def save(self, name: str, **kwargs: Any) -> None:
        """Write ``<name>.pth`` into the run's folder: under another name first, and renamed once it is on the disk."""
        try:
            super().save(_PARTIAL + name, class_names=self.class_names, **kwargs)
        finally:
            Path(self.save_dir, f"{_PARTIAL}{name}.pth").unlink(missing_ok=True)

    def tag_last_checkpoint(self, last_filename_basename: str) -> None:
        """Give the file just written its final name; note it as the last one, unless it is the best one.

        A run resumes from the last checkpoint. The best one lags behind and must not be taken for it.
        """
        final = Path(self.save_dir, last_filename_basename.removeprefix(_PARTIAL))
        written = Path(self.save_dir, last_filename_basename)
        with written.open("rb") as file:
            os.fsync(file.fileno())
        written.replace(final)
        if not final.name.startswith("model_best"):
            with atomic_path(Path(self.save_dir, "last_checkpoint"), overwrite=True) as path:
                path.write_text(final.name)

    def _load_file(self, filename: str) -> dict[str, Any]:
        if filename.endswith(".safetensors"):
            return {"model": load_file(filename)}
        if filename.endswith(".pkl"):
            return _zoo_layout(read_pkl(filename))
        loaded = super()._load_file(filename)
        renamed = from_torchvision(loaded["model"])
        if renamed is not loaded["model"]:
            return {"model": renamed, "matching_heuristics": True}
        return loaded

    def _torch_load(self, filename: str) -> dict[str, Any]:
        return read_pth(filename)

    def _load_model(self, checkpoint: dict[str, Any]) -> Any:
        has_heads = any("roi_heads." in key for key in checkpoint["model"])
        incompatible = super()._load_model(checkpoint)
        problems = _misfits(incompatible, self.fit, has_heads=has_heads)
        if problems:
            raise WeightsError(
                f"{self._source}: does not fit this model; expected {self.fit.value}: {_listed(problems)}"
            )
        return incompatible


def _misfits(incompatible: Any, fit: Fit, *, has_heads: bool) -> list[str]:
    """What does not fit and should, a line each."""

    def may_differ(key: str) -> bool:
        if fit is Fit.NEW_CLASS_HEADS:
            return key.startswith(CLASS_HEADS)
        return fit is Fit.PRETRAINED and not has_heads and not key.startswith("backbone.bottom_up.")

    # A mis-shaped tensor is taken out before loading, and so counts as missing, too.
    misshaped = {key: (tuple(found), tuple(ours)) for key, found, ours in incompatible.incorrect_shapes}
    problems = [f"{key} is {found}, not {ours}" for key, (found, ours) in misshaped.items() if not may_differ(key)]
    problems += [
        f"{key} is missing" for key in incompatible.missing_keys if key not in misshaped and not may_differ(key)
    ]
    # Of another depth, a backbone has the same names and more: half of it would be lost without a word.
    problems += [
        f"{key} is unknown here"
        for key in incompatible.unexpected_keys
        if (fit is Fit.EXACT and key not in _FROM_CONFIG) or _BACKBONE_BLOCK.match(key)
    ]
    return problems


def _zoo_layout(data: dict[str, Any]) -> dict[str, Any]:
    """A pickle of Detectron2's zoo, or of Caffe2's, in the form that ``DetectionCheckpointer`` goes on with."""
    if "model" in data and "__author__" in data:
        return data
    blobs = data.get("blobs", data)
    weights = {key: value for key, value in blobs.items() if not key.endswith("_momentum")}
    return {"model": weights, "__author__": "Caffe2", "matching_heuristics": True}


def _listed(problems: list[str]) -> str:
    rest = len(problems) - _SHOWN
    return "; ".join(problems[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
