"""Findings of earlier campaigns: each file is read, or refused by an error of the package, and no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from balloon_splash.media.formats import is_animation, is_picture, is_video
from tests.fuzz.targets import image_target, video_target

CORPUS = sorted((Path(__file__).parent / "corpus").iterdir())


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.name)
def test_what_was_found_stays_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    case, empty = tmp_path / path.name, tmp_path / "empty"
    shutil.copyfile(path, case)
    empty.mkdir()
    monkeypatch.chdir(empty)
    if is_picture(case):
        image_target()(case)
    if is_video(case) or is_animation(case) or case.suffix in (".gif", ".webp", ".avif"):
        video_target()(case)
    assert not list(empty.iterdir())
