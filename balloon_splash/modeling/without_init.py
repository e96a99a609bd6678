"""Building of models without random weights, for models whose weights come from a file right after."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from torch.nn import init
from torch.overrides import TorchFunctionMode

_FILLS: frozenset[Callable[..., Any]] = frozenset(
    {init.kaiming_uniform_, init.uniform_, init.normal_, Tensor.uniform_, Tensor.normal_}
)


class WithoutInit(TorchFunctionMode):
    """Context in which tensors that layers would fill with random numbers keep whatever was in memory.

    Drawing 30 million numbers takes longer than reading them from a file. The idea is ``_EmptyInit`` of Lightning.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call ``func``, unless it is one that fills a tensor with random numbers."""
        if func in _FILLS:
            return (kwargs or {}).get("tensor", args[0] if args else None)
        return func(*args, **(kwargs or {}))
