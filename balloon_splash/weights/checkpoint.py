"""Checkpoints: read without running code, written whole or not at all, and never half-fitting."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from detectron2.checkpoint import DetectionCheckpointer
from torch import Tensor, nn

from balloon_splash.errors import TrainingError, WeightsError
from balloon_splash.files import atomic_path
from balloon_splash.weights.fetch import local_weights
from balloon_splash.weights.packed import read_safetensors
from balloon_splash.weights.read import from_torchvision, read_pkl, read_pth
from balloon_splash.weights.run_folder import has_run, newest_sound, note_last, prune

#: Layers whose size depends on the classes.
CLASS_HEADS = ("roi_heads.box_predictor.", "roi_heads.mask_head.predictor.", "roi_heads.mask_head.iou_head.predictor.")

#: Key of the moving average of the weights in a checkpoint, if the run kept one.
AVERAGE = "ema"

#: Buffers that older checkpoints hold and that now come from the configuration.
_FROM_CONFIG = ("pixel_mean", "pixel_std")
_BACKBONE_BLOCK = re.compile(r"(backbone\.bottom_up\.)?res\d\.")
_SHOWN = 4

logger = logging.getLogger(__name__)


class Fit(Enum):
    """Required fit of weights to the model."""

    EXACT = "every tensor, as for evaluation, splash and resume"
    PRETRAINED = "every tensor, or just the backbone of a classifier"
    NEW_CLASS_HEADS = "every tensor but the class-specific ones, which start anew where they do not fit"


class SafeCheckpointer(DetectionCheckpointer):
    """Detectron2's checkpointer that refuses what it cannot trust.

    Stock Detectron2 unpickles anything, writes straight to the final name, and only warns about missing or mis-shaped
    weights, whose layers are then random. Here each of these is a :class:`WeightsError` with the list.

    Attributes:
        fit: how well the next file that is loaded has to fit.
        started_anew: the layers that the file loaded last did not have, and need not have, by the beginning of their
            names.
    """

    def __init__(
        self,
        model: nn.Module,
        save_dir: str = "",
        *,
        fit: Fit = Fit.EXACT,
        new_layers: Sequence[str] = (),
        class_names: Sequence[str] = (),
        keep: int = 0,
        **checkpointables: Any,
    ) -> None:
        """Take the arguments of ``DetectionCheckpointer``, and some of our own.

        Args:
            model, save_dir, checkpointables: as in ``DetectionCheckpointer``.
            fit: required fit of weights to the model.
            new_layers: prefixes of the names of layers that may be missing, unless the fit is exact.
            class_names: the names of the classes, saved with the weights.
            keep: number of numbered checkpoints to keep, see :func:`balloon_splash.weights.run_folder.prune`.
        """
        super().__init__(model, save_dir, **checkpointables)
        self.fit = fit
        self.new_layers = tuple(new_layers)
        self.class_names = list(class_names)
        self.keep = keep
        self.started_anew: tuple[str, ...] = ()
        self._source = ""
        self._goes_on = False

    def load(self, path: str, checkpointables: list[str] | None = None) -> dict[str, Any]:
        """Load weights, and the state of the checkpointables in the file.

        Where the file has a moving average of the weights, load that, except when a run resumes.

        Args:
            path: a path or URL; empty leaves the model as it is.
            checkpointables: names of those to load; None for all.

        Raises:
            WeightsError: the file does not exist, is unsafe or damaged, or does not fit.
        """
        self._source = path
        self._goes_on = AVERAGE in (self.checkpointables if checkpointables is None else checkpointables)
        return super().load(local_weights(path) if path else path, checkpointables)

    def resume_or_load(self, path: str, *, resume: bool = True) -> dict[str, Any]:
        """Load as ``Checkpointer`` does; a checkpoint to resume from has to fit exactly."""
        if resume and self.has_checkpoint():
            self.fit = Fit.EXACT
        return super().resume_or_load(path, resume=resume)

    def has_checkpoint(self) -> bool:
        """Return whether the folder holds a run to resume."""
        return bool(self.save_dir) and has_run(self.save_dir)

    def get_checkpoint_file(self) -> str:
        """Return the checkpoint to resume from; see :func:`balloon_splash.weights.run_folder.newest_sound`."""
        return str(newest_sound(Path(self.save_dir)))

    def save(self, name: str, **kwargs: Any) -> None:
        """Write ``<name>.pth`` into the run's folder, whole or not at all; then note it as the last, and prune.

        Raises:
            TrainingError: the weights are not finite, or the file cannot be written.
        """
        if not self.save_dir or not self.save_to_disk:
            return
        data = {"model": self.model.state_dict(), "class_names": self.class_names, **kwargs}
        data |= {key: holder.state_dict() for key, holder in self.checkpointables.items()}
        path = Path(self.save_dir, f"{name}.pth")
        broken = _not_finite(data["model"]) or _not_finite(data.get(AVERAGE, {}))
        if broken:
            raise TrainingError(f"{path}: not written, {broken} is not finite; the training has diverged")
        try:
            with atomic_path(path, overwrite=True, durable=True) as temporary:
                _write(data, temporary)
            self.tag_last_checkpoint(path.name)
        except OSError as error:
            raise TrainingError(f"{path}: cannot be written ({error.strerror})") from error

    def tag_last_checkpoint(self, last_filename_basename: str) -> None:
        """Note the file as the one to resume from, unless it is the best one, which lags behind; prune old ones."""
        if last_filename_basename.startswith("model_best"):
            return
        note_last(Path(self.save_dir, last_filename_basename))
        prune(Path(self.save_dir), self.keep)

    def _load_file(self, filename: str) -> dict[str, Any]:
        loaded = self._read(filename)
        for part in {"model", AVERAGE} & loaded.keys():
            _check_tensors(f"{self._source}: {part}", loaded[part])
        return loaded

    def _read(self, filename: str) -> dict[str, Any]:
        if filename.endswith(".safetensors"):
            return read_safetensors(filename)
        if filename.endswith(".pkl"):
            return _zoo_layout(read_pkl(filename))
        loaded = read_pth(filename)
        if "model" not in loaded:
            loaded = {"model": loaded}
        if AVERAGE in loaded and not self._goes_on:
            loaded["model"] = loaded.pop(AVERAGE)
        renamed = from_torchvision(loaded["model"])
        if renamed is not loaded["model"]:
            return {"model": renamed, "matching_heuristics": True}
        return loaded

    def _load_model(self, checkpoint: dict[str, Any]) -> Any:
        found = checkpoint.get("class_names")
        if self.class_names and isinstance(found, list):
            compare_classes(found, self.class_names, self._source, exact=self.fit is Fit.EXACT)
        has_heads = any("roi_heads." in key for key in checkpoint["model"])
        incompatible = super()._load_model(checkpoint)
        new_layers = () if self.fit is Fit.EXACT else self.new_layers
        problems = _misfits(incompatible, self.fit, new_layers, has_heads=has_heads)
        if problems:
            raise WeightsError(
                f"{self._source}: does not fit this model; expected {self.fit.value}: {_listed(problems)}"
                f"{_hint(problems, self.fit, checkpoint)}"
            )
        self.started_anew = _groups(incompatible.missing_keys)
        return incompatible

    def _log_incompatible_keys(self, incompatible: Any) -> None:
        """Log what is left after :meth:`_load_model` has refused what must fit; a list of names helps nobody there."""
        if self.started_anew:
            logger.info("%s: started anew, as intended: %s", self._source, ", ".join(self.started_anew))


def compare_classes(found: Sequence[str], expected: Sequence[str], source: str, *, exact: bool = True) -> None:
    """Compare the classes of weights with those of the data by name; a single class may have any name.

    Args:
        found: names in the checkpoint.
        expected: names in the dataset.
        source: the checkpoint.
        exact: the classes have to be the same; else a run may give them another meaning, except for classes that both
            know, which would be mixed up.

    Raises:
        WeightsError: the classes differ, or are in another order.
    """
    if list(found) == list(expected):
        return
    mixed_up = len(found) == len(expected) and any(
        name in expected and expected[number] != name for number, name in enumerate(found)
    )
    names, wanted = ", ".join(map(str, found)), ", ".join(expected)
    if mixed_up or (exact and max(len(found), len(expected)) > 1):
        raise WeightsError(f"{source}: its classes are {names}; expected those of the dataset, {wanted}, in this order")
    logger.warning("%s: its classes are %s, those of the dataset %s", source, names, wanted)


def _check_tensors(name: str, state: Any) -> None:
    """Check that the content of the file, known to be harmless here, is weights.

    Raises:
        WeightsError: it is not a dict, or it holds something other than tensors and arrays of numbers.
    """
    if not isinstance(state, dict):
        raise WeightsError(f"{name} is a {type(state).__name__}; expected a dict of tensors")
    for key, value in state.items():
        numbers = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
        if not isinstance(key, str) or not (numbers or isinstance(value, Tensor)):
            raise WeightsError(f"{name} has a {type(value).__name__} under {key!r}; expected a tensor of numbers")


def _not_finite(state: Mapping[str, Tensor]) -> str | None:
    """Return the name of the first tensor with NaN or infinity in it."""
    return next((key for key, value in state.items() if not torch.isfinite(value).all()), None)


def _write(data: dict[str, Any], path: Path) -> None:
    """Call ``torch.save``, with the true reason where it fails.

    Raises:
        OSError: the disk is full, or a similar failure.
    """
    try:
        with path.open("wb") as file:
            torch.save(data, file)
    except RuntimeError as error:  # torch hides the reason behind "unexpected pos"
        if isinstance(error.__context__, OSError):
            raise error.__context__ from None
        raise


def _misfits(incompatible: Any, fit: Fit, new_layers: tuple[str, ...], *, has_heads: bool) -> list[str]:
    """List what should fit and does not, one line per tensor."""

    def may_differ(key: str) -> bool:
        if key.startswith(new_layers):
            return True
        if fit is Fit.NEW_CLASS_HEADS:
            return key.startswith(CLASS_HEADS)
        return fit is Fit.PRETRAINED and not has_heads and not key.startswith("backbone.bottom_up.")

    # A mis-shaped tensor is taken out before loading, so it also counts as missing.
    misshaped = {key: (tuple(found), tuple(ours)) for key, found, ours in incompatible.incorrect_shapes}
    problems = [f"{key} is {found}, not {ours}" for key, (found, ours) in misshaped.items() if not may_differ(key)]
    problems += [
        f"{key} is missing" for key in incompatible.missing_keys if key not in misshaped and not may_differ(key)
    ]
    # A deeper backbone has the same names and more: half of it would be lost silently.
    problems += [
        f"{key} is unknown here"
        for key in incompatible.unexpected_keys
        if (fit is Fit.EXACT and key not in _FROM_CONFIG) or _BACKBONE_BLOCK.match(key)
    ]
    return problems


def _groups(keys: Sequence[str]) -> tuple[str, ...]:
    """Return the first two parts of the names of tensors, without the numbers of levels, each once."""
    return tuple(dict.fromkeys(re.sub(r"(_lateral|_output)?\d+$", "", ".".join(key.split(".")[:2])) for key in keys))


def _zoo_layout(data: dict[str, Any]) -> dict[str, Any]:
    """Bring a pickle of Detectron2's zoo, or of Caffe2's, into the form that ``DetectionCheckpointer`` expects."""
    if "model" in data and "__author__" in data:
        return data
    blobs = data.get("blobs", data)
    if not isinstance(blobs, dict):
        return {"model": blobs}
    weights = {key: value for key, value in blobs.items() if not str(key).endswith("_momentum")}
    return {"model": weights, "__author__": "Caffe2", "matching_heuristics": True}


def _hint(problems: list[str], fit: Fit, checkpoint: Mapping[str, Any]) -> str:
    """Return a hint at the configuration, or at the key to set where only the number of classes differs."""
    config = checkpoint.get("config")
    if "card" in checkpoint and isinstance(config, str):
        return f"; the weights belong to {config} (--config-file)"
    if fit is Fit.PRETRAINED and all(problem.startswith(CLASS_HEADS) for problem in problems):
        return "; of other classes? MODEL.BALLOON.NEW_CLASS_HEADS True lets these layers start anew"
    return "; of another configuration? --config-file names it" if fit is Fit.EXACT else ""


def _listed(problems: list[str]) -> str:
    rest = len(problems) - _SHOWN
    return "; ".join(problems[:_SHOWN]) + (f"; and {rest} more" if rest > 0 else "")
