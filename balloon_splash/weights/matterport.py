"""Reader of ``.h5`` files that matterport's Mask R-CNN saved: its arrays under Detectron2's names.

https://github.com/matterport/Mask_RCNN at commit 3deaec5, ``mrcnn/model.py``. Keras writes a group per layer and
in it ``LAYER/kernel:0``, ``LAYER/bias:0`` and so on. Only arrays of numbers that the network is known to have are read;
nothing else in the file, such as the description of a Keras model, is looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from balloon_splash.errors import ConfigError, WeightsError
from balloon_splash.weights.soundness import fault_in

if TYPE_CHECKING:
    import h5py

Array = npt.NDArray[np.float32]
Shape = tuple[int, ...]

#: Keras' default epsilon of a batch norm, and that of Detectron2's ``FrozenBatchNorm2d``.
KERAS_EPSILON, EPSILON = 1e-3, 1e-5

_RPN_WIDTH, _MASK_WIDTH, _POOLED = 512, 256, 7
_STAGE_WIDTHS = {2: 64, 3: 128, 4: 256, 5: 512}
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")
_ARRAYS = {"kernel", "bias", *_NORM}
_SHOWN = 4


@dataclass(frozen=True)
class Architecture:
    """Sizes of the network, as the shapes of its arrays show them.

    Attributes:
        depth: depth of the ResNet, 50 or 101.
        num_classes: number of classes without the background.
        fpn_width: channels of the feature pyramid (``TOP_DOWN_PYRAMID_SIZE``).
        fc_width: width of the box head (``FPN_CLASSIF_FC_LAYERS_SIZE``).
        num_ratios: anchors per cell (``RPN_ANCHOR_RATIOS``).
    """

    depth: int
    num_classes: int
    fpn_width: int
    fc_width: int
    num_ratios: int

    @property
    def blocks(self) -> dict[int, int]:
        """Number of residual blocks in each stage of the ResNet."""
        return {2: 3, 3: 4, 4: 23 if self.depth == 101 else 6, 5: 3}


@dataclass(frozen=True)
class MatterportWeights:
    """Content of an ``.h5`` file.

    Attributes:
        architecture: the sizes.
        state: float32 tensors by the names that Detectron2's Mask R-CNN on a ResNet-FPN gives them. Batch norms of the
            backbone stay, with the biases and the epsilon of Keras in their statistics; those of the heads are folded
            into the layers before them.
    """

    architecture: Architecture
    state: dict[str, Tensor]


def read_matterport(path: str | Path) -> MatterportWeights:
    """Read weights, or a full Keras model with weights, that matterport's Mask R-CNN saved.

    Raises:
        ConfigError: h5py is not installed.
        WeightsError: the file does not exist, is damaged, holds another network or numbers that are not finite or too
            large to compute with; names the array.
    """
    try:
        import h5py
    except ImportError as error:
        raise ConfigError(f"{path}: h5py is not installed; pip install 'balloon-splash[matterport]'") from error
    if not Path(path).is_file():
        raise WeightsError(f"{path}: no such file; expected an .h5 file of matterport's Mask R-CNN")
    try:
        with h5py.File(path, "r") as file:
            found = _datasets(path, file)
            architecture = _architecture(path, found)
            _check(path, found, expected_shapes(architecture))
            arrays = {name: np.asarray(dataset[()], np.float32) for name, dataset in found.items()}
    except (OSError, RuntimeError, KeyError, ValueError) as error:  # h5py raises all kinds on hostile files
        raise WeightsError(f"{path}: damaged or not an HDF5 file ({str(error).splitlines()[0]})") from error
    for name, array in arrays.items():
        if fault := fault_in(array):
            raise WeightsError(f"{path}: {name} {fault}")
    return MatterportWeights(architecture, convert(arrays, architecture))


def expected_shapes(of: Architecture) -> dict[str, Shape]:
    """``LAYER/ARRAY`` to shape, as Keras lays arrays out, for all arrays of the network."""
    shapes: dict[str, Shape] = {}

    def layer(name: str, *kernel: int, bias: int | None = None) -> None:
        shapes[f"{name}/kernel"], shapes[f"{name}/bias"] = kernel, (kernel[-1] if bias is None else bias,)

    def norm(name: str, width: int) -> None:
        shapes.update({f"{name}/{array}": (width,) for array in _NORM})

    for conv, bn, _, kernel in _backbone(of):
        layer(conv, *kernel)
        norm(bn, kernel[-1])
    for level in (2, 3, 4, 5):
        layer(f"fpn_c{level}p{level}", 1, 1, 4 * _STAGE_WIDTHS[level], of.fpn_width)
        layer(f"fpn_p{level}", 3, 3, of.fpn_width, of.fpn_width)
    layer("rpn_conv_shared", 3, 3, of.fpn_width, _RPN_WIDTH)
    layer("rpn_class_raw", 1, 1, _RPN_WIDTH, 2 * of.num_ratios)
    layer("rpn_bbox_pred", 1, 1, _RPN_WIDTH, 4 * of.num_ratios)
    layer("mrcnn_class_conv1", _POOLED, _POOLED, of.fpn_width, of.fc_width)
    layer("mrcnn_class_conv2", 1, 1, of.fc_width, of.fc_width)
    for index in (1, 2):
        norm(f"mrcnn_class_bn{index}", of.fc_width)
    layer("mrcnn_class_logits", of.fc_width, of.num_classes + 1)
    layer("mrcnn_bbox_fc", of.fc_width, 4 * (of.num_classes + 1))
    for index in (1, 2, 3, 4):
        layer(f"mrcnn_mask_conv{index}", 3, 3, of.fpn_width if index == 1 else _MASK_WIDTH, _MASK_WIDTH)
        norm(f"mrcnn_mask_bn{index}", _MASK_WIDTH)
    layer("mrcnn_mask_deconv", 2, 2, _MASK_WIDTH, _MASK_WIDTH)
    layer("mrcnn_mask", 1, 1, _MASK_WIDTH, of.num_classes + 1)
    return shapes


def _backbone(of: Architecture) -> Iterator[tuple[str, str, str, Shape]]:
    """Yield each convolution of the ResNet: its name, its norm's, Detectron2's, and the kernel's shape."""
    yield "conv1", "bn_conv1", "stem.conv1", (7, 7, 3, 64)
    before = 64
    for stage, blocks in of.blocks.items():
        width = _STAGE_WIDTHS[stage]
        for index in range(blocks):
            kernels = {"2a": (1, 1, before, width), "2b": (3, 3, width, width), "2c": (1, 1, width, 4 * width)}
            names = {"2a": "conv1", "2b": "conv2", "2c": "conv3", "1": "shortcut"}
            if index == 0:
                kernels["1"] = (1, 1, before, 4 * width)
            for branch, kernel in kernels.items():
                name = f"{stage}{chr(ord('a') + index)}_branch{branch}"
                yield f"res{name}", f"bn{name}", f"res{stage}.{index}.{names[branch]}", kernel
            before = 4 * width


_LAYERS = {name.partition("/")[0] for name in expected_shapes(Architecture(101, 1, 256, 1024, 3))}


def _datasets(path: str | Path, file: h5py.File) -> dict[str, Any]:
    """Return the arrays of the weights, not yet read, by ``LAYER/ARRAY``."""
    root = file.get("model_weights", file)
    found: dict[str, Any] = {}
    for parts, dataset in _walk(path, root, ()):
        layer, array = _names(parts)
        if array not in _ARRAYS:
            raise WeightsError(f"{path}: array {'/'.join(parts)} found; expected none but {', '.join(sorted(_ARRAYS))}")
        name = f"{layer}/{array}"
        if name in found:
            raise WeightsError(f"{path}: array {name} found twice; expected once")
        if dataset.dtype.kind != "f":
            raise WeightsError(f"{path}: array {name} is of type {dataset.dtype}; expected floating-point numbers")
        found[name] = dataset
    return found


def _walk(path: str | Path, group: Any, above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each dataset below a group, with its path; refuse what is stored in another file."""
    import h5py

    for name in group:
        parts = (*above, name)
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise WeightsError(f"{path}: {'/'.join(parts)} is a link; expected the array itself")
        child = group[name]
        if isinstance(child, h5py.Group):
            if len(parts) > 6:  # two are usual; a group may hold itself
                raise WeightsError(f"{path}: {'/'.join(parts)} is nested too deeply; expected LAYER/LAYER/ARRAY")
            yield from _walk(path, child, parts)
        elif child.external or child.is_virtual:
            raise WeightsError(f"{path}: {'/'.join(parts)} is stored in another file; expected it in this one")
        else:
            yield parts, child


def _names(parts: tuple[str, ...]) -> tuple[str, str]:
    """Return layer and array of a dataset's path.

    TensorFlow appends ``_1`` to the scope of a layer where a process built the network twice, for training and for
    inference; the group keeps the layer's name.
    """
    scopes = [re.sub(r"_\d+$", "", part) for part in parts[-2::-1]]
    layer = next((scope for scope in scopes if scope in _LAYERS), "/".join(parts[:-1]))
    return layer, parts[-1].partition(":")[0]


def _architecture(path: str | Path, found: Mapping[str, Any]) -> Architecture:
    """Read the sizes of the network off the shapes of its arrays."""
    tells = {"mrcnn_class_logits/bias": 1, "fpn_p2/bias": 1, "mrcnn_class_conv2/bias": 1, "rpn_class_raw/bias": 1}
    for name, dimensions in tells.items():
        if name not in found:
            raise WeightsError(
                f"{path}: array {name} is missing, {len(found)} others found; expected all weights of matterport's "
                "Mask R-CNN"
            )
        if found[name].ndim != dimensions or found[name].shape[0] < 2:
            raise WeightsError(f"{path}: array {name} is {found[name].shape}; expected one dimension, 2 or more long")
    classes, fpn, fc, ratios = (int(found[name].shape[0]) for name in tells)
    depth = 101 if "res4w_branch2a/kernel" in found else 50
    return Architecture(depth, classes - 1, fpn, fc, ratios // 2)


def _check(path: str | Path, found: Mapping[str, Any], expected: Mapping[str, Shape]) -> None:
    """Compare names and shapes, before anything is read.

    Raises:
        WeightsError: with the first few arrays that do not fit.
    """
    problems = [f"array {name} is missing, expected {shape}" for name, shape in expected.items() if name not in found]
    problems += [
        f"array {name} is {tuple(found[name].shape)}, expected {shape}"
        for name, shape in expected.items()
        if name in found and tuple(found[name].shape) != shape
    ]
    problems += [f"array {name} is unknown, expected none of this name" for name in found if name not in expected]
    if problems:
        more = f"; and {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise WeightsError(f"{path}: not matterport's Mask R-CNN: {'; '.join(problems[:_SHOWN])}{more}")


def convert(arrays: Mapping[str, Array], of: Architecture) -> dict[str, Tensor]:
    """Convert all arrays to Detectron2's names, layouts and orders."""
    state: dict[str, Array] = {}

    def put(name: str, kernel: Array, bias: Array) -> None:
        state[f"{name}.weight"], state[f"{name}.bias"] = kernel, bias

    def conv(layer: str) -> tuple[Array, Array]:
        return arrays[f"{layer}/kernel"].transpose(3, 2, 0, 1), arrays[f"{layer}/bias"]

    for layer, norm, name, _ in _backbone(of):
        state |= _norm_after_bias(arrays, layer, norm, f"backbone.bottom_up.{name}")
    for level in (2, 3, 4, 5):
        put(f"backbone.fpn_lateral{level}", *conv(f"fpn_c{level}p{level}"))
        put(f"backbone.fpn_output{level}", *conv(f"fpn_p{level}"))
    put("proposal_generator.rpn_head.conv", *conv("rpn_conv_shared"))
    # Softmax over (background, foreground) is the sigmoid of their difference.
    kernel, bias = conv("rpn_class_raw")
    put("proposal_generator.rpn_head.objectness_logits", kernel[1::2] - kernel[::2], bias[1::2] - bias[::2])
    put("proposal_generator.rpn_head.anchor_deltas", *(_xy_first(each) for each in conv("rpn_bbox_pred")))
    for index in (1, 2):
        kernel, bias = _folded(arrays, f"mrcnn_class_conv{index}", f"mrcnn_class_bn{index}")
        put(f"roi_heads.box_head.fc{index}", kernel.reshape(len(kernel), -1), bias)
    # Class 0 is the background; Detectron2 has it last among the scores, and not among the deltas and masks.
    kernel, bias = arrays["mrcnn_class_logits/kernel"].T, arrays["mrcnn_class_logits/bias"]
    put("roi_heads.box_predictor.cls_score", np.roll(kernel, -1, axis=0), np.roll(bias, -1))
    kernel, bias = arrays["mrcnn_bbox_fc/kernel"].T, arrays["mrcnn_bbox_fc/bias"]
    put("roi_heads.box_predictor.bbox_pred", _xy_first(kernel[4:]), _xy_first(bias[4:]))
    for index in (1, 2, 3, 4):
        put(
            f"roi_heads.mask_head.mask_fcn{index}", *_folded(arrays, f"mrcnn_mask_conv{index}", f"mrcnn_mask_bn{index}")
        )
    # (h, w, out, in) becomes (in, out, h, w), the layout of a transposed convolution.
    put("roi_heads.mask_head.deconv", *conv("mrcnn_mask_deconv"))
    kernel, bias = conv("mrcnn_mask")
    put("roi_heads.mask_head.predictor", kernel[1:], bias[1:])
    return {name: torch.from_numpy(np.ascontiguousarray(array, np.float32)) for name, array in state.items()}


def _norm_after_bias(arrays: Mapping[str, Array], layer: str, norm: str, name: str) -> dict[str, Array]:
    """Return a convolution without bias and its batch norm, whose statistics take up the bias and Keras' epsilon."""
    gamma, beta, mean, variance = (arrays[f"{norm}/{array}"] for array in _NORM)
    return {
        f"{name}.weight": arrays[f"{layer}/kernel"].transpose(3, 2, 0, 1),
        f"{name}.norm.weight": gamma,
        f"{name}.norm.bias": beta,
        f"{name}.norm.running_mean": mean - arrays[f"{layer}/bias"],
        f"{name}.norm.running_var": variance + np.float32(KERAS_EPSILON - EPSILON),
    }


def _folded(arrays: Mapping[str, Array], layer: str, norm: str) -> tuple[Array, Array]:
    """Fold the batch norm behind a convolution into its kernel ``(out, in, h, w)`` and bias."""
    gamma, beta, mean, variance = (arrays[f"{norm}/{array}"].astype(np.float64) for array in _NORM)
    scale = gamma / np.sqrt(variance + KERAS_EPSILON)
    kernel = arrays[f"{layer}/kernel"].transpose(3, 2, 0, 1) * scale[:, None, None, None]
    bias = (arrays[f"{layer}/bias"] - mean) * scale + beta
    return kernel.astype(np.float32), bias.astype(np.float32)


def _xy_first(deltas: Array) -> Array:
    """Reorder rows of (dy, dx, dh, dw) for each anchor or class to (dx, dy, dw, dh)."""
    return deltas.reshape(-1, 4, *deltas.shape[1:])[:, [1, 0, 3, 2]].reshape(deltas.shape)
