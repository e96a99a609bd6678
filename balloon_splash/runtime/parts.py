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
        canvas: height and width in pixels of what the network saw, with its padding.
        maps: fine to coarse, as :func:`balloon_splash.runtime.graph.convolutional_part` gives them.
        logits: of the RPN, ``(h, w, A)``.
        deltas: of the RPN, ``(h, w, 4A)``.
        finest: the first of the maps, ``(h, w, C)``, where the model has a point head.
    """

    canvas: graph.Canvas
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
        pixels = padded(image)
        canvas = pixels.shape[2], pixels.shape[3]
        with self._convolutional(self._known(canvas)).run(pixels) as outputs:
            maps, levels = self._structure.pooled_levels, len(self._structure.anchors)
            rpn, rest = [output[0] for output in outputs[maps : maps + 2 * levels]], outputs[maps + 2 * levels :]
            yield Features(canvas, outputs[:maps], rpn[:levels], rpn[levels:], rest[0][0] if rest else None)

    def box_head(self, features: Features, boxes: Boxes) -> tuple[Boxes, Array, Array]:
        """Boxes ``(R, 4)`` in another order, their scores ``(R, K + 1)`` and deltas ``(R, K, 4)``."""
        ordered, by_level = self._by_level(features, boxes, self._structure.box_pool)
        scores, deltas = self._head(graph.box_head, self._known(features.canvas))(*features.maps, *by_level)
        return boxes[ordered], scores, deltas.reshape(len(boxes), -1, 4)

    def mask_head(self, features: Features, boxes: Boxes) -> Array:
        """Logits ``(N, K, M, M)`` of boxes ``(N, 4)``."""
        ordered, by_level = self._by_level(features, boxes, self._structure.mask_pool)
        (logits,) = self._head(graph.mask_head, self._known(features.canvas))(*features.maps, *by_level)
        result = np.empty_like(logits)
        result[ordered] = logits
        return result

    def point_head(self, fine: Array, coarse: Array) -> Array:
        """Return logits ``(P, K)`` of points with features ``(P, C)`` and coarse logits ``(P, K)``."""
        program = self._program("point_head", lambda: graph.point_head(self._structure, self._file.weights))
        return program(fine, coarse)[0]

    def _by_level(self, features: Features, boxes: Boxes, side: int) -> tuple[npt.NDArray[np.intp], list[Boxes]]:
        """Crops of each map, ``side`` bins along each edge, and its boxes' indices map after map."""
        canvas = features.canvas
        cells = [(canvas[0] // stride, canvas[1] // stride) for stride in self._structure.strides[: len(features.maps)]]
        level = self._rules.levels(boxes, canvas)
        own = [np.flatnonzero(level == number) for number in range(len(cells))]
        crops = [self._rules.crops(boxes[each], of, canvas, side) for each, of in zip(own, cells, strict=True)]
        return np.concatenate(own), crops

    def _known(self, canvas: graph.Canvas) -> graph.Canvas | None:
        """The canvas, if it is the square one of nearly all pictures, for which it pays to compile; else None."""
        square = self._structure.square
        return canvas if canvas == (square, square) else None

    def _convolutional(self, canvas: graph.Canvas | None) -> Program:
        """The convolutional part, for one canvas or for all."""
        int8 = self._precision.int8
        # Winograd's convolution was measured on 256 channels.
        tiled = self._precision.name == "fp32" and self._structure.matterport
        return self._program(
            f"convolutional {int8.steps if int8 else 'tiled' if tiled else None} {canvas}",
            lambda: graph.convolutional_part(self._structure, self._file.weights, int8, tiled=tiled, canvas=canvas),
            floats=self._precision.floats,
        )

    def _head(
        self, build: Callable[[Structure, graph.Weights, graph.Canvas | None], ov.Model], canvas: graph.Canvas | None
    ) -> Program:
        """A head; in fp32, since its scores decide."""
        return self._program(f"{build.__name__} {canvas}", lambda: build(self._structure, self._file.weights, canvas))

    def _program(self, name: str, make: Callable[[], ov.Model], *, floats: str = "f32") -> Program:
        with self._lock:
            if name not in self._programs:
                key = {"model": self._file.digest, "part": name}
                self._programs[name] = self._engine.program(key, make, floats=floats)
            return self._programs[name]
