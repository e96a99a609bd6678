"""Torch and Detectron2 imported in half the time, for a command that is to answer soon."""

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
    """Let the block import torch, torchvision and Detectron2 without two things that no command needs.

    * Garbage collections, which would look through all those modules again and again, and once more at the end of the
      process. What the block makes is theirs no more: modules stay until the end anyway.
    * Torch's compiler, a thousand modules that torchvision and Detectron2 import to ask one question each.

    Changes nothing where torch has been imported already.
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
    """A module that answers torchvision's question, "can ``torch.compile`` be used here?", when it is really asked.

    That is in ``roi_align`` in deterministic mode on a GPU. Whoever wants more from the module gets the real one.
    """
    module: Any = ModuleType(_COMPILER)

    def real(name: str) -> Any:
        if name.startswith("__"):  # the import system looks for __path__ and the like
            raise AttributeError(name)
        if sys.modules.get(_COMPILER) is module:
            del sys.modules[_COMPILER]
        return getattr(importlib.import_module(_COMPILER), name)

    module.is_compile_supported = lambda device_type: real("is_compile_supported")(device_type)
    module.__getattr__ = real
    return module


def _ask_without_compiler() -> None:
    """Let Detectron2's convolutions ask torch "am I being compiled?" and not the compiler, which hands that on."""
    wrappers: Any = sys.modules.get("detectron2.layers.wrappers")
    if wrappers is not None:
        wrappers.check_if_dynamo_compiling = sys.modules["torch"].compiler.is_compiling
