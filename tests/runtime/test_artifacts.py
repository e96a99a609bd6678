"""The cache never gives a wrong result: what was made of something else, or is damaged, is made anew."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from balloon_splash.files import cache_folder
from balloon_splash.runtime import artifacts
from balloon_splash.runtime.artifacts import (
    FORMAT,
    MANIFEST,
    artifact,
    digest,
    digest_of_files,
    digest_of_weights,
)

KEY = digest({"weights": "a"})


class Maker:
    """Maker of two files that counts how often it had to write them."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, folder: Path) -> None:
        self.calls += 1
        (folder / "model.xml").write_text("<net/>")
        (folder / "model.bin").write_bytes(bytes(range(256)))


def test_made_once() -> None:
    make = Maker()
    first, second = artifact("kind", KEY, make), artifact("kind", KEY, make)
    assert first == second
    assert make.calls == 1
    assert {path.name for path in first.iterdir()} == {"model.xml", "model.bin", MANIFEST}
    assert [path.name for path in first.parent.iterdir()] == [KEY], "nothing else is left behind"


def test_what_was_used_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    make = Maker()
    old, used, other = (artifact("kind", digest({"weights": name}), make) for name in "abc")
    leftover = old.parent / ".killed.part"
    leftover.mkdir()
    for folder in (old, used, other, leftover):
        os.utime(folder, (1e9, 1e9))
    monkeypatch.setattr(artifacts, "MOST_BYTES", sum(path.stat().st_size for path in old.iterdir()) * 3)
    assert artifact("kind", digest({"weights": "b"}), make) == used
    os.utime(old, (0.9e9, 0.9e9))
    new = artifact("kind", digest({"weights": "d"}), make)
    assert {path.name for path in new.parent.iterdir()} == {new.name, used.name, other.name}
    assert make.calls == 4


@pytest.mark.parametrize("damage", ["changed", "cut", "missing", "no list", "list of nothing", "list of another kind"])
def test_made_anew_if_damaged(damage: str, caplog: pytest.LogCaptureFixture) -> None:
    make = Maker()
    folder = artifact("kind", KEY, make)
    binary, manifest = folder / "model.bin", folder / MANIFEST
    if damage == "changed":
        binary.write_bytes(b"\1" + binary.read_bytes()[1:])
    elif damage == "cut":
        binary.write_bytes(binary.read_bytes()[:100])
    elif damage == "missing":
        binary.unlink()
    elif damage == "no list":
        manifest.unlink()
    else:
        manifest.write_text("{}" if damage == "list of nothing" else "[]")
    with caplog.at_level(logging.WARNING):
        again = artifact("kind", KEY, make)
    assert make.calls == 2
    assert "is damaged" in caplog.text
    assert (again / "model.bin").read_bytes() == bytes(range(256))


def test_nothing_is_left_of_what_fails_half_way() -> None:
    def fail(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        artifact("kind", KEY, fail)
    assert list((cache_folder() / "kind").iterdir()) == []


def test_another_process_may_be_faster() -> None:
    def slow(folder: Path) -> None:
        artifact("kind", KEY, Maker())
        Maker()(folder)

    assert (artifact("kind", KEY, slow) / "model.xml").is_file()


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BALLOON_SPLASH_CACHE", str(tmp_path / "file"))
    folder = artifact("kind", KEY, Maker())
    assert (folder / "model.xml").is_file()
    assert "nothing is kept" in caplog.text


def test_every_part_changes_the_key() -> None:
    assert len({digest({"a": "1"}), digest({"a": "2"}), digest({"b": "1"}), digest({"a": "1", "b": ""})}) == 4


def test_weights_are_known_by_their_content(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    assert digest_of_weights(first) != digest_of_weights(second)
    second.load_state_dict(first.state_dict())
    assert digest_of_weights(first) == digest_of_weights(second)
    with torch.no_grad():
        second.bias[0] += 1e-6  # type: ignore[index]
    assert digest_of_weights(first) != digest_of_weights(second)


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    paths = [tmp_path / "a", tmp_path / "b"]
    for path in paths:
        path.write_text(path.name)
    before = digest_of_files(paths)
    assert digest_of_files(paths[::-1]) != before
    paths[0].write_text("c")
    assert digest_of_files(paths) != before


AT_ONCE = """
import sys, time
from pathlib import Path
from balloon_splash.runtime.artifacts import artifact, digest

def make(folder):
    (folder / "model.bin").write_bytes(sys.argv[1].encode() * 1000)
    ready = Path(sys.argv[2])
    (ready / sys.argv[1]).touch()
    while len(list(ready.iterdir())) < 2:  # until the other process has come as far
        time.sleep(0.01)

print(artifact("kind", digest({"weights": "a"}), make))
"""


def test_two_processes_at_once(tmp_path: Path) -> None:
    """One of them is first; both use what it made, whole."""
    ready = tmp_path / "ready"
    ready.mkdir()
    command = [sys.executable, "-W", "ignore", "-c", AT_ONCE]
    running = [
        subprocess.Popen([*command, name, str(ready)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])
        for name in "ab"
    ]
    printed = {process.communicate(timeout=300)[0].strip() for process in running}
    assert [process.returncode for process in running] == [0, 0]
    (folder,) = map(Path, printed)
    assert (folder / "model.bin").read_bytes() in (b"a" * 1000, b"b" * 1000)
    assert {path.name for path in folder.iterdir()} == {"model.bin", MANIFEST}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "nothing else is left behind"
    assert artifact("kind", KEY, Maker()) == folder


def test_what_another_version_of_the_cache_left_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    before = digest({"weights": "a"})
    monkeypatch.setattr("balloon_splash.runtime.artifacts.FORMAT", FORMAT + 1)
    assert digest({"weights": "a"}) != before
