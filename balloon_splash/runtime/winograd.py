"""Winograd's convolution in OpenVINO: 3x3 kernels with a quarter of the multiplications.

Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks", F(4x4, 3x3): tiles of 6x6 inputs give tiles of
4x4 outputs by 36 products of channels, where the plain sum takes 144. OpenVINO has such a convolution for some other
processors only. Results differ from the plain sum by about 1e-5 of the largest value, in fp32.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

TILE = 4
"""Height and width of a tile of outputs: those of the map have to be multiples of it."""

FEWEST_CHANNELS = 128
"""With fewer channels, the transformations take longer than the products save (measured on AVX2)."""

_INPUTS = TILE + 2
_END = np.iinfo(np.int64).max
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


def convolution(ops: Any, x: Any, kernel: npt.NDArray[np.float32]) -> Any:
    """Add a convolution of stride 1 that keeps its input's size.

    Args:
        ops: a set of OpenVINO's operations.
        x: maps ``(1, in, H, W)``, of which :data:`TILE` divides both sides.
        kernel: ``(out, in, 3, 3)``.
    """
    outputs, channels = kernel.shape[:2]
    products = np.einsum("ia,ocab,jb->ijoc", _OF_KERNEL, kernel.astype(np.float64), _OF_KERNEL)
    products = products.reshape(_INPUTS**2, outputs, channels)
    tiles = _tiles(ops, x, channels)
    x = _transformed(ops, _OF_INPUT, tiles)
    x = ops.matmul(_constant(ops, products), _reshaped(ops, x, _INPUTS**2, channels, -1), False, False)
    x = _transformed(ops, _OF_OUTPUT, x)
    # In 32 bits, since four times the largest number of blocks, which OpenVINO multiplies, overflows in 64.
    blocks = ops.gather(ops.shape_of(tiles, "i32"), np.array([3, 4]), np.int64(0))
    x = ops.reshape(x, ops.concat([np.array([1, TILE**2 * outputs], np.int32), blocks], 0), False)
    return ops.depth_to_space(x, "blocks_first", TILE)


def _tiles(ops: Any, x: Any, channels: int) -> Any:
    """Cut maps ``(1, C, H, W)``, with a margin of one cell, into overlapping tiles ``(6, 6, C, H / 4, W / 4)``.

    A tile is a block of 4x4 cells, and the first two rows and columns of the next ones: moving whole blocks takes half
    the time of OpenVINO's ``extract_image_patches``.
    """
    x = ops.pad(x, np.array([0, 0, 1, 1]), np.array([0, 0, TILE - 1, TILE - 1]), "constant", np.float32(0))
    x = ops.space_to_depth(x, "blocks_first", TILE)
    blocks = ops.gather(ops.shape_of(x), np.array([2, 3]), np.int64(0))
    x = ops.reshape(x, ops.concat([np.array([TILE, TILE, channels]), blocks], 0), False)
    for within, along in ((0, 3), (1, 4)):  # rows, columns
        first_two = _slice(ops, x, within, 0, _INPUTS - TILE)
        x = ops.concat([_slice(ops, x, along, 0, -1), _slice(ops, first_two, along, 1, _END)], within)
    return x


def _slice(ops: Any, x: Any, axis: int, start: int, stop: int) -> Any:
    return ops.slice(x, *(np.array([number]) for number in (start, stop, 1, axis)))


def _transformed(ops: Any, matrix: npt.NDArray[Any], x: Any) -> Any:
    """Transform tiles, whose cells come first, along both of their axes."""
    x = _reshaped(ops, x, _INPUTS**2, -1)
    return ops.matmul(_constant(ops, np.kron(matrix, matrix)), x, False, False)


def _reshaped(ops: Any, x: Any, *shape: int) -> Any:
    return ops.reshape(x, np.array(shape), False)


def _constant(ops: Any, values: npt.NDArray[Any]) -> Any:
    return ops.constant(np.ascontiguousarray(values, np.float32))
