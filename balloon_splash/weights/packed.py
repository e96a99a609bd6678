"""Weights in a small file: safetensors with 8, 16 or 32 bits per weight, read back as float32.

A file of ours is a plain safetensors file whose metadata say what it is: ``format``, ``version``, ``storage``,
``class_names``, ``config`` (the configuration it was trained with), ``card`` (facts about the model), ``structure``
(what :mod:`balloon_splash.runtime` needs to run it without torch, where that can be), ``writer`` (the version of this
package that wrote it) and ``digest``.
With ``int8``, each large weight is a tensor of int8 and, under its name and :data:`_SCALE`, a float32 scale for each
slice of its first dimension, the output channels of a convolution (weight-only quantisation, symmetric, to the
nearest; as in Jacob et al. 2018, section 2). The scales and shifts of norms stay float32.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from balloon_splash import __version__
from balloon_splash.errors import WeightsError
from balloon_splash.files import atomic_path
from balloon_splash.weights.soundness import fault_in

if TYPE_CHECKING:
    from torch import Tensor

Array = npt.NDArray[Any]

FORMAT = "balloon-splash weights"
VERSION = "1"
STORAGES = ("int8", "fp16", "fp32")
SUFFIX = ".safetensors"

_SCALE = ":scale"
#: Smaller tensors stay float16: they take little space, and the first and last layers are among them.
_LARGE = 65536
_STEPS = 127  # largest int8 to either side of zero


@dataclass(frozen=True)
class About:
    """Metadata of a packed file about its model.

    Attributes:
        class_names: one name per class.
        config: the name of a configuration file, ours or one beside the weights.
        card: facts for people: AP, data, licence, ...
        structure: JSON of a :class:`~balloon_splash.runtime.structure.Structure`; None where torch is needed.
        digest: of all that the file holds, as it says itself; empty before it is written.
        writer: the program that wrote it, with its version; empty before it is written.
    """

    class_names: tuple[str, ...]
    config: str
    card: Mapping[str, str] = field(default_factory=dict)
    structure: str | None = None
    digest: str = field(default="", compare=False)
    writer: str = field(default="", compare=False)


class Packed(NamedTuple):
    """Packed file of which only the metadata are in memory.

    Attributes:
        path: the file.
        about: its metadata.
    """

    path: Path
    about: About


def write_packed(
    path: Path, state: Mapping[str, Tensor], about: About, *, storage: str = "int8", overwrite: bool = False
) -> None:
    """Write weights into a small file.

    Args:
        path: the file, ``*.safetensors``.
        state: tensors by name, as in a model's ``state_dict``.
        about: metadata to store with them.
        storage: one of :data:`STORAGES`, for large weights; ``int8`` takes a quarter of ``fp32``, which is exact.
        overwrite: replace an existing file.

    Raises:
        WeightsError: a weight is not finite, or too large to compute with or for float16.
        OutputExistsError: the file exists, and ``overwrite`` is false.
    """
    if storage not in STORAGES:
        raise WeightsError(f"storage {storage!r}; expected {', '.join(STORAGES)}")
    packed: dict[str, Array] = {}
    for name, value in state.items():
        packed |= _packed(name, value.detach().cpu().numpy(), storage)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "storage": storage,
        "class_names": json.dumps(list(about.class_names)),
        "config": about.config,
        "card": json.dumps(dict(about.card), sort_keys=True),
        "writer": f"balloon_splash {__version__}",
    }
    if about.structure is not None:
        metadata["structure"] = about.structure
    metadata["digest"] = _digest(packed, metadata)
    with atomic_path(path, overwrite=overwrite) as temporary:
        save_file(packed, str(temporary), metadata)


def read_safetensors(path: str) -> dict[str, Any]:
    """Read a safetensors file, ours or another, into tensors.

    Returns:
        ``model``; in files of ours, in float32 and with ``class_names``, ``config`` and ``card``.

    Raises:
        WeightsError: damaged, altered, or written by a later version.
    """
    import torch

    metadata, _ = _read(path, "pt", with_tensors=False)
    if metadata.get("format") != FORMAT:
        return {"model": _read(path, "pt", with_tensors=True)[1]}
    about, arrays = read_arrays(path)
    model = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return {"model": model, "class_names": list(about.class_names), "config": about.config, "card": dict(about.card)}


def read_arrays(path: str) -> tuple[About, dict[str, Array]]:
    """Read the metadata and the float32 weights of a file of ours, without torch.

    Raises:
        WeightsError: not one of ours, damaged, altered, written by a later version, or with weights that are not finite
            or too large to compute with.
    """
    metadata, tensors = _read(path, "np", with_tensors=True)
    if metadata.get("format") != FORMAT:
        raise WeightsError(f"{path}: weights of another program; expected a file that pack_weights has written")
    about = _about(path, metadata)
    if metadata.get("digest") != _digest(tensors, metadata):
        raise WeightsError(f"{path}: damaged or altered, its content does not match the digest that it names")
    scales = {name.removesuffix(_SCALE): tensors.pop(name) for name in list(tensors) if name.endswith(_SCALE)}
    arrays = {name: _unpacked(value, scales.get(name)) for name, value in tensors.items()}
    for name, array in arrays.items():
        if fault := fault_in(array):
            raise WeightsError(f"{path}: {name} {fault}")
    return about, arrays


def read_about(path: str) -> About | None:
    """Read the metadata of a file without its weights; None if it is not one of ours.

    Raises:
        WeightsError: damaged, or written by a later version.
    """
    metadata, _ = _read(path, "np", with_tensors=False)
    return _about(path, metadata) if metadata.get("format") == FORMAT else None


def relative_errors(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> dict[str, float]:
    """Return the relative error of each tensor: norm of the difference by norm of the tensor, 0 where that is 0."""
    errors = {}
    for name, value in before.items():
        exact = value.detach().cpu().double()
        norm = float(exact.norm())
        errors[name] = float((after[name].double() - exact).norm()) / norm if norm else 0.0
    return errors


def _packed(name: str, value: Array, storage: str) -> dict[str, Array]:
    """Return the arrays that represent one array in the file."""
    if not np.issubdtype(value.dtype, np.floating):
        return {name: np.array(value, order="C")}
    if fault := fault_in(value):
        raise WeightsError(f"{name} {fault}")
    value = np.array(value, np.float32, order="C")
    if value.ndim < 2 or storage == "fp32":  # norms and biases: exact, they take next to no space
        return {name: value}
    if storage == "fp16" or value.size < _LARGE:
        with np.errstate(over="ignore"):
            half = value.astype(np.float16)
        if not np.isfinite(half).all():
            raise WeightsError(f"{name} holds {float(np.abs(value).max()):.3g}, too large for 16 bits")
        return {name: half}
    scale = np.abs(value.reshape(len(value), -1)).max(1) / np.float32(_STEPS)
    steps = value / _along_first(np.where(scale > 0, scale, np.float32(1)), value)
    return {name: np.rint(steps).astype(np.int8), f"{name}{_SCALE}": scale}


def _unpacked(value: Array, scale: Array | None) -> Array:
    if scale is not None:
        return value.astype(np.float32) * _along_first(scale, value)
    return value.astype(np.float32) if np.issubdtype(value.dtype, np.floating) else value


def _along_first(scale: Array, value: Array) -> Array:
    return scale.reshape(-1, *[1] * (value.ndim - 1))


def _digest(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """Return the SHA-256 of the file's content, in a fixed order."""
    digest = hashlib.sha256()
    for key in sorted(set(metadata) - {"digest"}):
        digest.update(f"{key}={metadata[key]}\n".encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name} torch.{value.dtype} {tuple(value.shape)}\n".encode())  # torch wrote the first files
        digest.update(np.ascontiguousarray(value).data)
    return digest.hexdigest()


def _read(path: str, framework: str, *, with_tensors: bool) -> tuple[dict[str, str], dict[str, Any]]:
    try:
        with safe_open(path, framework=framework) as file:
            names: Sequence[str] = file.keys() if with_tensors else ()
            return file.metadata() or {}, {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, TypeError) as error:
        raise WeightsError(f"{path}: damaged or not a safetensors file ({error})") from error


def _about(path: str, metadata: Mapping[str, str]) -> About:
    if metadata.get("version") != VERSION:
        raise WeightsError(
            f"{path}: version {metadata.get('version')} of {FORMAT}, written by {_writer(metadata)}; "
            f"expected {VERSION}, or a newer balloon_splash than {__version__}"
        )
    try:
        names, card = tuple(json.loads(metadata["class_names"])), json.loads(metadata["card"])
        structure, digest = metadata.get("structure"), metadata["digest"]
        return About(names, metadata["config"], card, structure, digest, _writer(metadata))
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: damaged, its metadata are incomplete ({error})") from error


def _writer(metadata: Mapping[str, str]) -> str:
    return metadata.get("writer", "an older balloon_splash")  # which did not say
