"""A file appears whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from balloon_splash.files import atomic_path


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="disk"), atomic_path(tmp_path / "new" / "a.txt") as path:
        path.write_text("half")
        raise RuntimeError("disk")
    assert list((tmp_path / "new").iterdir()) == []


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
    with pytest.raises(FileExistsError, match=r"a.txt exists already"), atomic_path(tmp_path / "a.txt"):
        pytest.fail("the work was done in vain")
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_in_the_place_of_the_folder_is_not_taken_for_the_target(tmp_path: Path) -> None:
    (tmp_path / "folder").write_text("a file")
    with (
        pytest.raises(NotADirectoryError, match="is a file, expected a folder"),
        atomic_path(tmp_path / "folder" / "a"),
    ):
        pytest.fail("nowhere to write")


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="meanwhile"), atomic_path(tmp_path / "a.txt") as path:
        path.write_text("ours")
        (tmp_path / "a.txt").write_text("theirs")
    assert (tmp_path / "a.txt").read_text() == "theirs"
    assert len(list(tmp_path.iterdir())) == 1
