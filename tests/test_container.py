"""The steps of the Dockerfile, run in a fresh folder: no container engine is needed, and no network."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.data.render import render_scene

ROOT = Path(__file__).resolve().parent.parent


def instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile with its arguments."""
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    return [(word, rest) for word, rest in pairs]


@pytest.mark.slow  # builds and installs the package
@pytest.mark.skipif(os.name == "nt", reason="paths of Linux")
def test_the_steps_of_the_dockerfile_make_a_splash(tmp_path: Path) -> None:
    build, splash = tmp_path / "build", tmp_path / "splash"
    build.mkdir()

    def here(text: str) -> str:
        return text.replace("/opt/splash", str(splash))

    for word, rest in instructions():
        if word == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            for source in sources:
                copy = shutil.copytree if (ROOT / source).is_dir() else shutil.copy
                copy(ROOT / source, build / target / Path(source).name if target == "./" else build / target)
        elif word == "RUN" and "--require-hashes" in rest:
            # What the lock names is what runs these tests: the new environment borrows it.
            (site,) = splash.glob("lib/python3*/site-packages")
            paths = [path for path in sys.path if path.endswith("-packages")]
            (site / "borrowed.pth").write_text(f"import sys; sys.path[:0] = {paths!r}", encoding="utf-8")
        elif word == "RUN" and "uninstall" not in rest:
            step = here(rest).replace("python -m venv", f"{shlex.quote(sys.executable)} -m venv", 1)
            done = subprocess.run(shlex.split(step), check=False, cwd=build, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
    (entry,) = (json.loads(here(rest)) for word, rest in instructions() if word == "ENTRYPOINT")
    photo = tmp_path / "photo.png"
    Image.fromarray(render_scene(0, (160, 120)).image).save(photo)
    # As on a read-only file system: neither the cache nor the home folder can be written.
    environment = {"PATH": os.environ["PATH"], "HOME": "/proc", "BALLOON_SPLASH_CACHE": "/proc/cache"}
    command = [*entry, "--input", str(photo), "--output", str(tmp_path / "after.png")]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cannot be written" in done.stderr
    before, after = np.asarray(Image.open(photo)), np.asarray(Image.open(tmp_path / "after.png"))
    assert after.shape == before.shape
    assert not np.array_equal(after, before)


def test_the_container_needs_no_root_and_no_apt() -> None:
    words = instructions()
    assert [rest for word, rest in words if word == "USER"] == ["1000"]
    assert not [rest for word, rest in words if word == "RUN" and "apt" in rest]
