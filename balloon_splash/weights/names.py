"""The short names of weights, for every command that takes ``--weights``, and the model that ships with the package.

Only a list and a path, so that ``--help`` can show the names at once; :mod:`balloon_splash.weights.resolve` decides
what they mean.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

from balloon_splash.errors import WeightsError

#: The model that ships with the package.
SHIPPED = "balloon"
#: What addresses of packed weights begin with, in Detectron2's own loaders; see :mod:`balloon_splash.weights.unpacked`.
PACKED_PREFIX = "balloon-splash://"
SHIPPED_FILE = "weights/balloon.safetensors"


@dataclass(frozen=True)
class ShortName:
    """Short name for ``--weights NAME``.

    Attributes:
        meaning: one line for ``--help``.
        starts: whether a run can start from it.
        runs: whether it is a whole model, which finds objects.
    """

    meaning: str
    starts: bool = True
    runs: bool = True


SHORT_NAMES: dict[str, ShortName] = {
    SHIPPED: ShortName("the model that ships with the package; it knows balloons"),
    "coco": ShortName("Detectron2's Mask R-CNN for COCO's 80 classes, of the configuration's depth; downloaded once"),
    "imagenet": ShortName("a classifier for the configuration's backbone; downloaded once", runs=False),
    "last": ShortName("the last checkpoint in the configuration's OUTPUT_DIR"),
    "none": ShortName("random weights", runs=False),
}

_OTHERS = (
    "  or a path, a URL, or a name of Detectron2's zoo such as COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
)


def names_help(*, training: bool) -> str:
    """Return the names that a command understands, one per line, for the end of its ``--help``."""
    known = {name: entry for name, entry in SHORT_NAMES.items() if (entry.starts if training else entry.runs)}
    lines = [f"  {name:<10}{entry.meaning}" for name, entry in known.items()]
    return "\n".join(["weights (--weights):", *lines, _OTHERS, ""])


def absent(path: str) -> WeightsError:
    """Return the error for a path where no file is, which may be a misspelt name."""
    near = get_close_matches(path, SHORT_NAMES, n=1) if Path(path).name == path else []
    hint = f"did you mean {near[0]}?" if near else "expected weights (.pth, .pkl or .safetensors)"
    return WeightsError(f"{path}: no such file; {hint} (--weights)")


def shipped_model() -> Path:
    """Return the path of the model that ships with the package.

    Raises:
        WeightsError: this copy of the package has none.
    """
    path = Path(str(resources.files("balloon_splash"))) / SHIPPED_FILE
    if not path.is_file():
        raise WeightsError(
            f"{path}: the model that ships with the package is missing from this copy; expected the file there, "
            "or other weights: --weights PATH, or --weights coco"
        )
    return path
