"""Packed weights for Detectron2's own loaders: ``balloon-splash://balloon`` as ``MODEL.WEIGHTS``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from iopath.common.file_io import PathHandler

from balloon_splash.errors import WeightsError
from balloon_splash.files import atomic_path, cache_folder
from balloon_splash.weights.names import PACKED_PREFIX, SHIPPED, shipped_model
from balloon_splash.weights.packed import read_about, read_safetensors


class PackedWeights(PathHandler):
    """Handler of iopath that turns a packed file into a ``.pth``, once, in the cache folder.

    ``balloon-splash://balloon`` is the model that ships, ``balloon-splash://PATH`` a file that ``pack_weights`` wrote.
    """

    def _get_supported_prefixes(self) -> list[str]:
        return [PACKED_PREFIX]

    def _get_local_path(self, path: str, force: bool = False, **kwargs: Any) -> str:
        return str(unpacked(path.removeprefix(PACKED_PREFIX)))


def unpacked(name: str) -> Path:
    """Return the path of a ``.pth`` with the weights of a packed file, in float32, and its class names.

    Args:
        name: ``balloon``, or the path of a packed file.

    Raises:
        WeightsError: no packed file is there, or it is damaged.
    """
    source = shipped_model() if name == SHIPPED else Path(name)
    if not source.is_file():
        raise WeightsError(
            f"{PACKED_PREFIX}{name}: no such file; expected {PACKED_PREFIX}{SHIPPED}, or the path of a packed file"
        )
    about = read_about(str(source))
    if about is None:
        raise WeightsError(f"{PACKED_PREFIX}{name}: not packed; expected a file that pack_weights has written")
    target = cache_folder() / "weights" / f"{source.stem}-{about.digest[:16]}.pth"
    if not target.is_file():
        content = read_safetensors(str(source))
        with atomic_path(target, overwrite=True) as temporary:
            torch.save({"model": content["model"], "class_names": content["class_names"]}, temporary)
    return target
