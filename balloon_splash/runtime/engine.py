"""OpenVINO on this machine's cores: models compiled for them, and several pictures at a time."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from balloon_splash.runtime import graph
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

MOST_WORKERS = 4
"""Most workers: each holds the activations of a picture."""


class Program:
    """Compiled model, which several threads may run at a time."""

    def __init__(self, compiled: ov.CompiledModel) -> None:
        self._compiled = compiled
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
    """Engine that compiles models for the CPU, and divides its cores among a few workers.

    Compiled models are kept on disk for the next process.
    """

    def __init__(self, workers: int | None = None) -> None:
        """Process ``workers`` pictures at a time; None takes one per core, up to :data:`MOST_WORKERS`."""
        openvino = import_unreported("openvino")
        self.core = openvino.Core()
        self.capabilities: list[str] = self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.threads = available_cores()
        self.workers = min(self.threads, MOST_WORKERS) if workers is None else workers
        self._version: str = openvino.get_version()
        self._pool: ThreadPoolExecutor | None = None
        self._side_by_side = False

    def program(
        self, key: Mapping[str, str], make: Callable[[], ov.Model], *, workers: int = 1, floats: str = "f32"
    ) -> Program:
        """Compile a model, or take it from the cache.

        Args:
            key: unique key of the model.
            make: function that builds it; called unless the cache has the compiled model.
            workers: number of threads that run it at a time, each on its share of the cores.
            floats: the precision of what is not in 8 bits, as OpenVINO names it.
        """
        settings = {
            "INFERENCE_PRECISION_HINT": floats,
            "PERFORMANCE_HINT": "LATENCY" if workers == 1 else "THROUGHPUT",
            "NUM_STREAMS": workers,
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
                return Program(self.core.import_model((folder / BLOB).read_bytes(), "CPU", settings))
        except (OSError, RuntimeError) as error:
            logger.warning("%s: not used for compiled models (%s)", KIND, str(error).splitlines()[0])
        return Program(fresh[0] if fresh else self.core.compile_model(make(), "CPU", settings))

    def _machine(self) -> dict[str, str]:
        """Return everything else on which a compiled model depends."""
        processor = self.core.get_property("CPU", "FULL_DEVICE_NAME")
        return {
            "processor": f"{processor} {sorted(self.capabilities)}",
            "openvino": self._version,
            "graph": digest_of_files([Path(graph.__file__)]),
        }

    @property
    def current_workers(self) -> int:
        """Return the number of threads that run programs at a time now."""
        return self.workers if self._side_by_side else 1

    def map(self, function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        """Map ``function`` over the items, several at a time, in order; raise the first error."""
        if len(items) < 2 or self.workers == 1:
            return [function(item) for item in items]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.workers, thread_name_prefix="model")
        self._side_by_side = True
        try:
            return list(self._pool.map(function, items))
        finally:
            self._side_by_side = False


def available_cores() -> int:
    """Return the number of cores for this process: ``OMP_NUM_THREADS`` where set, else those it is bound to."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
