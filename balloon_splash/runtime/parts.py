"""Parts of a model, each a program: convolutions, box head, mask head, point head."""

from __future__ import annotations

import contextlib
import threading
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
from balloon_splash.runtime.rules import Rules
from balloon_splash.runtime.structure import Structure

if TYPE_CHECKING:
    import openvino as ov

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Features:
    """Outputs of the convolutional part for one picture; they share memory with it.

    Attributes:
        maps: ``(1, C, h, w)``, fine to coarse.
        logits: of the RPN, ``(h, w, A)``.
        deltas: of the RPN, ``(h, w, 4A)``.
        finest: the first of the maps, ``(h, w, C)``, where the model has a point head.
    """

    maps: list[Array]
    logits: list[Array]
    deltas: list[Array]
    finest: Array | None


class Parts:
    """Parts of a model, each loaded when it is first needed."""

    def __init__(self, file: PackedFile, precision: Precision, engine: Engine, rules: Rules) -> None:
        self._file, self._precision, self._engine, self._rules = file, precision, engine, rules
        self._structure = file.structure
        self._programs: dict[str, Program] = {}
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def convolve(self, image: Array) -> Iterator[Features]:
        """Features of a picture ``(3, h, w)``, valid inside the block."""
        with self._convolutional().run(padded(image)) as outputs:
            maps, levels = self._structure.pooled_levels, len(self._structure.anchors)
            rpn, rest = [output[0] for output in outputs[maps : maps + 2 * levels]], outputs[maps + 2 * levels :]
            yield Features(outputs[:maps], rpn[:levels], rpn[levels:], rest[0][0] if rest else None)

    def box_head(self, features: Features, boxes: Boxes) -> tuple[Boxes, Array, Array]:
        """Boxes ``(R, 4)`` in another order, their scores ``(R, K + 1)`` and deltas ``(R, K, 4)``."""
        ordered, by_level = self._by_level(features, boxes, self._structure.box_pool)
        scores, deltas = self._head(graph.box_head)(*features.maps, *by_level)
        return boxes[ordered], scores, deltas.reshape(len(boxes), -1, 4)

    def mask_head(self, features: Features, boxes: Boxes) -> Array:
        """Logits ``(N, K, M, M)`` of boxes ``(N, 4)``."""
        ordered, by_level = self._by_level(features, boxes, self._structure.mask_pool)
        (logits,) = self._head(graph.mask_head)(*features.maps, *by_level)
        result = np.empty_like(logits)
        result[ordered] = logits
        return result

    def point_head(self, fine: Array, coarse: Array) -> Array:
        """Return logits ``(P, K)`` of points with features ``(P, C)`` and coarse logits ``(P, K)``."""
        return self._head(graph.point_head)(fine, coarse)[0]

    def _by_level(self, features: Features, boxes: Boxes, side: int) -> tuple[npt.NDArray[np.intp], list[Boxes]]:
        """Crops of each map, ``side`` bins along each edge, and its boxes' indices map after map."""
        cells = [(maps.shape[2], maps.shape[3]) for maps in features.maps]
        stride = self._structure.strides[0]
        canvas = cells[0][0] * stride, cells[0][1] * stride
        level = self._rules.levels(boxes, canvas)
        own = [np.flatnonzero(level == number) for number in range(len(cells))]
        crops = [self._rules.crops(boxes[each], of, canvas, side) for each, of in zip(own, cells, strict=True)]
        return np.concatenate(own), crops

    def _convolutional(self) -> Program:
        """The convolutional part, for pictures of all sizes."""
        int8 = self._precision.int8
        tiled = self._precision.name == "fp32"
        return self._program(
            f"convolutional {int8.steps if int8 else 'tiled' if tiled else None}",
            lambda: graph.convolutional_part(self._structure, self._file.weights, int8, tiled=tiled),
            floats=self._precision.floats,
        )

    def _head(self, build: Callable[[Structure, graph.Weights], ov.Model]) -> Program:
        """A head; in fp32, since its scores decide."""
        return self._program(build.__name__, lambda: build(self._structure, self._file.weights))

    def _program(self, name: str, make: Callable[[], ov.Model], *, floats: str = "f32") -> Program:
        with self._lock:
            if name not in self._programs:
                key = {"model": self._file.digest, "part": name}
                self._programs[name] = self._engine.program(key, make, floats=floats)
            return self._programs[name]
