"""Names and numbers in a configuration for which Detectron2 knows a part of a model; others are refused by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import reduce

from detectron2.config import CfgNode
from detectron2.modeling import (
    ANCHOR_GENERATOR_REGISTRY,
    BACKBONE_REGISTRY,
    META_ARCH_REGISTRY,
    PROPOSAL_GENERATOR_REGISTRY,
    ROI_BOX_HEAD_REGISTRY,
    ROI_HEADS_REGISTRY,
    ROI_MASK_HEAD_REGISTRY,
    RPN_HEAD_REGISTRY,
)
from fvcore.common.registry import Registry

from balloon_splash.config_mistakes import check_value
from balloon_splash.errors import ConfigError

_REGISTRIES: Mapping[str, Registry] = {
    "MODEL.META_ARCHITECTURE": META_ARCH_REGISTRY,
    "MODEL.BACKBONE.NAME": BACKBONE_REGISTRY,
    "MODEL.ANCHOR_GENERATOR.NAME": ANCHOR_GENERATOR_REGISTRY,
    "MODEL.PROPOSAL_GENERATOR.NAME": PROPOSAL_GENERATOR_REGISTRY,
    "MODEL.RPN.HEAD_NAME": RPN_HEAD_REGISTRY,
    "MODEL.ROI_HEADS.NAME": ROI_HEADS_REGISTRY,
    "MODEL.ROI_BOX_HEAD.NAME": ROI_BOX_HEAD_REGISTRY,
    "MODEL.ROI_MASK_HEAD.NAME": ROI_MASK_HEAD_REGISTRY,
}
#: Keys with another value where the part is not wanted.
_WITHOUT = {"MODEL.PROPOSAL_GENERATOR.NAME": "PrecomputedProposals", "MODEL.ROI_BOX_HEAD.NAME": ""}

_POOLERS = ("ROIAlignV2", "ROIAlign", "ROIPool", "ROIAlignRotated")
_NORMS = ("", "BN", "FrozenBN", "GN", "LN", "SyncBN", "nnSyncBN", "naiveSyncBN", "naiveSyncBN_N")
_CHOICES: Mapping[str, Iterable[object]] = {
    "MODEL.RESNETS.DEPTH": (18, 34, 50, 101, 152),
    "MODEL.RESNETS.NORM": _NORMS,
    "MODEL.FPN.NORM": _NORMS,
    "MODEL.ROI_BOX_HEAD.NORM": _NORMS,
    "MODEL.ROI_MASK_HEAD.NORM": _NORMS,
    "MODEL.ROI_BOX_HEAD.POOLER_TYPE": (*_POOLERS, ""),
    "MODEL.ROI_MASK_HEAD.POOLER_TYPE": (*_POOLERS, ""),
}


def check_part_names(cfg: CfgNode) -> None:
    """Check the names of a model's parts before it is built; those that you have registered are known, too.

    Raises:
        ConfigError: there is no part of a name; suggests the nearest one.
    """
    for key, registry in _REGISTRIES.items():
        known = [name for name, _ in registry]
        try:
            check_value(cfg, key, [*known, _WITHOUT[key]] if key in _WITHOUT else known)
        except ConfigError as error:
            raise ConfigError(
                f"{error} (one of your own is known once the module that registers it is imported)"
            ) from None
    for key, choices in _CHOICES.items():
        check_value(cfg, key, choices)


def modules_of_parts(cfg: CfgNode) -> dict[str, str]:
    """Return the modules that register the parts of a model, by the parts' names."""
    names = {key: reduce(getattr, key.split("."), cfg) for key in _REGISTRIES}
    return {name: _REGISTRIES[key].get(name).__module__ for key, name in names.items() if name in _REGISTRIES[key]}
