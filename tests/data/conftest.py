"""Small image folders with VIA files, made for each test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import balloon_splash  # noqa: F401  (registers the datasets)

WIDTH, HEIGHT = 60, 40

Entry = dict[str, Any]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """An image folder with ``a.jpg`` and ``b.jpg``, 60 x 40."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (WIDTH, HEIGHT), "skyblue").save(folder / name)
    return folder


@pytest.fixture
def write_via(photos: Path) -> Callable[..., Path]:
    """Function that writes photo entries as a VIA 2 file beside the photos."""

    def write(*entries: Entry, encoding: str = "utf-8") -> Path:
        path = photos / "via_region_data.json"
        document = {f"{entry['filename']}{entry.get('size', '')}#{i}": entry for i, entry in enumerate(entries)}
        path.write_text(json.dumps(document, ensure_ascii=False), encoding=encoding)
        return path

    return write


def region(shape: dict[str, Any], **attributes: object) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def polygon(*points: tuple[float, float]) -> dict[str, Any]:
    return {"name": "polygon", "all_points_x": [x for x, _ in points], "all_points_y": [y for _, y in points]}


SQUARE = polygon((10, 10), (30, 10), (30, 30), (10, 30), (10, 10))


def entry(filename: str, *regions: object, **more: object) -> Entry:
    return {"filename": filename, "regions": list(regions), "file_attributes": {}, **more}
