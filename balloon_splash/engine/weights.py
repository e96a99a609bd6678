"""From the article's words for starting weights to files, and from files to tensors without running code."""

from __future__ import annotations

import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO
from urllib.error import URLError
from urllib.parse import urlparse

import torch
from detectron2 import model_zoo
from detectron2.config import CfgNode
from detectron2.utils.file_io import PathManager
from iopath.common.file_io import get_cache_dir

from balloon_splash.errors import WeightsError

_MSRA = "detectron2://ImageNetPretrained/MSRA/R-{depth}.pkl"
_TORCHVISION = {
    18: "https://download.pytorch.org/models/resnet18-f37072fd.pth",
    34: "https://download.pytorch.org/models/resnet34-b627a593.pth",
}

#: The only callables that a pickle of the model zoo needs: they build arrays and plain containers.
_HARMLESS = {
    ("collections", "OrderedDict"),
    ("_codecs", "encode"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "scalar"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "scalar"),
}


def use_weights(cfg: CfgNode, word: str) -> None:
    """Set ``MODEL.WEIGHTS`` from one of the article's words, a path or a URL (in place).

    Args:
        cfg: tells the depth of the backbone, hence which file is meant.
        word: ``coco`` (a detector of the zoo; the class-specific layers start anew), ``imagenet`` (a classifier, for
            the backbone), ``none`` (random), or a path or URL.

    Raises:
        WeightsError: there are no such weights for this backbone.
    """
    depth = cfg.MODEL.RESNETS.DEPTH
    if word == "coco":
        if depth not in (50, 101):
            raise WeightsError(
                f"--weights coco: the zoo has no Mask R-CNN on ResNet-{depth}-FPN; expected depth 50 or 101"
            )
        cfg.MODEL.WEIGHTS = model_zoo.get_checkpoint_url(f"COCO-InstanceSegmentation/mask_rcnn_R_{depth}_FPN_3x.yaml")
        cfg.MODEL.BALLOON.NEW_CLASS_HEADS = True
        return
    cfg.MODEL.BALLOON.NEW_CLASS_HEADS = False
    if word == "imagenet":
        if depth not in (18, 34, 50, 101):
            raise WeightsError(
                f"--weights imagenet: no classifier known for ResNet-{depth}; expected 18, 34, 50 or 101"
            )
        cfg.MODEL.WEIGHTS = _TORCHVISION.get(depth, _MSRA.format(depth=depth))
    elif word == "none":
        cfg.MODEL.WEIGHTS = ""
    else:
        cfg.MODEL.WEIGHTS = word


def local_weights(path: str) -> str:
    """The local copy of a path or URL (``https://``, ``detectron2://``), fetched once if need be.

    Raises:
        WeightsError: no such file, or it cannot be fetched; says where a copy fetched elsewhere would be found.
    """
    try:
        local = PathManager.get_local_path(path)
    except (URLError, OSError, RuntimeError) as error:
        raise WeightsError(
            f"{path}: cannot be fetched ({error}); without internet, put the file at {_cached(path)}"
        ) from error
    if not Path(local).is_file():
        raise WeightsError(f"{path}: no such file; expected weights (.pth, .pkl or .safetensors)")
    return local


def _cached(path: str) -> Path:
    """Where Detectron2 looks for its copy of a URL."""
    if path.startswith("detectron2://"):
        return Path(get_cache_dir()) / "detectron2" / path.removeprefix("detectron2://")
    return Path(get_cache_dir()) / urlparse(path).path.lstrip("/")


def read_pth(path: str) -> dict[str, Any]:
    """Read a torch checkpoint: tensors and plain containers only, on the CPU.

    Raises:
        WeightsError: damaged, or it holds objects that would have to run code.
    """
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused is None:
            raise WeightsError(f"{path}: damaged or not a torch checkpoint") from error
        raise WeightsError(
            f"{path}: refused, it wants to load {refused[1]}; expected tensors and plain containers only"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError) as error:
        raise WeightsError(f"{path}: damaged or not a torch checkpoint ({_first_line(error)})") from error
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path}: holds a {type(loaded).__name__}; expected a dict of tensors")
    return loaded


def read_pkl(path: str) -> dict[str, Any]:
    """Read a pickle of the zoo's layout; anything but arrays and plain containers is refused before it is built.

    Raises:
        WeightsError: damaged, or it names something else; says what.
    """
    with Path(path).open("rb") as file:
        try:
            loaded = _ArraysOnly(file, path).load()
        except (pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, IndexError, KeyError) as error:
            raise WeightsError(f"{path}: damaged or not a checkpoint ({_first_line(error)})") from error
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path}: holds a {type(loaded).__name__}; expected a dict of arrays")
    return loaded


class _ArraysOnly(pickle.Unpickler):
    def __init__(self, file: BinaryIO, path: str) -> None:
        super().__init__(file, encoding="latin1")  # the zoo's files were written by Python 2
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise WeightsError(f"{self.path}: refused, it wants to load {module}.{name}; expected arrays only")
        return super().find_class(module, name)


def from_torchvision(state: dict[str, Any]) -> dict[str, Any]:
    """Rename the tensors of a torchvision ResNet to those of Detectron2's; other dicts come back unchanged."""
    if "layer1.0.conv1.weight" not in state:
        return state
    renamed = OrderedDict()
    for key, value in state.items():
        if key.startswith("fc.") or key.endswith("num_batches_tracked"):
            continue
        name = key if key.startswith("layer") else f"stem.{key}"
        name = re.sub(r"layer(\d)", lambda match: f"res{int(match[1]) + 1}", name)
        name = name.replace("downsample.0", "shortcut").replace("downsample.1", "shortcut.norm")
        renamed[re.sub(r"bn(\d)", r"conv\1.norm", name)] = value
    return renamed


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0] or type(error).__name__
