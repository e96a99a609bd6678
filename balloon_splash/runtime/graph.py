"""Builder of OpenVINO models of a Mask R-CNN's parts from NumPy weights, without tracing or conversion.

The layers are Detectron2's (ResNet with a stem of 7x7, FPN, RPN head, box head, mask head, point head), with frozen
norms folded into the convolutions in front of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime import winograd
from balloon_splash.runtime.structure import Range, Structure
from balloon_splash.unreported import import_unreported

if TYPE_CHECKING:
    import openvino as ov

Array = npt.NDArray[Any]
Weights = Mapping[str, Array]
"""float32 arrays by the names of the ``state_dict``."""

Canvas = tuple[int, int]
"""Height and width in pixels of what the network sees, multiples of 32."""

_EPSILON = 1e-5  # epsilon of Detectron2's norms
_QUANTISED = "FakeQuantize"
_LAID_OUT_BY_CELL = 256  # channels from which this pays: with 128, it takes as long as it saves (measured on AVX-512)
_FINEST = "backbone.fpn_output2.weight"


@dataclass(frozen=True)
class Int8:
    """Ranges and steps of a graph in 8 bits.

    Attributes:
        ranges: ranges of the values into each quantised convolution, by :meth:`_Layers.quantised`'s names.
        steps: steps of the weights to either side of zero: 127, or 63 for processors that add two products in 16 bits.
    """

    ranges: Mapping[str, Range]
    steps: int = 127


class _Layers:
    """Builder that adds layers to a graph, with weights by their names.

    Attributes:
        observed: the inputs of :meth:`quantised`, by name.
    """

    def __init__(self, weights: Weights, int8: Int8 | None = None, *, tiled: bool = False) -> None:
        """Add layers with these weights; ``tiled``: by Winograd's convolution where it is quicker."""
        self.weights = weights
        self._tiled = tiled
        self._transformed: dict[str, Any] = {}  # of the RPN, used at each level
        self.ops: Any = import_unreported("openvino.opset13")
        self.observed: dict[str, Any] = {}
        self._int8 = int8

    def quantised(self, x: Any, name: str) -> Any:
        """Round values to 256 steps in 8 bits, else leave them; convolutions of rounded values compute in 8 bits."""
        self.observed[name] = x
        if self._int8 is None:
            return x
        low, high = (self.constant(np.float32(each)) for each in self._int8.ranges[name])
        return self.ops.fake_quantize(x, low, high, low, high, 256)

    def convolution(self, x: Any, name: str, *, stride: int = 1, relu: bool = False) -> Any:
        """Add a convolution padded to keep its input's size, its norm if it has one, and a ReLU on request."""
        kernel, bias = self._folded(name)
        if self._tiled and not _is_quantised(x) and winograd.suits(kernel, stride):
            if name not in self._transformed:
                self._transformed[name] = winograd.transformed(self.ops, kernel)
            return winograd.convolution(self.ops, x, self._transformed[name], bias, relu=relu)
        pad = [(kernel.shape[2] - 1) // 2, (kernel.shape[3] - 1) // 2]
        weights = self._in_8_bits(kernel) if _is_quantised(x) else self.constant(kernel)
        x = self.ops.convolution(x, weights, [stride, stride], pad, pad, [1, 1])
        x = self.ops.add(x, self.constant(bias.reshape(1, -1, 1, 1)))
        return self.ops.relu(x) if relu else x

    def linear(self, x: Any, name: str, *, relu: bool = False) -> Any:
        """Add a fully connected layer on the last dimension; a 1x1 convolution counts as one."""
        matrix = self.weights[f"{name}.weight"]
        x = self.ops.matmul(x, self.constant(matrix.reshape(len(matrix), -1)), False, True)
        x = self.ops.add(x, self.constant(self.weights[f"{name}.bias"]))
        return self.ops.relu(x) if relu else x

    def upsampling(self, x: Any, name: str) -> Any:
        """Add a transposed convolution of stride 2 with a ReLU."""
        x = self.ops.convolution_backprop_data(x, self.constant(self.weights[f"{name}.weight"]), [2, 2])
        return self.ops.relu(self.ops.add(x, self.constant(self.weights[f"{name}.bias"].reshape(1, -1, 1, 1))))

    def constant(self, value: Array) -> Any:
        return self.ops.constant(np.ascontiguousarray(value, np.float32))

    def _in_8_bits(self, kernel: Array) -> Any:
        """Add a kernel as integers with one scale per output channel."""
        steps = 127 if self._int8 is None else self._int8.steps
        scale = np.maximum(np.abs(kernel.reshape(len(kernel), -1)).max(1) / np.float32(steps), np.float32(1e-12))
        scale = scale.reshape(-1, 1, 1, 1)
        integers = self.ops.constant(np.rint(kernel / scale).astype(np.int8))
        return self.ops.multiply(self.ops.convert(integers, np.float32), self.constant(scale))

    def _folded(self, name: str) -> tuple[Array, Array]:
        kernel = self.weights[f"{name}.weight"]
        norm = f"{name}.norm."
        if f"{norm}weight" not in self.weights:
            return kernel, self.weights.get(f"{name}.bias", np.zeros(len(kernel), np.float32))
        mean, variance = self.weights[f"{norm}running_mean"], self.weights[f"{norm}running_var"]
        scale = self.weights[f"{norm}weight"] / np.sqrt(variance + _EPSILON)
        return kernel * scale[:, None, None, None], self.weights[f"{norm}bias"] - mean * scale


def _is_quantised(x: Any) -> bool:
    """Return whether values are of the 256 steps; a pooling chooses among them."""
    if x.get_type_name() == "MaxPool":
        x = x.input_value(0).get_node()
    return bool(x.get_type_name() == _QUANTISED)


def convolutional_part(
    structure: Structure,
    weights: Weights,
    int8: Int8 | None = None,
    *,
    tiled: bool = False,
    canvas: Canvas | None = None,
) -> ov.Model:
    """Build backbone, FPN and RPN head.

    Args:
        structure: the model's.
        weights: those of the model.
        int8: ranges and steps of 8 bits.
        tiled: use Winograd's convolution, which needs fp32, where it is quicker.
        canvas: of all pictures; None for any.

    Returns:
        a model of one input ``(1, 3, H, W)`` (normalised, padded to a multiple of 32) whose outputs are the feature
        maps of :attr:`Structure.pooled_levels` ``(1, C, h, w)``, or ``(1, h, w, C)`` where the canvas is given, then
        for each level of the RPN logits ``(1, h, w, A)``, then for each deltas ``(1, h, w, 4A)``, and for a point head
        the finest map ``(1, h, w, C)``.
    """
    layers = _Layers(weights, int8, tiled=tiled)
    image, outputs = _convolutional(layers, structure, canvas)
    if canvas:
        maps = structure.pooled_levels
        outputs = [*(_channels_last(layers.ops, x) for x in outputs[:maps]), *outputs[maps:]]
    return import_unreported("openvino").Model(outputs, [image])


def observed_part(structure: Structure, weights: Weights) -> tuple[ov.Model, list[str]]:
    """Build the convolutional part in fp32, for measuring ranges.

    Returns:
        a model whose outputs are the smallest and the largest value of each quantity that has a range, and their names.
    """
    layers = _Layers(weights)
    ops = layers.ops
    image, _ = _convolutional(layers, structure)
    axes = np.arange(4)
    extremes = [each(x, axes) for x in layers.observed.values() for each in (ops.reduce_min, ops.reduce_max)]
    return import_unreported("openvino").Model(extremes, [image]), list(layers.observed)


def _convolutional(layers: _Layers, structure: Structure, canvas: Canvas | None = None) -> tuple[Any, list[Any]]:
    ops = layers.ops
    image = ops.parameter([1, 3, *(canvas or (-1, -1))], np.float32, name="image")
    pyramid = _pyramid(layers, _resnet(layers, image, structure))
    head = "proposal_generator.rpn_head"
    logits, deltas = [], []
    for level, x in enumerate(pyramid, start=2):
        x = layers.quantised(x, f"p{level}")
        for name in structure.rpn_convolutions:
            x = layers.convolution(x, f"{head}.{name}", relu=True)
        logits.append(_channels_last(ops, layers.convolution(x, f"{head}.objectness_logits")))
        deltas.append(_channels_last(ops, layers.convolution(x, f"{head}.anchor_deltas")))
    finest = [_channels_last(ops, pyramid[0])] if structure.point_layers else []  # points take all channels of a cell
    return image, [*pyramid[: structure.pooled_levels], *logits, *deltas, *finest]


def _resnet(layers: _Layers, x: Any, structure: Structure) -> list[Any]:
    """Build the ResNet; returns the maps for the FPN, fine to coarse."""
    prefix = "backbone.bottom_up"
    # Rounded before the pooling, which gives what rounding after it would, in a quarter of the memory.
    x = layers.quantised(layers.convolution(x, f"{prefix}.stem.conv1", stride=2, relu=True), "stem")
    opset1: Any = import_unreported("openvino.opset1")
    before = [0, 0] if structure.matterport else [1, 1]  # Keras pads an even size at its end only
    x = opset1.max_pool(x, [2, 2], before, [1, 1], [3, 3], "floor")
    maps = []
    for stage, blocks in enumerate(structure.blocks):
        for block in range(blocks):
            stride = 2 if block == 0 and stage > 0 else 1
            x = _block(layers, x, f"{prefix}.res{stage + 2}.{block}", stride, structure)
        maps.append(x)
    return maps


def _block(layers: _Layers, x: Any, name: str, stride: int, structure: Structure) -> Any:
    shortcut = x
    if f"{name}.shortcut.weight" in layers.weights:
        shortcut = layers.convolution(x, f"{name}.shortcut", stride=stride)
    strides = [stride]
    if structure.bottleneck:
        strides = [stride, 1] if structure.stride_in_1x1 else [1, stride]
    for number, own in enumerate(strides, start=1):
        x = layers.convolution(x, f"{name}.conv{number}", stride=own, relu=True)
        x = layers.quantised(x, f"{name}.conv{number}")
    x = layers.convolution(x, f"{name}.conv{len(strides) + 1}")
    return layers.quantised(layers.ops.relu(layers.ops.add(x, shortcut)), name)


def _pyramid(layers: _Layers, maps: Sequence[Any]) -> list[Any]:
    """Build P2 to P6 from C2 to C5 (Lin et al. 2017, "Feature Pyramid Networks")."""
    levels: list[Any] = []
    above = None
    for number in range(len(maps), 0, -1):
        x = layers.convolution(maps[number - 1], f"backbone.fpn_lateral{number + 1}")
        if above is not None:
            x = layers.ops.add(x, _twice_as_large(layers.ops, above))
        above = x
        x = layers.quantised(x, f"backbone.fpn_lateral{number + 1}")
        levels.insert(0, layers.convolution(x, f"backbone.fpn_output{number + 1}"))
    opset1: Any = import_unreported("openvino.opset1")
    return [*levels, opset1.max_pool(levels[-1], [2, 2], [0, 0], [0, 0], [1, 1], "floor")]


def _twice_as_large(ops: Any, x: Any) -> Any:
    """Double height and width by repeating each cell."""
    scales, axes = np.array([2, 2], np.float32), np.array([2, 3], np.int64)
    return ops.interpolate(
        x, scales, "nearest", "scales", axes=axes, coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )


def _channels_last(ops: Any, x: Any) -> Any:
    """Maps ``(N, C, h, w)`` to ``(N, h, w, C)``: what Winograd's convolution had before its last transposition."""
    if x.get_type_name() == "Transpose":
        return x.input_value(0).get_node()
    return ops.transpose(x, np.array([0, 2, 3, 1], np.int64))


def box_head(structure: Structure, weights: Weights, canvas: Canvas | None = None) -> ov.Model:
    """Build pooler, box head and predictor, for any canvas or for the one given.

    Returns:
        a model whose inputs are the feature maps, as :func:`convolutional_part` gives them, and for each of them the
        boxes ``(R, 4)`` that it is the right one for; its outputs are scores ``(R, K + 1)``, background last, and
        deltas ``(R, 4K)``, with the boxes in the order of the maps.
    """
    layers = _Layers(weights)
    inputs, x = _pooled(layers, structure, structure.box_pool, canvas)
    channels = len(weights[_FINEST])
    x = layers.ops.reshape(x, np.array([-1, channels * structure.box_pool**2], np.int64), False)
    for name in structure.box_layers:
        x = layers.linear(x, f"roi_heads.box_head.{name}", relu=True)
    scores = layers.ops.softmax(layers.linear(x, "roi_heads.box_predictor.cls_score"), 1)
    deltas = layers.linear(x, "roi_heads.box_predictor.bbox_pred")
    return import_unreported("openvino").Model([scores, deltas], inputs)


def mask_head(structure: Structure, weights: Weights, canvas: Canvas | None = None) -> ov.Model:
    """Build pooler and mask head: inputs as in :func:`box_head`, outputs logits ``(R, K, M, M)``."""
    layers = _Layers(weights)
    inputs, x = _pooled(layers, structure, structure.mask_pool, canvas)
    for name in structure.mask_layers:
        x = layers.convolution(x, f"{structure.mask_prefix}{name}", relu=True)
    x = layers.upsampling(x, f"{structure.mask_prefix}deconv")
    x = layers.convolution(x, f"{structure.mask_prefix}predictor")
    return import_unreported("openvino").Model([x], inputs)


def point_head(structure: Structure, weights: Weights) -> ov.Model:
    """Build PointRend's multi-layer perceptron: features ``(P, C)`` and coarse logits ``(P, K)`` to logits."""
    layers = _Layers(weights)
    prefix = "roi_heads.mask_head.point_head"
    classes = len(weights[f"{structure.mask_prefix}predictor.weight"])
    fine = layers.ops.parameter([-1, weights[f"{prefix}.fc1.weight"].shape[1] - classes], np.float32)
    coarse = layers.ops.parameter([-1, classes], np.float32)
    x = layers.ops.concat([fine, coarse], 1)
    for name in structure.point_layers:
        x = layers.linear(x, f"{prefix}.{name}", relu=True)
        if structure.coarse_in_each:
            x = layers.ops.concat([x, coarse], 1)
    x = layers.linear(x, f"{prefix}.predictor")
    return import_unreported("openvino").Model([x], [fine, coarse])


def _pooled(layers: _Layers, structure: Structure, side: int, canvas: Canvas | None) -> tuple[list[Any], Any]:
    """Parameters for maps and boxes, and ROIAlign ``(R, C, side, side)`` of them (He et al. 2017, section 3).

    Boxes are in pixels of the picture; in a model of matterport's in cells of their map, and each bin is one sample.
    """
    ops = layers.ops
    channels = len(layers.weights[_FINEST])
    strides = structure.strides[: structure.pooled_levels]
    if canvas:
        shapes = [[1, canvas[0] // stride, canvas[1] // stride, channels] for stride in strides]
    else:
        shapes = [[1, channels, -1, -1] for _ in strides]
    maps = [ops.parameter(shape, np.float32) for shape in shapes]
    boxes = [ops.parameter([-1, 4], np.float32) for _ in maps]
    pooled = []
    for stride, features, rois in zip(strides, maps, boxes, strict=True):
        count = ops.gather(ops.shape_of(rois, "i32"), np.array([0], np.int32), np.int32(0))
        first_image = ops.broadcast(np.int32(0), count)
        samples, scale = (1, 1.0) if structure.matterport else (0, 1 / stride)
        bins = (side, side, samples, scale, "avg")
        if canvas:
            features = ops.transpose(features, np.array([0, 3, 1, 2], np.int64))
        if channels >= _LAID_OUT_BY_CELL:
            features = _laid_out_by_cell(ops, features, channels)
        pooled.append(ops.roi_align(features, rois, first_image, *bins, aligned_mode="half_pixel_for_nn"))
    return [*maps, *boxes], ops.concat(pooled, 0)


def _laid_out_by_cell(ops: Any, features: Any, channels: int) -> Any:
    """Map ``(1, C, h, w)`` as it is, by a depthwise convolution with ones, which OpenVINO lays out cell by cell.

    ROIAlign of OpenVINO 2026.4 takes 15 times as long on a map that lies in memory channel by channel, as inputs do.
    """
    ones = ops.constant(np.ones((channels, 1, 1, 1, 1), np.float32))
    return ops.group_convolution(features, ones, [1, 1], [0, 0], [0, 0], [1, 1])
