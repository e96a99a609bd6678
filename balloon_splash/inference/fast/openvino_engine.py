"""Engine that runs the convolutional part in OpenVINO, compiled for each shape that comes up."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from balloon_splash.inference.fast.openvino_model import XML, channels_last_outputs
from balloon_splash.inference.fast.padding import Ladder
from balloon_splash.inference.fast.threads import Share, current_share
from balloon_splash.runtime.artifacts import artifact, digest
from balloon_splash.unreported import import_unreported

if TYPE_CHECKING:
    import openvino as ov

logger = logging.getLogger(__name__)

KIND = "openvino-compiled"
BLOB = "compiled.blob"

SHAPES = 6
"""As many compiled models are kept in memory, each with weights of its own; activations only those that are in use."""


@dataclass
class _Compiled:
    """A model for one shape, and requests that no thread uses at the moment; to be used under a lock."""

    model: ov.CompiledModel
    idle: list[ov.InferRequest] = field(default_factory=list)
    taken: int = 0

    def take(self) -> ov.InferRequest:
        """A request that is not another thread's."""
        self.taken += 1
        return self.idle.pop() if self.idle else self.model.create_infer_request()

    def give_back(self, request: ov.InferRequest) -> None:
        """For the next one who takes it."""
        self.taken -= 1
        self.idle.append(request)

    def release(self) -> None:
        """Give back the memory of activations, 100 MB and more, where no thread needs them."""
        if self.idle and not self.taken:
            self.idle.clear()
            self.model.release_memory()


class OpenVinoEngine:
    """An :data:`~balloon_splash.inference.fast.conv_part.Engine`; safe to call from several threads at a time.

    Images are padded to the steps of a :class:`~balloon_splash.inference.fast.padding.Ladder`. What was compiled for a
    shape is kept: in memory, and on disk for the next run.
    """

    def __init__(self, folder: Path, key: str, ladder: Ladder, *, bf16: bool, bf16_outputs: int = 0) -> None:
        """Run the model in ``folder``, which ``key`` identifies.

        Args:
            folder: the folder from :func:`~balloon_splash.inference.fast.openvino_model.openvino_model`.
            key: its key.
            ladder: the shapes to compile for.
            bf16: compute in bfloat16 what is not quantised, else in fp32.
            bf16_outputs: number of outputs, from the first, that stay in bfloat16 instead of fp32.
        """
        openvino = import_unreported("openvino")
        self._core = openvino.Core()
        self._version = openvino.get_version()
        self._folder, self._key, self._ladder = folder, key, ladder
        self._precision = "bf16" if bf16 else "f32"
        self._bf16_outputs = bf16_outputs
        self._compiled: OrderedDict[tuple[tuple[int, ...], Share], _Compiled] = OrderedDict()
        self._lock = threading.Lock()
        self._last = threading.local()

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Compute as :class:`~balloon_splash.inference.fast.conv_part.ConvPart` does; channels are last in memory.

        The results share memory with the engine: they are valid until the same thread calls again.
        """
        padded = self._ladder.pad(images)
        if len(padded) == 1:
            return self._run(padded)
        found = [[output.clone() for output in self._run(image)] for image in padded.split(1)]
        return [torch.cat(each) for each in zip(*found, strict=True)]

    def _run(self, image: Tensor) -> list[Tensor]:
        compiled = self._for_shape(tuple(image.shape), current_share())
        with self._lock:
            last = self._last.__dict__.pop("used", None)
            if last is not None:
                last[0].give_back(last[1])
            request = compiled.take()
            for other in self._compiled.values():
                other.release()
        self._last.used = compiled, request
        outputs = request.infer([image.contiguous().numpy()], share_inputs=True, share_outputs=True)
        return [_tensor(output) for output in outputs.values()]

    def _for_shape(self, shape: tuple[int, ...], share: Share) -> _Compiled:
        with self._lock:
            if (shape, share) not in self._compiled:
                self._compiled[shape, share] = _Compiled(self._load(shape, share))
                while len(self._compiled) > SHAPES:
                    self._compiled.popitem(last=False)
            self._compiled.move_to_end((shape, share))
            return self._compiled[shape, share]

    def _load(self, shape: tuple[int, ...], share: Share) -> ov.CompiledModel:
        """Return the model for one shape, from the cache if it is there."""
        processor = self._core.get_property("CPU", "FULL_DEVICE_NAME")
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        settings = self._settings(share)
        key = digest(
            {
                "model": self._key,
                "shape": str(shape),
                "settings": str(settings),
                "bf16 outputs": str(self._bf16_outputs),
                "processor": f"{processor} {sorted(capabilities)}",
                "openvino": self._version,
            }
        )
        fresh: list[ov.CompiledModel] = []

        def make(folder: Path) -> None:
            fresh.append(self._compile(shape, settings))
            (folder / BLOB).write_bytes(fresh[0].export_model().getvalue())

        try:
            folder = artifact(KIND, key, make)
            if fresh:
                return fresh[0]
            weights = {"WEIGHTS_PATH": str((self._folder / XML).with_suffix(".bin"))}
            return self._core.import_model((folder / BLOB).read_bytes(), "CPU", settings | weights)
        except (OSError, RuntimeError) as error:
            logger.warning("%s: not used for compiled models (%s)", KIND, str(error).splitlines()[0])
            return fresh[0] if fresh else self._compile(shape, settings)

    def _compile(self, shape: tuple[int, ...], settings: dict[str, Any]) -> ov.CompiledModel:
        model = self._core.read_model(self._folder / XML)
        model.reshape(list(shape))
        model = channels_last_outputs(model, self._bf16_outputs)
        return self._core.compile_model(model, "CPU", settings)

    def _settings(self, share: Share) -> dict[str, Any]:
        return {
            "INFERENCE_PRECISION_HINT": self._precision,
            "PERFORMANCE_HINT": "LATENCY" if share.workers == 1 else "THROUGHPUT",
            "NUM_STREAMS": share.workers,
            "INFERENCE_NUM_THREADS": share.workers * share.threads,
            "ENABLE_CPU_PINNING": False,  # torch, and reading and writing photos, need the same cores
            "CACHE_MODE": "OPTIMIZE_SIZE",  # the weights are already in the model's own file
        }


def _tensor(output: npt.NDArray[np.float32 | np.float16]) -> Tensor:
    """View OpenVINO's ``(N, h, w, C)`` as ``(N, C, h, w)`` without a copy."""
    # NumPy lacks bfloat16, so OpenVINO calls it float16.
    bf16 = output.dtype == np.float16
    tensor = torch.from_numpy(output.view(np.int16)).view(torch.bfloat16) if bf16 else torch.from_numpy(output)
    return tensor.permute(0, 3, 1, 2)
