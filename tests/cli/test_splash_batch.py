"""A folder in which one photo of ten is bad, in ten ways: all the others are splashed, and each bad one is named."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.cli.splash import main
from balloon_splash.splasher import Splasher, loading
from tests.fakes import ColourSegmenter, draw_scene
from tests.inspect.model.tiny_model import write_run
from tests.media.clips import make_clip

SIZE = (24, 32)


def zero_bytes(path: Path) -> None:
    path.with_suffix(".jpg").touch()


def truncated(path: Path) -> None:
    Image.fromarray(draw_scene()).save(path.with_suffix(".jpg"))
    data = path.with_suffix(".jpg").read_bytes()
    path.with_suffix(".jpg").write_bytes(data[: len(data) * 2 // 3])


def text(path: Path) -> None:
    path.with_suffix(".jpg").write_text("this is no photo\n" * 20)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, compressed: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", compressed) + chunk(b"IEND", b"")


def bomb(path: Path) -> None:
    path.with_suffix(".png").write_bytes(png(60_000, 60_000, zlib.compress(bytes(1000))))


def damaged_pixels(path: Path) -> None:
    compressed = bytearray(zlib.compress(np.random.default_rng(0).bytes(8 * 25), level=9))
    compressed[2:6] = b"\xff\xff\xff\xff"
    path.with_suffix(".png").write_bytes(png(8, 8, bytes(compressed)))


def floats(path: Path) -> None:
    Image.fromarray(np.zeros(SIZE, np.float32)).save(path.with_suffix(".tiff"))


def folder(path: Path) -> None:
    path.with_suffix(".jpg").mkdir()


def dangling_link(path: Path) -> None:
    path.with_suffix(".jpg").symlink_to("nowhere.jpg")


def link_to_itself(path: Path) -> None:
    path.with_suffix(".jpg").symlink_to(path.with_suffix(".jpg").name)


def vanishing(path: Path) -> None:
    Image.fromarray(draw_scene(*SIZE)).save(path.with_suffix(".vanishing.png"))


WAYS: dict[Callable[[Path], None], str] = {
    zero_bytes: "empty file (0 bytes); expected a picture",
    truncated: "truncated or damaged JPEG",
    text: "not a picture that can be read",
    bomb: "too large",
    damaged_pixels: "truncated or damaged PNG",
    floats: "expected",
    folder: "cannot be read (Is a directory)",
    dangling_link: "cannot be read (No such file or directory)",
    link_to_itself: "cannot be read (Too many levels of symbolic links)",
    vanishing: "cannot be read (No such file or directory)",
}


def fill(place: Path, count: int) -> list[Path]:
    """``count`` inputs, every tenth of them bad; returns the good ones."""
    place.mkdir()
    good = []
    ways = list(WAYS)
    for number in range(count):
        path = place / f"{number:04d}"
        if number % 10 == 9:
            ways[number // 10 % len(ways)](path)
            continue
        good.append(path.with_suffix((".png", ".jpg", ".bmp")[number % 3]))
        Image.fromarray(np.roll(draw_scene(*SIZE), number, axis=1)).save(good[-1])
    return good


def snapshot(place: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in place.iterdir()}


@pytest.mark.skipif(not hasattr(Path, "symlink_to"), reason="no links")
@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_every_good_photo_is_splashed_every_bad_one_named_and_nothing_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], count: int
) -> None:
    config, weights = write_run(tmp_path / "run")
    good = fill(tmp_path / "photos", count)
    out = tmp_path / "out"
    load = loading.load_finder

    def load_while_photos_vanish(*args, **options):
        for path in (tmp_path / "photos").glob("*.vanishing.png"):
            path.unlink()
        return load(*args, **options)

    monkeypatch.setattr(loading, "load_finder", load_while_photos_vanish)
    command = ["--input", str(tmp_path / "photos"), "--output", f"{out}/", "--confidence", "0.4", "--batch-size", "4"]
    command += ["--config-file", config, "--weights", weights, "--device", "cpu", "--quiet", "--json"]

    assert main(command) == 1

    printed, said = capsys.readouterr()
    failures = {entry["input"]: entry["error"] for entry in json.loads(printed)["photos"] if entry["error"]}
    assert len(failures) == len(said.splitlines()) == count // 10
    for way, reason in WAYS.items():
        assert sum(reason in error for error in failures.values()) >= count // 100, way.__name__
    for name, error in failures.items():
        assert name in error
        assert f"error: {' '.join(error.split())}" in said.splitlines()
    written = snapshot(out)
    assert sorted(written) == sorted(f"{path.stem}_splash{path.suffix}" for path in good)
    splasher = Splasher(weights, config_file=config, device="cpu", confidence=0.4)
    for path in good[:: count // 20]:
        with Image.open(out / f"{path.stem}_splash{path.suffix}") as after, Image.open(path) as before:
            if path.suffix != ".jpg":
                assert np.array_equal(np.asarray(after), splasher(np.asarray(before)))
            assert after.size == before.size

    for path in (tmp_path / "photos").glob("*.png"):
        assert ".vanishing" not in path.name
    assert main([*command, "--skip-existing"]) == 1
    again = json.loads(capsys.readouterr().out)["photos"]
    assert sum(entry["skipped"] for entry in again) == len(good)
    assert snapshot(out) == written


def test_a_video_that_vanishes_is_named_and_the_other_one_splashed(
    model: ColourSegmenter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "films").mkdir()
    clips = [make_clip(tmp_path / "films" / name, frames=5) for name in ("gone.mp4", "stays.mp4")]
    load = loading.load_finder

    def load_while_it_vanishes(*args, **options):
        clips[0].unlink()
        return load(*args, **options)

    monkeypatch.setattr(loading, "load_finder", load_while_it_vanishes)
    assert main(["--input", str(tmp_path / "films"), "--output", f"{tmp_path}/out/", "--quiet"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "gone.mp4: " in line
    assert "No such file" in line
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["stays_splash.mp4"]
