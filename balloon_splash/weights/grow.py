"""Growing of a deeper ResNet from a shallower one: it computes the same, and starts from what that one learned."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_backbone
from safetensors.torch import save_file
from torch import Tensor, nn

from balloon_splash.errors import WeightsError
from balloon_splash.files import atomic_path, cache_folder
from balloon_splash.weights.checkpoint import Fit, SafeCheckpointer
from balloon_splash.weights.fetch import local_weights

#: Residual blocks of each stage, as in He et al. 2016, table 1.
RESNET_BLOCKS = {
    18: {"res2": 2, "res3": 2, "res4": 2, "res5": 2},
    34: {"res2": 3, "res3": 4, "res4": 6, "res5": 3},
    50: {"res2": 3, "res3": 4, "res4": 6, "res5": 3},
    101: {"res2": 3, "res3": 4, "res4": 23, "res5": 3},
    152: {"res2": 3, "res3": 8, "res4": 36, "res5": 3},
}

_TENSOR = re.compile(r"(?P<prefix>.*\b)?(?P<stage>res\d)\.(?P<block>\d+)\.(?P<rest>.+)")
#: Without these, a residual branch that ends in a convolution of zeros adds nothing, whatever its norm scales by.
_SHIFTS = ("bias", "norm.bias", "norm.running_mean")


def grow_resnet(weights: Mapping[str, Tensor], blocks: Mapping[str, int]) -> dict[str, Tensor]:
    """Add residual blocks that are the identity (Net2DeeperNet, Chen et al. 2016, for residual blocks).

    A new block is a copy of its stage's last one whose last convolution is zero, and so are the shifts of the norm
    behind it: the branch adds nothing to its input, the output of a ReLU. The scale of that norm stays as it was, so
    that the convolution gets a gradient and learns.

    Args:
        weights: a ResNet's tensors as Detectron2 names them, with any prefix; others are passed on as they are.
        blocks: number of blocks of each stage (``res2``, ...); a stage that is not named stays as it is.

    Returns:
        The tensors of the deeper network, copies where they are new.

    Raises:
        WeightsError: a stage already has more blocks, or only the first, which cannot be an identity.
    """
    stages: dict[str, dict[int, dict[str, str]]] = defaultdict(lambda: defaultdict(dict))
    prefixes: dict[str, str] = {}
    for key in weights:
        if found := _TENSOR.fullmatch(key):
            stages[found["stage"]][int(found["block"])][found["rest"]] = key
            prefixes[found["stage"]] = found["prefix"] or ""
    grown = dict(weights)
    for stage, wanted in blocks.items():
        present = len(stages[stage])
        if wanted < present or (wanted > present and present < 2):
            raise WeightsError(
                f"{stage} has {present} blocks; expected 2 or more, and no more than the {wanted} wanted"
            )
        last = stages[stage][present - 1]
        for block in range(present, wanted):
            for rest, value in _identity_block({rest: weights[key] for rest, key in last.items()}).items():
                grown[f"{prefixes[stage]}{stage}.{block}.{rest}"] = value
    return grown


def _identity_block(block: Mapping[str, Tensor]) -> dict[str, Tensor]:
    last = max(rest.split(".")[0] for rest in block if rest.startswith("conv"))
    zeros = {f"{last}.weight", *(f"{last}.{shift}" for shift in _SHIFTS)}
    return {rest: torch.zeros_like(value) if rest in zeros else value.clone() for rest, value in block.items()}


def grown_backbone(cfg: CfgNode, source: str, depth: int) -> Path:
    """Return weights for the backbone of ``cfg``, grown from a shallower one; kept in the cache folder and reused.

    Args:
        cfg: describes the deeper network.
        source: path or URL of weights for the same network with ``depth``, a classifier or a whole detector.
        depth: a key of :data:`RESNET_BLOCKS`.

    Returns:
        A safetensors file that any network of the depth in ``cfg`` loads as :attr:`Fit.PRETRAINED`.

    Raises:
        WeightsError: ``source`` is not available, or does not fit.
    """
    wanted = cfg.MODEL.RESNETS.DEPTH
    given = Path(local_weights(source))
    size, changed = given.stat().st_size, given.stat().st_mtime_ns
    target = cache_folder() / "weights" / f"R-{wanted}-of-{given.stem}-{size:x}-{changed:x}.safetensors"
    if target.is_file():
        return target
    shallow = cfg.clone()
    shallow.defrost()
    shallow.MODEL.RESNETS.DEPTH = depth
    # As part of a model, for the names that the checkpointer looks for.
    model = nn.ModuleDict({"backbone": build_backbone(shallow)})
    SafeCheckpointer(model, fit=Fit.PRETRAINED).load(source)
    kept = {key: value for key, value in model.state_dict().items() if key.startswith("backbone.bottom_up.")}
    grown = grow_resnet(kept, RESNET_BLOCKS[wanted])
    with atomic_path(target, overwrite=True) as path:
        save_file({key: value.contiguous() for key, value in grown.items()}, str(path))
    return target
