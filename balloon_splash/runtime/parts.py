"""Parts of a model, each a program: convolutions, box head, mask head, point head."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime import graph
from balloon_splash.runtime.boxes import Boxes
from balloon_splash.runtime.engine import Engine, Program
from balloon_splash.runtime.packed_file import PackedFile
from balloon_splash.runtime.precision import Precision
from balloon_splash.runtime.preparing import padded
from balloon_splash.runtime.structure import Structure

if TYPE_CHECKING:
    import openvino as ov

Array = npt.NDArray[Any]

SIZES = 3
"""Compiled sizes of pictures kept in memory: each holds its own weights and activations."""

_CANONICAL_SIZE, _CANONICAL_LEVEL = 224, 4  # a box of this size is pooled from this level (Lin et al. 2017, equation 1)


@dataclass(frozen=True)
class Features:
    """Outputs of the convolutional part for one picture; they share memory with it.

    Attributes:
        maps: ``(1, h, w, C)``, fine to coarse.
        logits: logits of the RPN per level, ``(h, w, A)``.
        deltas: deltas of the RPN per level, ``(h, w, 4A)``.
    """

    maps: list[Array]
    logits: list[Array]
    deltas: list[Array]


class Parts:
    """Parts of a model, each loaded when it is first needed."""

    def __init__(self, file: PackedFile, precision: Precision, engine: Engine) -> None:
        self._file, self._precision, self._engine = file, precision, engine
        self._structure = file.structure
        self._convolutional: OrderedDict[tuple[int, int, int], Program] = OrderedDict()
        self._heads: dict[str, Program] = {}
        self._lock = threading.RLock()

    @contextlib.contextmanager
    def convolve(self, image: Array) -> Iterator[Features]:
        """Yield the features of a picture ``(3, h, w)``, valid inside the block."""
        whole = padded(image)
        maps, levels = self._structure.pooled_levels, len(self._structure.anchors)
        with self._program(*whole.shape[2:]).run(whole) as outputs:
            rpn = [output[0] for output in outputs[maps:]]
            yield Features(outputs[:maps], rpn[:levels], rpn[levels:])

    def box_head(self, features: Features, boxes: Boxes) -> tuple[Boxes, Array, Array]:
        """Return boxes ``(R, 4)`` in another order, their scores ``(R, K + 1)`` and deltas ``(R, K, 4)``."""
        ordered, by_level = self._by_level(boxes)
        scores, deltas = self._head(graph.box_head)(*features.maps, *by_level)
        return boxes[ordered], scores, deltas.reshape(len(boxes), -1, 4)

    def mask_head(self, features: Features, boxes: Boxes) -> Array:
        """Return logits ``(N, K, M, M)`` of boxes ``(N, 4)``."""
        ordered, by_level = self._by_level(boxes)
        (logits,) = self._head(graph.mask_head)(*features.maps, *by_level)
        result = np.empty_like(logits)
        result[ordered] = logits
        return result

    def point_head(self, fine: Array, coarse: Array) -> Array:
        """Return logits ``(P, K)`` of points with features ``(P, C)`` and coarse logits ``(P, K)``."""
        return self._head(graph.point_head)(fine, coarse)[0]

    def _by_level(self, boxes: Boxes) -> tuple[npt.NDArray[np.intp], list[Boxes]]:
        """Split boxes by map; returns the boxes of each map, and their indices one map after the other."""
        size = np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
        level = np.floor(_CANONICAL_LEVEL + np.log2(size / _CANONICAL_SIZE + 1e-8)) - 2
        level = np.clip(level, 0, self._structure.pooled_levels - 1)
        own = [np.flatnonzero(level == number) for number in range(self._structure.pooled_levels)]
        return np.concatenate(own), [boxes[each] for each in own]

    def _program(self, height: int, width: int) -> Program:
        """Return the convolutional part for one size of pictures and the current number of threads."""

        def make() -> ov.Model:
            model = graph.convolutional_part(self._structure, self._file.weights, self._precision.int8)
            model.reshape([1, 3, height, width])
            return model

        workers = self._engine.current_workers
        size = (height, width, workers)
        with self._lock:
            if size not in self._convolutional:
                while len(self._convolutional) >= SIZES:
                    self._convolutional.popitem(last=False)
                steps = self._precision.int8.steps if self._precision.int8 else None
                key = self._key(f"convolutional {height}x{width} {steps}")
                self._convolutional[size] = self._engine.program(
                    key, make, workers=workers, floats=self._precision.floats
                )
            self._convolutional.move_to_end(size)
            return self._convolutional[size]

    def _head(self, build: Callable[[Structure, graph.Weights], ov.Model]) -> Program:
        """Return a head for pictures of all sizes, in fp32, because its scores decide."""
        name = build.__name__
        with self._lock:
            if name not in self._heads:
                self._heads[name] = self._engine.program(
                    self._key(name), lambda: build(self._structure, self._file.weights), workers=self._engine.workers
                )
            return self._heads[name]

    def _key(self, part: str) -> dict[str, str]:
        return {"model": self._file.digest, "part": part}
