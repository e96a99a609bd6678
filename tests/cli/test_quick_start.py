"""A splash starts without the seconds that parts of torch would take which it never uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from PIL import Image

from balloon_splash.data.render import render_scene
from balloon_splash.quick_start import quick_imports

ROOT = Path(__file__).parents[2]


def run(code: str, *arguments: object) -> str:
    """Run ``code`` in a new process, where nothing has been imported yet; return its output."""
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_a_splash_never_imports_the_compiler_of_torch(tmp_path: Path) -> None:
    Image.fromarray(render_scene(20, (160, 120)).image).save(tmp_path / "party.png")
    code = """
import gc, sys
from balloon_splash.cli.splash import main
print(main(["--quiet", "--device", "cpu", "--backend", "torch", "--input", sys.argv[1]]))
print("torch._dynamo" in sys.modules, gc.isenabled(), gc.get_freeze_count() > 100_000)
"""
    assert run(code, tmp_path / "party.png").split() == ["0", "False", "True", "True"]
    assert (tmp_path / "party_splash.png").exists()


def test_what_stands_in_for_the_compiler_gives_its_answers() -> None:
    code = """
import sys
from balloon_splash.quick_start import quick_imports
with quick_imports():
    from detectron2.layers import wrappers
    from torchvision.ops import roi_align
print("torch._dynamo" in sys.modules, "torch._dynamo.utils" in sys.modules)
answer = sys.modules["torchvision.ops.roi_align"].is_compile_supported("cpu")
from torch._dynamo import is_compiling
from torch._dynamo.utils import counters, is_compile_supported
print(answer is is_compile_supported("cpu"), wrappers.check_if_dynamo_compiling() is is_compiling())
"""
    assert run(code).split() == ["False", "False", "True", "True"]


def test_whoever_wants_more_of_the_compiler_gets_the_real_one() -> None:
    code = """
import sys
from balloon_splash.quick_start import quick_imports
with quick_imports():
    from torch._dynamo.utils import counters
print(type(counters).__name__, sys.modules["torch._dynamo.utils"].counters is counters)
"""
    assert run(code).split() == ["defaultdict", "True"]


def test_a_process_that_has_torch_already_stays_as_it_is() -> None:
    before = dict(sys.modules)
    with quick_imports():
        assert sys.modules == before
