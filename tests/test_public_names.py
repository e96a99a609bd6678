"""The face of the package: its public names, and how little it costs to import them."""

from __future__ import annotations

import ast
import pkgutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import balloon_splash

if TYPE_CHECKING:  # for the type checker alone, which knows the public names and no others
    from balloon_splash import nonsense  # type: ignore[attr-defined]  # noqa: F401

    _PNG: bytes = balloon_splash.splash(b"a PNG")
    _LOOK: balloon_splash.Look = balloon_splash.Look("blur")


#: Public names that need the extra ``batch``, without which ``make test`` runs.
WITH_RAY = {"BatchReport", "splash_batch"}
THERE = [name for name in balloon_splash.__all__ if name not in WITH_RAY or find_spec("ray") is not None]


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()


def test_the_package_shows_its_public_names_and_nothing_else():
    assert sorted(dir(balloon_splash)) == sorted([*balloon_splash.__all__, "__version__"])
    assert balloon_splash.__all__ == sorted(balloon_splash.__all__)


def test_importing_the_package_reads_no_heavy_library():
    heavy = ("numpy", "torch", "detectron2", "cv2", "PIL", "av")
    assert python(f"import sys, balloon_splash; print([name for name in {heavy} if name in sys.modules])") == "[]"


def test_a_name_without_torch_reads_no_torch():
    heavy = {"Segmenter", "add_balloon_config", "load_config", "load_model"}
    light = [name for name in THERE if name not in heavy and not name.startswith("register")]
    code = f"import sys; from balloon_splash import {', '.join(light)}; print('torch' in sys.modules)"
    assert python(code) == "False"


@pytest.mark.parametrize("name", THERE)
def test_every_public_name_is_there_and_has_a_docstring(name: str):
    assert getattr(balloon_splash, name).__name__ == name
    assert getattr(balloon_splash, name).__doc__


def test_no_module_has_the_name_of_a_public_name():
    # Python binds a submodule to its parent once it is imported, and it would take the name's place.
    modules = {module.name for module in pkgutil.iter_modules(balloon_splash.__path__)}
    assert not modules & set(balloon_splash.__all__)


@pytest.mark.parametrize(
    "first",
    [
        "",
        "import balloon_splash.compositing.matte",
        "import balloon_splash.cli.splash, balloon_splash.splasher.splasher",
    ],
)
def test_splash_is_the_function_whatever_was_imported_before(first: str):
    ask = (
        "from balloon_splash import splash, matte; import balloon_splash.compositing.matte, balloon_splash.splasher.run"
    )
    again = "import balloon_splash; print(splash.__name__, matte.__name__, balloon_splash.splash is splash)"
    assert python(f"{first}\n{ask}\n{again}") == "splash matte True"


def test_what_is_not_public_is_not_there():
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        balloon_splash.nonsense  # type: ignore[attr-defined]  # noqa: B018


def test_the_type_checker_reads_the_names_from_where_they_come():
    tree = ast.parse(Path(balloon_splash.__file__).read_text(encoding="utf-8"))
    checked = next(node for node in tree.body if isinstance(node, ast.If))
    found = {
        name.name: str(node.module).removeprefix("balloon_splash.")
        for node in checked.body
        if isinstance(node, ast.ImportFrom)
        for name in node.names
    }
    assert found == balloon_splash._HOMES
    assert sorted(found) == balloon_splash.__all__


def test_the_paths_that_the_readme_gave_before_lead_to_the_same():
    from balloon_splash.config import add_balloon_config
    from balloon_splash.data.datasets.catalog import register_via_instances
    from balloon_splash.splasher import Splasher

    assert Splasher is balloon_splash.Splasher
    assert add_balloon_config is balloon_splash.add_balloon_config
    assert register_via_instances is balloon_splash.register_via_instances
