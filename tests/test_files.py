"""A file appears whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from balloon_splash.errors import OutputExistsError
from balloon_splash.files import atomic_path, did_you_mean, remove_leftovers, swap_folder


def test_a_name_that_resembles_another_one_in_its_folder_is_asked_about(tmp_path: Path) -> None:
    (tmp_path / "party.jpg").touch()
    assert did_you_mean(tmp_path / "party.jpgg") == f"did you mean {tmp_path / 'party.jpg'}? "
    assert did_you_mean(tmp_path / "dog.jpg") == did_you_mean(tmp_path / "gone" / "party.jpg") == ""


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="disk"), atomic_path(tmp_path / "very" / "new" / "a.txt") as path:
        path.write_text("half")
        raise RuntimeError("disk")
    assert list((tmp_path / "very" / "new").iterdir()) == []


def test_a_failed_replacement_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt", overwrite=True) as path:
        path.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old"


def test_the_suffix_stays_so_that_writers_know_the_format(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "a.tar.gz") as path:
        assert path.suffix == ".gz"
        assert path.parent == tmp_path
        path.write_text("whole")
    assert [p.name for p in tmp_path.iterdir()] == ["a.tar.gz"]
    assert (tmp_path / "a.tar.gz").stat().st_mode & 0o444 == 0o444


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    with (
        pytest.raises(OutputExistsError, match=r"a\.txt: exists already; .*--overwrite \(in Python: overwrite\)"),
        atomic_path(tmp_path / "a.txt"),
    ):
        pytest.fail("the work was done in vain")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_in_the_place_of_the_folder_is_not_taken_for_the_target(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with (
        pytest.raises(NotADirectoryError, match="] is a file, expected a folder") as caught,
        atomic_path(tmp_path / "folder" / "a"),
    ):
        pytest.fail("nowhere to write")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOTDIR, str(tmp_path / "folder"))


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(OutputExistsError, match="meanwhile"), atomic_path(tmp_path / "a.txt") as path:
        path.write_text("ours")
        (tmp_path / "a.txt").write_text("theirs")
    assert (tmp_path / "a.txt").read_text() == "theirs"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_system_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    with atomic_path(tmp_path / "a.txt") as path:
        path.write_text("whole")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "whole")]


@pytest.mark.skipif(os.name == "nt", reason="no such permissions there")
def test_the_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    before = os.umask(0o020)
    try:
        with atomic_path(tmp_path / "a.txt") as path:
            path.touch()
        assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o646
        assert os.umask(0o020) == 0o020
    finally:
        os.umask(before)


def test_a_name_as_long_as_names_may_be_is_written(tmp_path: Path) -> None:
    name = "n" * 251 + ".txt"
    with atomic_path(tmp_path / name) as path:
        assert path.name.startswith(".nnn")
        path.touch()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_only_what_was_left_half_written_is_removed(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "a.txt") as path:
        left = path.name
        raise KeyboardInterrupt
    for name in (left, "a.part", ".hidden", "b.txt"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden", "a.part", "b.txt"]


@pytest.mark.parametrize("there", [True, False], ids=["swapped", "nothing to put there"])
def test_a_folder_takes_the_place_of_another_or_all_is_as_before(tmp_path: Path, there: bool) -> None:
    fresh, target, old = (tmp_path / name for name in ("fresh", "target", "old"))
    for folder in (fresh, target) if there else (target,):
        folder.mkdir()
        (folder / folder.name).touch()
    if there:
        swap_folder(fresh, target, old)
        assert not fresh.exists()
        assert [path.name for path in target.iterdir()] == ["fresh"]
        assert [path.name for path in old.iterdir()] == ["target"]
    else:
        with pytest.raises(FileNotFoundError):
            swap_folder(fresh, target, old)
        assert [path.name for path in tmp_path.iterdir()] == ["target"]
        assert [path.name for path in target.iterdir()] == ["target"]
