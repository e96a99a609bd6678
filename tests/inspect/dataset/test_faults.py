"""A fault is shown at the photo that has it."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from balloon_splash.data.datasets.catalog import register_via_instances
from balloon_splash.inspect.dataset.faults import faulty_photos
from balloon_splash.inspect.dataset.source import read_dataset


def test_photos_of_one_name_in_two_folders_are_two_photos(tmp_path: Path) -> None:
    entries = {}
    for day, width in (("day1", 50), ("day2", 10)):
        (tmp_path / day).mkdir()
        Image.new("RGB", (80, 60)).save(tmp_path / day / "001.jpg")
        shape = {"name": "rect", "x": 60, "y": 10, "width": width, "height": 20}  # day1's is cut at the border
        region = {"shape_attributes": shape, "region_attributes": {}}
        entries[day] = {"filename": f"{day}/001.jpg", "size": -1, "regions": [region]}
    (tmp_path / "via.json").write_text(json.dumps(entries))
    register_via_instances("days", tmp_path / "via.json", tmp_path)
    data = read_dataset("days")
    assert [Path(photo["file_name"]).parent.name for photo, _ in faulty_photos(data, data.photos)] == ["day1"]
