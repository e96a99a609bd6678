"""Files as Keras writes them for matterport's Mask R-CNN, with seeded weights or with zeros that take no room."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from balloon_splash.weights.matterport import Architecture, expected_shapes
from tests.matterport.seeded import seeded

#: Overrides that give any of our configurations matterport's parts.
PARTS = [
    "MODEL.META_ARCHITECTURE", "MatterportRCNN", "MODEL.BACKBONE.NAME", "build_matterport_resnet_fpn_backbone",
    "MODEL.PROPOSAL_GENERATOR.NAME", "MatterportRPN", "MODEL.ROI_HEADS.NAME", "MatterportROIHeads",
    "INPUT.RESIZE_MODE", "square",
]  # fmt: skip

#: The least that the reader takes: the ResNet's widths are fixed.
SMALL = Architecture(depth=50, num_classes=1, fpn_width=8, fc_width=8, num_ratios=3)


def seeded_arrays(architecture: Architecture) -> dict[str, Any]:
    """Every array of the network, from its name."""
    return {
        name: seeded(name.split("/")[0], name.split("/")[1], shape)
        for name, shape in expected_shapes(architecture).items()
    }


def place(name: str, *, scope: str = "") -> str:
    """Return the path at which Keras stores an array."""
    layer, array = name.rsplit("/", 1)
    group = "rpn_model" if layer.startswith("rpn_") else layer
    return f"{group}/{layer}{scope}/{array}:0"


def write_arrays(path: Path, arrays: dict[str, Any], *, full_model: bool = False, scope: str = "") -> Path:
    """A file of weights or, in ``model_weights/``, of a whole model; of a shape alone, the zeros take no room."""
    groups: dict[str, list[str]] = {}
    with h5py.File(path, "w") as file:
        root = file.create_group("model_weights") if full_model else file
        for name, array in arrays.items():
            group, _, weight = place(name, scope=scope).partition("/")
            groups.setdefault(group, []).append(weight)
            if isinstance(array, tuple):
                root.create_dataset(place(name, scope=scope), array, "f4")
            else:
                root[place(name, scope=scope)] = array
        root.attrs["layer_names"] = [group.encode() for group in groups]
        for group, weights in groups.items():
            root[group].attrs["weight_names"] = [weight.encode() for weight in weights]
        for layer in ("input_image", "ROI", "mrcnn_detection"):  # layers without weights are empty groups
            root.create_group(layer)
        if full_model:
            file.attrs["model_config"] = b'{"class_name": "Lambda", "config": "never looked at"}'
            file.create_group("optimizer_weights")["training/SGD/iterations:0"] = np.int64(9)
    return path


def write_zeros(
    path: Path, architecture: Architecture = SMALL, changed: Mapping[str, tuple[int, ...] | None] | None = None
) -> Path:
    """A file of zeros; ``changed`` gives other shapes by name, None for arrays that are left out."""
    shapes = {**expected_shapes(architecture), **(changed or {})}
    return write_arrays(path, {name: shape for name, shape in shapes.items() if shape is not None})
