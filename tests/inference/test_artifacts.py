"""The cache never gives a wrong result: what was made of something else, or is damaged, is made anew."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from torch import nn

from balloon_splash.data.cache import cache_folder
from balloon_splash.inference.artifacts import MANIFEST, artifact, digest, digest_of_files, digest_of_weights

KEY = digest({"weights": "a"})


class Maker:
    """Writes two files, and counts how often it had to."""

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
