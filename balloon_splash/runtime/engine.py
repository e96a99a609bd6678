"""OpenVINO on this machine's cores: models compiled for them, and several pictures at a time.

Pictures side by side wait for each other's convolutions, which take all cores, and share the cores for all between: one
compiled model does for all of them, with one set of weights and of activations.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime import graph, winograd
from balloon_splash.runtime.artifacts import artifact, digest, digest_of_files
from balloon_splash.unreported import import_unreported

if TYPE_CHECKING:
    import openvino as ov

Array = npt.NDArray[Any]
Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)

KIND = "runtime-compiled"
BLOB = "compiled.blob"

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_LARGE = 2**20
"""Bytes of an array from which on the system gets its memory back."""

MOST_WORKERS = 4
"""Each holds the feature maps of a picture."""


class Program:
    """Compiled model, which several threads may run at a time."""

    def __init__(self, compiled: ov.CompiledModel, blob: Array | None = None) -> None:
        """Run a model; ``blob`` holds the bytes that it was imported from, and still reads."""
        self._compiled, self._blob = compiled, blob
        self._idle: list[ov.InferRequest] = []

    @contextlib.contextmanager
    def run(self, *inputs: Array) -> Iterator[list[Array]]:
        """Yield the outputs, which are valid inside the block only: they share memory with the model."""
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        try:
            outputs = request.infer(list(inputs), share_inputs=True, share_outputs=True)
            yield [np.asarray(output) for output in outputs.values()]
        finally:
            self._idle.append(request)

    def __call__(self, *inputs: Array) -> list[Array]:
        """Return copies of the outputs."""
        with self.run(*inputs) as outputs:
            return [output.copy() for output in outputs]


class Engine:
    """Engine that compiles models for the CPU, and processes a few pictures at a time.

    Compiled models are kept on disk for the next process.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Process ``workers`` pictures at a time; None takes one per core, up to :data:`MOST_WORKERS`."""
        _give_back_freed_memory()
        openvino = import_unreported("openvino")
        self.core = openvino.Core()
        self.capabilities: list[str] = self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.threads = available_cores()
        self.workers = min(self.threads, MOST_WORKERS) if workers is None else workers
        self._version: str = openvino.get_version()
        self._tensor: type[ov.Tensor] = openvino.Tensor
        self._pool: ThreadPoolExecutor | None = None

    def program(self, key: Mapping[str, str], make: Callable[[], ov.Model], *, floats: str = "f32") -> Program:
        """Compile a model, or take it from the cache.

        Args:
            key: tells the model from all others.
            make: builds it; called unless the cache has what it would be compiled to.
            floats: the precision of what is not in 8 bits, as OpenVINO names it.
        """
        settings = {
            "INFERENCE_PRECISION_HINT": floats,
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": self.threads,
            "ENABLE_CPU_PINNING": False,  # reading and writing photos need the same cores
        }
        fresh: list[ov.CompiledModel] = []

        def compile_into(folder: Path) -> None:
            fresh.append(self.core.compile_model(make(), "CPU", settings))
            (folder / BLOB).write_bytes(fresh[0].export_model().getvalue())

        try:
            folder = artifact(KIND, digest({**key, "settings": str(settings), **self._machine()}), compile_into)
            if not fresh:
                # Mapped, so that its weights take no memory twice. OpenVINO takes only arrays that it could write to.
                blob = np.memmap(folder / BLOB, np.uint8, mode="c")
                return Program(self.core.import_model(self._tensor(blob, shared_memory=True), "CPU", settings), blob)
        except (OSError, RuntimeError) as error:
            logger.warning("%s: not used for compiled models (%s)", KIND, str(error).splitlines()[0])
        return Program(fresh[0] if fresh else self.core.compile_model(make(), "CPU", settings))

    def _machine(self) -> dict[str, str]:
        """Return everything else on which a compiled model depends."""
        processor = self.core.get_property("CPU", "FULL_DEVICE_NAME")
        return {
            "processor": f"{processor} {sorted(self.capabilities)}",
            "openvino": self._version,
            "graph": digest_of_files([Path(graph.__file__), Path(winograd.__file__)]),
        }

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Map ``function`` over the items, several at a time, in order; raise the first error."""
        if len(items) < 2 or self.workers == 1:
            return [function(item) for item in items]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="model")
        return list(self._pool.map(function, items))


@functools.cache
def _give_back_freed_memory() -> None:
    """Let the C library return large arrays to the system once they are freed; glibc keeps those below 32 MB."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _LARGE)


def available_cores() -> int:
    """Return the number of cores for this process: ``OMP_NUM_THREADS`` where set, else those it is bound to."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
