"""JPEG XL is read and written through a plugin; what asks for too much memory is refused before it is decoded."""

from __future__ import annotations

import struct
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from balloon_splash.errors import MediaError
from balloon_splash.media.formats import register_plugins
from balloon_splash.media.inputs import expand_inputs
from balloon_splash.media.jpeg_xl import jpeg_xl_size
from balloon_splash.media.opening import open_image
from balloon_splash.media.outputs import plan_outputs
from balloon_splash.media.reading import read_picture
from balloon_splash.media.writing import encode_picture
from tests.media.test_kept_metadata import TEXTS, camera_block

needs_plugin = pytest.mark.skipif("JXL" not in register_plugins(), reason="pillow-jxl-plugin is not installed")


def saved(width: int, height: int, **options: Any) -> bytes:
    y, x = np.mgrid[:height, :width]
    pixels = np.dstack([x * 3, y * 3, x + y]).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JXL", effort=1, **options)
    return buffer.getvalue()


@needs_plugin
@pytest.mark.parametrize("size", [(8, 8), (64, 48), (256, 256), (257, 31), (700, 525), (1000, 3), (640, 360)])
@pytest.mark.parametrize("container", [False, True])
def test_the_size_is_known_before_the_pixels(size: tuple[int, int], container: bool) -> None:
    data = saved(*size, exif=camera_block() if container else None, use_container=container)
    assert jpeg_xl_size(data) == size
    assert jpeg_xl_size(data[:9]) is None


@needs_plugin
def test_a_photo_comes_back_as_jpeg_xl_with_its_exif() -> None:
    picture = read_picture(saved(64, 48, exif=camera_block(), lossless=True))
    written = encode_picture(picture).data
    again = Image.open(BytesIO(written))
    assert (again.format, again.size) == ("JXL", (64, 48))
    assert np.abs(np.asarray(again).astype(int) - picture.rgb).mean() < 4
    assert all(text.encode() in again.info["exif"] for text in TEXTS.values())


@needs_plugin
def test_what_the_plugin_does_not_write_is_said() -> None:
    data = saved(64, 48, exif=camera_block(), use_container=True)
    xmp = b"<x/>"
    place = data.index(b"jxlc" if b"jxlc" in data else b"jxlp") - 4
    source = data[:place] + struct.pack(">I", len(xmp) + 8) + b"xml " + xmp + data[place:]
    picture = read_picture(source)
    assert picture.notes == ("XMP in the JXL file: left out",)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    side = (1 << 20) - 1  # 20 bits of the longest kind: not in eighths, selector 3, then height less one, ratio 1
    bits = 0 | (3 << 1) | (side << 3) | (1 << 33)
    bomb = b"\xff\x0a" + bits.to_bytes(14, "little")
    assert jpeg_xl_size(bomb) == (1 << 20, 1 << 20)
    with pytest.raises(MediaError, match=r"bomb\.jxl: too large: 1048576x1048576"):
        read_picture(bomb, name="bomb.jxl")
    path = tmp_path / "bomb.jxl"
    path.write_bytes(bomb)
    with pytest.raises(MediaError, match="too large"):
        open_image(path, ["JXL"])
    with pytest.raises(MediaError, match="expected its size"):
        read_picture(bomb[:6], name="short.jxl")


def test_without_the_plugin_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("balloon_splash.media.reading.register_plugins", frozenset)
    monkeypatch.setattr("balloon_splash.media.reading.READABLE", ("PNG",))
    with pytest.raises(MediaError, match=r"pip install balloon-splash\[jxl\]"):
        read_picture(b"\xff\x0a" + bytes(20), name="a.jxl")


def test_it_is_found_in_folders_and_keeps_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "a.jxl").touch()
    sources = expand_inputs([str(tmp_path)])
    assert plan_outputs(sources, None) == [tmp_path / "a_splash.jxl"]
