"""Winograd's convolution in OpenVINO: 3x3 kernels with a quarter of the multiplications.

Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", F(4x4, 3x3): tiles of 6x6 inputs give tiles of
4x4 outputs by 36 products of channels, where the plain sum takes 144. OpenVINO has such a convolution for some other
processors only. Results differ from the plain sum by about 1e-5 of the largest value, in fp32.

Between its transpositions, values lie cell by cell, as OpenVINO's own convolutions lay them out: where the size of the
map is known when the model is compiled, OpenVINO 2026.4 leaves both transpositions out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

FEWEST_CHANNELS = 128
"""With fewer channels, the transformations take longer than the products save (measured on AVX2 and AVX-512)."""

_TILE = np.int32(4)
"""In 32 bits, as all counts here: OpenVINO computes with the largest possible size, too, which overflows in 64."""

_INPUTS = np.int32(6)
_OF_INPUT = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
)
_OF_KERNEL = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24
_OF_OUTPUT = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]])


def suits(kernel: npt.NDArray[np.float32], stride: int) -> bool:
    """Return whether a convolution by a kernel ``(out, in, h, w)`` is quicker by :func:`convolution`."""
    return kernel.shape[2:] == (3, 3) and stride == 1 and min(kernel.shape[:2]) >= FEWEST_CHANNELS


def transformed(ops: Any, kernel: npt.NDArray[np.float32]) -> Any:
    """Add what :func:`convolution` multiplies by, ``(36, in, out)``, for a kernel ``(out, in, 3, 3)``."""
    products = np.einsum("ia,ocab,jb->ijco", _OF_KERNEL, kernel.astype(np.float64), _OF_KERNEL)
    return _constant(ops, products.reshape(_INPUTS**2, *products.shape[2:]))


def convolution(ops: Any, x: Any, kernel: Any, bias: npt.NDArray[np.float32], *, relu: bool = False) -> Any:
    """Add a convolution of stride 1 that keeps its input's size, and a ReLU on request.

    Args:
        ops: a set of OpenVINO's operations.
        x: maps ``(N, in, H, W)``.
        kernel: by :func:`transformed`.
        bias: ``(out,)``.
        relu: whether negative results become 0.
    """
    channels, outputs = (np.int32(count) for count in list(kernel.shape)[1:])
    grid = _Grid(ops, x)
    x = _multiplied(ops, _OF_INPUT, _tiles(ops, x, grid, channels))
    x = ops.matmul(_reshaped(ops, x, _INPUTS**2, -1, channels), kernel, False, False)
    x = _multiplied(ops, _OF_OUTPUT, x)
    x = _reshaped(ops, x, _TILE, _TILE, -1, grid.across, outputs)
    x = _reshaped(ops, ops.transpose(x, np.array([2, 0, 3, 1, 4])), -1, outputs)
    x = ops.add(x, _constant(ops, bias))
    x = ops.relu(x) if relu else x
    x = _reshaped(ops, x, grid.maps, -1, ops.multiply(grid.across, _TILE), outputs)
    if not grid.fills:
        begin, steps, axes = np.zeros(2, np.int32), np.ones(2, np.int32), np.array([1, 2], np.int32)
        x = ops.slice(x, begin, _numbers(ops, grid.height, grid.width), steps, axes)
    return ops.transpose(x, np.array([0, 3, 1, 2]))


class _Grid:
    """Grid of the tiles of maps ``(N, C, H, W)``, as numbers that OpenVINO computes from their shape.

    Attributes:
        maps, height, width: N, H and W.
        down, across: rows and columns of tiles per map, the last of which may exceed it.
        fills: whether none does, as far as is known.
    """

    def __init__(self, ops: Any, x: Any) -> None:
        shape = ops.shape_of(x, "i32")
        self.maps, self.height, self.width = (ops.gather(shape, np.int32(axis), np.int32(0)) for axis in (0, 2, 3))
        self.down, self.across = (
            ops.divide(ops.add(edge, np.int32(_TILE - 1)), _TILE) for edge in (self.height, self.width)
        )
        sides = list(x.get_output_partial_shape(0))[2:]
        self.fills = all(side.is_static and side.get_length() % _TILE == 0 for side in sides)


def _tiles(ops: Any, x: Any, grid: _Grid, channels: np.int32) -> Any:
    """Cut maps ``(N, C, H, W)``, with a margin of one cell, into overlapping tiles ``(36, tiles, C)``."""
    rows, columns = (ops.add(ops.multiply(count, _TILE), np.int32(2)) for count in (grid.down, grid.across))
    begin = np.array([0, 0, 1, 1], np.int32)
    grown = _numbers(ops, grid.maps, channels, rows, columns)
    x = ops.pad(x, begin, ops.subtract(ops.subtract(grown, begin), ops.shape_of(x, "i32")), "constant", np.float32(0))
    x = _reshaped(ops, ops.transpose(x, np.array([0, 2, 3, 1])), -1, channels)
    top = ops.add(
        ops.multiply(_count(ops, grid.maps, -1, 1, 1), rows), ops.multiply(_count(ops, grid.down, -1, 1), _TILE)
    )
    corner = ops.add(ops.multiply(top, columns), ops.multiply(_count(ops, grid.across, -1), _TILE))
    y, z = (each.reshape(-1, 1).astype(np.int32) for each in np.indices((_INPUTS, _INPUTS)))
    cells = ops.add(ops.add(ops.multiply(columns, y), z), _reshaped(ops, corner, 1, -1))
    return ops.gather(x, cells, np.int32(0))


def _multiplied(ops: Any, matrix: npt.NDArray[Any], x: Any) -> Any:
    """Transform tiles, whose cells come first, along both of their axes."""
    return ops.matmul(_constant(ops, np.kron(matrix, matrix)), _reshaped(ops, x, len(matrix[0]) ** 2, -1), False, False)


def _count(ops: Any, end: Any, *shape: int) -> Any:
    """Integers from 0 to ``end`` - 1, in a shape."""
    return _reshaped(ops, ops.range(np.int32(0), end, np.int32(1), "i32"), *shape)


def _reshaped(ops: Any, x: Any, *shape: Any) -> Any:
    return ops.reshape(x, _numbers(ops, *shape), False)


def _numbers(ops: Any, *numbers: Any) -> Any:
    """A vector of integers, some of which OpenVINO computes."""
    nodes = (np.int32(number) if isinstance(number, int) else number for number in numbers)
    return ops.concat([ops.reshape(node, np.array([1]), False) for node in nodes], 0)


def _constant(ops: Any, values: npt.NDArray[Any]) -> Any:
    return ops.constant(np.ascontiguousarray(values, np.float32))
