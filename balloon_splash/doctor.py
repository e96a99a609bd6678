"""Report of ``python -m balloon_splash.doctor``: versions, device, missing parts and how to install them."""

from __future__ import annotations

import os
import platform
import sys
from importlib import import_module, metadata
from importlib.util import find_spec
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

from balloon_splash import __version__
from balloon_splash.data.datasets.folders import SPLITS, VIA_FILE, datasets_root
from balloon_splash.errors import BalloonSplashError
from balloon_splash.extras import TRAIN
from balloon_splash.files import cache_folder
from balloon_splash.splasher.loading import describe_choice

DISTRIBUTION = "balloon-splash"
EXTRAS = ("train", "export", "matterport", "openvino", "heif", "jxl")
MISSING_NAMED = 3
LARGEST_NAMED = 3
DETECTRON2_HELP = (
    "run `python tools/install_detectron2.py` in a checkout (any Python from 3.10), or "
    "`pip install --no-build-isolation 'git+https://github.com/facebookresearch/detectron2.git'` (needs a compiler)"
)


def main() -> int:
    """Print the report; return 0 if nothing is missing for a splash, nor for training unless it is left out, else 1."""
    print(f"{DISTRIBUTION:<28}{__version__}, in {Path(__file__).parent}")
    system = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    print(f"{'python':<28}{platform.python_version()} on {system}")
    problems = [problem for requirement in _requirements("") if (problem := _check(requirement))]
    if find_spec("torch") is None and find_spec("detectron2") is None:
        print(f"{'training':<28}not installed (optional); {TRAIN}")
    else:
        problems += [problem for requirement in _requirements("train") if (problem := _check(requirement))]
        problems += _check_detectron2()
    for extra in EXTRAS:
        print(f"{f'extra {extra}':<28}{_extra(extra)}")
    print(f"{'device':<28}{_device()}")
    print(f"{'a splash runs with':<28}{_engine()}")
    root = datasets_root() / "balloon"
    found = all((root / split / VIA_FILE).is_file() for split in SPLITS)
    print(f"{'balloon photos':<28}{root} {'found' if found else 'not found (optional): tools/prepare_balloon.py'}")
    for name, folder in _caches().items():
        print(f"{name:<28}{folder}: {_size(folder)}")
    for problem in problems:
        print(f"missing: {problem}")
    return 1 if problems else 0


def _extra(extra: str) -> str:
    """Say if all that an extra adds is installed."""
    wanted = _requirements(extra)
    missing = [each for each in wanted if not _installed(each)]
    if not missing:
        return "installed"
    named = ", ".join(each.name for each in missing[:MISSING_NAMED]) + (", ..." if len(missing) > MISSING_NAMED else "")
    return f"not installed (optional; without {named}): pip install '{DISTRIBUTION}[{extra}]'"


def _installed(requirement: Requirement) -> bool:
    try:
        return requirement.specifier.contains(metadata.version(requirement.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


def _engine() -> str:
    try:
        return describe_choice()
    except BalloonSplashError as error:
        return f"nothing: {error}"


def _caches() -> dict[str, Path]:
    """Return the folders whose content is made or fetched again when it is needed, so that it may be deleted."""
    found = {"made once, kept": cache_folder()}
    if find_spec("iopath") is not None:
        from iopath.common.file_io import get_cache_dir

        found["weights fetched, kept"] = Path(get_cache_dir())
    return found


def _size(folder: Path) -> str:
    """Return the length of all files in a folder, and its largest parts, as a text."""
    parts = {path: _bytes_in(path) for path in folder.iterdir()} if folder.is_dir() else {}
    if not sum(parts.values()):
        return "empty"
    largest = sorted(parts, key=lambda path: -parts[path])[:LARGEST_NAMED]
    named = ", ".join(f"{path.name} {_megabytes(parts[path])}" for path in largest if parts[path])
    return f"{_megabytes(sum(parts.values()))} ({named}); may be deleted"


def _bytes_in(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(each.lstat().st_size for each in files if each.is_file())


def _megabytes(length: int) -> str:
    return f"{length / 1e6:.1f} MB" if length < 1e9 else f"{length / 1e9:.1f} GB"


def _requirements(extra: str) -> list[Requirement]:
    """Return the requirements of this package, by its metadata: those of a splash, or those that ``extra`` adds."""
    needed = [Requirement(line) for line in metadata.requires(DISTRIBUTION) or []]
    if not extra:
        return [each for each in needed if each.marker is None or each.marker.evaluate({"extra": ""})]
    return [each for each in needed if each.marker is not None and _only_with(each.marker, extra)]


def _only_with(marker: Marker, extra: str) -> bool:
    return marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _check(requirement: Requirement) -> str | None:
    """Print the version of a distribution; return its fault, or an empty string."""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        print(f"{requirement.name:<28}-")
        return f"{requirement.name}; pip install '{requirement.name}{requirement.specifier}'"
    print(f"{requirement.name:<28}{version}")
    if requirement.specifier.contains(version, prereleases=True):
        return None
    wanted = f"{requirement.name}{requirement.specifier}"
    return f"{wanted}, found {version}; pip install '{wanted}'"


def _check_detectron2() -> list[str]:
    """Import Detectron2 as training does: its builds have different names, and some do not work."""
    try:
        version = import_module("detectron2").__version__
        import_module("detectron2.modeling")
    except ImportError as error:
        print(f"{'detectron2':<28}-")
        return [f"detectron2 ({error}); {DETECTRON2_HELP}"]
    print(f"{'detectron2':<28}{version}")
    return []


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "cpu (by OpenVINO)"
    if torch.cuda.is_available():
        return f"cuda, {torch.cuda.get_device_name()}"
    return f"cpu, {torch.get_num_threads()} threads (torch sees no GPU)"


if __name__ == "__main__":
    sys.exit(main())
