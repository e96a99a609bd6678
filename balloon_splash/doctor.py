"""``python -m balloon_splash.doctor``: what is installed, what runs, what is missing and what to do about it."""

from __future__ import annotations

import importlib
import os
import platform
import sys
from importlib import metadata
from pathlib import Path

#: Distribution, the module it is imported as, and what it is for.
NEEDED = [
    ("torch", "torch", "the model"),
    ("torchvision", "torchvision", "ROIAlign and NMS"),
    ("fvcore", "fvcore", "Detectron2"),
    ("opencv-python", "cv2", "effects"),
    ("numpy", "numpy", "arrays"),
    ("pycocotools", "pycocotools", "AP"),
    ("pillow", "PIL", "photos"),
    ("shapely", "shapely", "polygons"),
    ("av", "av", "videos"),
]
DETECTRON2_HELP = (
    "run `python tools/install_detectron2.py` in a checkout (any Python from 3.10), or "
    "`pip install --no-build-isolation 'git+https://github.com/facebookresearch/detectron2.git'` (needs a compiler)"
)


def main() -> int:
    """Print the report; returns 0 if all that is needed is there, else 1."""
    problems: list[str] = []
    print(
        f"{'python':<16}{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    )
    for distribution, module, purpose in NEEDED:
        print(f"{distribution:<16}{_version(distribution, module, f'pip install {distribution}', purpose, problems)}")
    print(f"{'detectron2':<16}{_version('detectron2', 'detectron2', DETECTRON2_HELP, 'the framework', problems)}")
    print(
        f"{'balloon-splash':<16}{_version('balloon-splash', 'balloon_splash', 'pip install -e .', 'itself', problems)}"
    )
    print(f"{'device':<16}{_device()}")
    root = Path(os.environ.get("DETECTRON2_DATASETS", "datasets"), "balloon")
    found = all((root / split / "via_region_data.json").is_file() for split in ("train", "val"))
    print(f"{'dataset':<16}{root} {'found' if found else 'not found; tools/prepare_balloon.py fetches it (optional)'}")
    for problem in problems:
        print(f"missing: {problem}")
    return 1 if problems else 0


def _version(distribution: str, module: str, remedy: str, purpose: str, problems: list[str]) -> str:
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        problems.append(f"{distribution} ({purpose}): {error}; {remedy}")
        return "-"
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return str(getattr(imported, "__version__", "unknown version"))


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "unknown without torch"
    if torch.cuda.is_available():
        return f"cuda, {torch.cuda.get_device_name()}"
    return f"cpu, {torch.get_num_threads()} threads (torch sees no GPU)"


if __name__ == "__main__":
    sys.exit(main())
