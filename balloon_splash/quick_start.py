"""Import of torch and Detectron2 in half the time, for commands that should answer soon."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

_COMPILER = "torch._dynamo.utils"


@contextlib.contextmanager
def quick_imports() -> Iterator[None]:
    """Import torch, torchvision and Detectron2 in the block without two things that no command needs.

    * Garbage collections, which would scan all those modules again and again, and once more at the end of the process.
      Objects made in the block are exempt from now on: modules stay until the end anyway.
    * Torch's compiler, a thousand modules that torchvision and Detectron2 import to answer one question each.

    Changes nothing where torch is already imported.
    """
    if "torch" in sys.modules:
        yield
        return
    sys.modules[_COMPILER] = stand_in = _stand_in()
    gc.disable()
    try:
        yield
        _ask_without_compiler()
    finally:
        gc.freeze()
        gc.enable()
        if sys.modules.get(_COMPILER) is stand_in:
            del sys.modules[_COMPILER]


def _stand_in() -> ModuleType:
    """Make a module that answers torchvision's question, "can ``torch.compile`` be used here?", once it is asked.

    That is in ``roi_align`` in deterministic mode on a GPU. Any other attribute comes from the real module.
    """
    module: Any = ModuleType(_COMPILER)

    def real(name: str) -> Any:
        if name.startswith("__"):  # the import system looks up __path__ and the like
            raise AttributeError(name)
        if sys.modules.get(_COMPILER) is module:
            del sys.modules[_COMPILER]
        return getattr(importlib.import_module(_COMPILER), name)

    module.is_compile_supported = lambda device_type: real("is_compile_supported")(device_type)
    module.__getattr__ = real
    return module


def _ask_without_compiler() -> None:
    """Make Detectron2's convolutions ask torch, not the compiler, whether they are being compiled."""
    wrappers: Any = sys.modules.get("detectron2.layers.wrappers")
    if wrappers is not None:
        wrappers.check_if_dynamo_compiling = sys.modules["torch"].compiler.is_compiling
