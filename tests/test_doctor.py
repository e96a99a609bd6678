"""Who asks for help is first asked what is installed: the doctor says it, and why the model runs as it does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata

import pytest

from balloon_splash import __version__, doctor
from balloon_splash.files import cache_folder


def test_it_names_version_extras_engine_and_caches(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = cache_folder() / "runtime-compiled" / "key" / "blob"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(bytes(3_200_000))
    version = metadata.version

    def without_heif(name: str) -> str:
        if name == "pillow-heif":
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without_heif)
    assert doctor.main() == 0
    printed = re.sub(" {2,}", "  ", capsys.readouterr().out)
    assert f"balloon-splash  {__version__}, in " in printed
    assert "extra heif  not installed (optional; without pillow-heif): pip install 'balloon-splash[heif]'" in printed
    assert "extra train  installed" in printed
    assert re.search("a splash runs with +(openvino in (int8|bf16|fp32)|torch), since ", printed)
    assert f"made once, kept  {cache_folder()}: 3.2 MB (runtime-compiled 3.2 MB); may be deleted" in printed


def test_it_says_why_torch_runs_the_model(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("balloon_splash.splasher.loading._has_gpu", lambda: True)
    assert doctor.main() == 0
    assert "torch, since there is a GPU" in capsys.readouterr().out


def test_a_reader_that_leaves_early_gets_no_traceback() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "balloon_splash.cli.main", "doctor"]
    try:
        done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    finally:
        os.close(write)
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
