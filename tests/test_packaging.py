"""The installed package works away from the checkout, and starts at once."""

from __future__ import annotations

import importlib.metadata
import os
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from balloon_splash.cli.main import COMMANDS, main
from balloon_splash.data.render import render_scene
from tests.media.clips import make_clip

ROOT = Path(__file__).parents[1]
TOOLS = sorted(path.name for path in (ROOT / "tools").glob("*.py") if path.name != "install_detectron2.py")


def python(*arguments: str, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md", "balloon_splash", "configs"):
        (source / name).symlink_to(ROOT / name)
    built = python(
        "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q", "-w", str(folder), str(source)
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


def test_the_wheel_holds_all_modules_configurations_and_types(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for config in (ROOT / "configs").rglob("*.yaml"):
        assert f"balloon_splash/configs/{config.relative_to(ROOT / 'configs')}" in names
    for module in (ROOT / "balloon_splash").rglob("*"):
        if module.suffix in {".py", ".typed", ".j2", ".safetensors", ".html", ".css", ".js", ".svg", ".jpg"}:
            assert str(module.relative_to(ROOT)) in names
    assert not [name for name in names if name.startswith(("tests", "tools", "configs"))]


def test_the_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = (
        "from balloon_splash.config import load_config; print(load_config('balloon_R50_FPN.yaml').MODEL.RESNETS.DEPTH)"
    )
    done = python("-c", code, cwd=tmp_path, PYTHONPATH=str(site))
    assert done.stdout.strip() == "50", done.stderr


@pytest.mark.parametrize("tool", TOOLS)
def test_help_answers_without_loading_torch(tool: str) -> None:
    done = python("-X", "importtime", f"tools/{tool}", "--help")
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("usage: ")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in loaded
    assert not loaded & {"torch", "detectron2", "cv2", "matplotlib"}


def test_the_lock_names_the_extras_that_are_asked_for() -> None:
    """Else pip before 23.3 refuses the whole set-up as soon as a package with extras has a newer release."""
    locked: dict[str, list[set[str]]] = {}  # a package has a line for each Python that needs another version
    for requirement in locked_requirements():
        locked.setdefault(canonicalize_name(requirement.name), []).append(requirement.extras)
    asked = [
        requirement
        for distribution in importlib.metadata.distributions()
        if canonicalize_name(distribution.name) in locked
        for requirement in map(Requirement, distribution.requires or [])
        if requirement.extras and (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
    ]
    assert "coverage" in {requirement.name for requirement in asked}
    assert [
        str(requirement)
        for requirement in asked
        if not all(requirement.extras <= extras for extras in locked[canonicalize_name(requirement.name)])
    ] == []


def locked_requirements() -> list[Requirement]:
    lines = (ROOT / "requirements-train.lock").read_text(encoding="utf-8").splitlines()
    return [Requirement(line.removesuffix("\\")) for line in lines if line and not line.startswith((" ", "#"))]


def test_every_tool_is_a_command_and_every_command_a_tool() -> None:
    modules = {
        path.read_text().split("from balloon_splash.cli.")[1].split()[0]
        for path in map((ROOT / "tools").joinpath, TOOLS)
    }
    assert modules == {command.replace("-", "_") for command in COMMANDS} - {"doctor"}


def test_the_command_lists_its_subcommands(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = capsys.readouterr().out
    assert all(name in listed for name in COMMANDS)
    assert main(["brew"]) == 2
    assert "unknown command brew" in capsys.readouterr().err


def test_the_command_runs_as_a_module_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["balloon_splash", "--version"])
    with pytest.raises(SystemExit) as left:
        runpy.run_module("balloon_splash.cli.main", run_name="__main__")
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("balloon-splash ")


def test_importing_the_package_registers_everything() -> None:
    code = (
        "import balloon_splash, detectron2.data as data, detectron2.modeling as modeling;"
        "assert {'balloon_train', 'balloon_val', 'shapes_train', 'synthetic_balloon_val'} <= set(data.DatasetCatalog);"
        "assert 'BalloonRCNN' in modeling.META_ARCH_REGISTRY;"
        "assert 'BalloonRPN' in modeling.PROPOSAL_GENERATOR_REGISTRY;"
        "assert 'BalloonROIHeads' in modeling.ROI_HEADS_REGISTRY"
    )
    swapped = code.replace("import balloon_splash, ", "import ").replace(";", "; import balloon_splash;", 1)
    for order in (code, swapped):  # before Detectron2, and after it
        done = python("-c", order)
        assert done.returncode == 0, done.stderr


def test_the_doctor_finds_nothing_amiss_here_and_says_what_is() -> None:
    done = python("-m", "balloon_splash.doctor")
    assert done.returncode == 0, done.stdout
    for word in ("torch", "detectron2", "device", "dataset"):
        assert word in done.stdout
    ill = python("-c", _WITHOUT_PYCOCOTOOLS)
    assert ill.returncode == 1, ill.stderr
    assert "missing: pycocotools; pip install 'pycocotools>=" in ill.stdout


_WITHOUT_PYCOCOTOOLS = """
import sys
from importlib import metadata
from balloon_splash import doctor
version = metadata.version
def without(name):
    if name == "pycocotools":
        raise metadata.PackageNotFoundError(name)
    return version(name)
doctor.metadata.version = without
sys.exit(doctor.main())
"""


def test_the_plugin_example_of_the_readme_builds_our_model() -> None:
    blocks = (ROOT / "README.md").read_text().split("```python\n")[1:]
    (example,) = (block.split("```")[0] for block in blocks if "add_balloon_config" in block)
    build = "\nfrom detectron2.modeling import build_model\ncfg.MODEL.DEVICE = 'cpu'"
    done = python("-c", f"{example}{build}\nprint(type(build_model(cfg)).__name__)")
    assert done.stdout.split() == ["BalloonRCNN"], done.stderr


def test_an_installed_detectron2_is_left_alone() -> None:
    done = python("tools/install_detectron2.py", PIP_NO_INDEX="1")
    assert done.returncode == 0
    assert "left as it is" in done.stdout


ONLY_BASE = """
import importlib.metadata as metadata, sys
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

def needed(name, found):
    for line in metadata.requires(name) or ():
        each = Requirement(line)
        if (each.marker is None or each.marker.evaluate({"extra": ""})) and canonicalize_name(each.name) not in found:
            found.add(canonicalize_name(each.name))
            needed(each.name, found)
    return found

# The two plugins are used only where they are, and would be missed half-way if only this program refused them.
base = needed("balloon-splash", {"balloon-splash", "pillow-heif", "pillow-jxl-plugin"})
others = {
    module
    for module, owners in metadata.packages_distributions().items()
    if not any(canonicalize_name(owner) in base for owner in owners)
}
assert {"torch", "detectron2"} <= others

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in others:
            raise ModuleNotFoundError(f"{name} is not in the base set", name=name)

sys.meta_path.insert(0, Refuse())
from balloon_splash.cli.splash import main
sys.exit(main(sys.argv[1:]))
"""


def test_a_splash_with_all_its_results_needs_the_base_packages_alone(tmp_path: Path) -> None:
    Image.fromarray(render_scene(3, (256, 192)).image).save(tmp_path / "photo.jpg")
    make_clip(tmp_path / "clip.mp4", frames=3, size=(120, 160))
    options = ["--save-annotations", str(tmp_path / "via.json"), "--save-detections", str(tmp_path / "found.jsonl")]
    options += [
        "--soft",
        "--refine",
        "--labels",
        "--save-mask",
        "--save-crops",
        "--compare",
        "--add-box",
        "10",
        "10",
        "90",
        "90",
    ]
    inputs = [str(tmp_path / "photo.jpg"), str(tmp_path / "clip.mp4")]
    command = [sys.executable, "-c", ONLY_BASE, "--input", *inputs, "--output", f"{tmp_path}/out/", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    for name in ("via.json", "found.jsonl", "out/photo_splash.jpg", "out/clip_splash.mp4"):
        assert (tmp_path / name).is_file(), done.stderr
