"""Safe reading of weights: from files to tensors without running code."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import torch

from balloon_splash.errors import WeightsError


def _empty_array(_kind: Any, _shape: Any, _dtype: Any) -> npt.NDArray[Any]:
    """Stand in for NumPy's ``_reconstruct``, whose arguments are always the same in an honest file."""
    return np.empty(0, np.int8)


def _as_latin1(text: str, _codec: str) -> bytes:
    """Stand in for ``_codecs.encode``, by which Python 3 writes bytes for Python 2."""
    return text.encode("latin1")


def _scalar(dtype: np.dtype[Any], content: bytes) -> Any:
    """Stand in for NumPy's ``scalar``, which would accept an object for some types."""
    return np.frombuffer(content, dtype)[0]


#: Names that a pickle of the model zoo uses, and what each one gets: only builders of arrays and containers.
_HARMLESS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("_codecs", "encode"): _as_latin1,
    ("numpy", "ndarray"): None,  # only ever an argument of _reconstruct
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _empty_array,
    ("numpy.core.multiarray", "scalar"): _scalar,
    ("numpy._core.multiarray", "_reconstruct"): _empty_array,
    ("numpy._core.multiarray", "scalar"): _scalar,
}


def read_pth(path: str) -> dict[str, Any]:
    """Read a torch checkpoint: tensors and plain containers only, on the CPU.

    Raises:
        WeightsError: damaged, or it holds objects whose loading would run code.
    """
    _check_archive(path)
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        refused = re.search(r"GLOBAL (\S+)", str(error))
        if refused is None:
            raise WeightsError(f"{path}: damaged or not a torch checkpoint") from error
        raise WeightsError(
            f"{path}: refused, it wants to load {refused[1]}; expected tensors and plain containers only"
        ) from error
    except Exception as error:  # anything that a stranger's file provokes is the file's fault
        raise WeightsError(f"{path}: damaged or not a torch checkpoint ({_first_line(error)})") from error
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path}: holds a {type(loaded).__name__}; expected a dict of tensors")
    return loaded


def _check_archive(path: str) -> None:
    """Check the checksums of a ``.pth``, which is a ZIP archive; torch does not.

    Raises:
        WeightsError: a checksum is wrong, or the content is larger than the file.
    """
    if not zipfile.is_zipfile(path):  # written by torch before 1.6, or not a checkpoint at all: torch.load handles it
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > Path(path).stat().st_size:
                raise WeightsError(f"{path}: refused, it grows to {size} bytes when unpacked; expected it not to grow")
            broken = archive.testzip()
    except WeightsError:
        raise
    except Exception as error:  # as above
        raise WeightsError(f"{path}: damaged or not a torch checkpoint ({_first_line(error)})") from error
    if broken is not None:
        raise WeightsError(f"{path}: damaged, the checksum of {broken} in it is wrong")


def read_pkl(path: str) -> dict[str, Any]:
    """Read a pickle in the zoo's layout; refuse anything but arrays and plain containers before it is built.

    Raises:
        WeightsError: damaged, or it names something else, which the message names.
    """
    with Path(path).open("rb") as file:
        try:
            loaded = _ArraysOnly(file, path).load()
        except WeightsError:
            raise
        except Exception as error:  # as above
            raise WeightsError(f"{path}: damaged or not a checkpoint ({_first_line(error)})") from error
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path}: holds a {type(loaded).__name__}; expected a dict of arrays")
    return loaded


class _ArraysOnly(pickle._Unpickler):
    """Unpickler in pure Python: the one in C lets a file of 10 bytes take all memory (LONG_BINPUT)."""

    def __init__(self, file: BinaryIO, path: str) -> None:
        super().__init__(file, encoding="latin1")  # the zoo's files were written by Python 2
        self.path = path

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _HARMLESS:
            raise WeightsError(f"{self.path}: refused, it wants to load {module}.{name}; expected arrays only")
        return _HARMLESS[module, name]


def from_torchvision(state: dict[str, Any]) -> dict[str, Any]:
    """Rename the tensors of a torchvision ResNet to those of Detectron2's; return other dicts unchanged."""
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
