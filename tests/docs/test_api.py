"""The page about Python names every public name, and its examples run as they stand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import balloon_splash
from balloon_splash import BalloonSplashError
from balloon_splash.data.render import render_scene
from tests.media.clips import make_clip

PAGE = Path(__file__).parents[2] / "docs" / "api.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = list(re.finditer(r"^```python\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL))
VIA: dict[str, dict[str, Any]] = {
    "photo.jpg": {
        "filename": "photo.jpg",
        "regions": [{"shape_attributes": {"name": "circle", "cx": 40, "cy": 40, "r": 20}, "region_attributes": {}}],
        "file_attributes": {},
    }
}
LABELME = {
    "imagePath": "photo.jpg",
    "imageHeight": 240,
    "imageWidth": 320,
    "shapes": [{"label": "cup", "points": [[10, 10], [60, 50]], "shape_type": "rectangle"}],
}


@pytest.fixture(scope="module")
def run_page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run all examples, one after the other, among the files that they name; return what they leave behind."""
    folder = tmp_path_factory.mktemp("page")
    photo = Image.fromarray(render_scene(0, (320, 240)).image)
    for name in ("photo.jpg", "holiday/photo.jpg", "cups/photo.jpg", "desk/photo.jpg", "nuclei/a/images/a.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        photo.save(folder / name)
    make_clip(folder / "party.mp4", frames=5, size=(96, 128))
    VIA["photo.jpg"]["size"] = (folder / "cups" / "photo.jpg").stat().st_size
    (folder / "cups" / "via.json").write_text(json.dumps(VIA))
    (folder / "desk" / "photo.json").write_text(json.dumps(LABELME))
    (folder / "nuclei/a/masks").mkdir()
    Image.fromarray(np.eye(320, dtype=np.uint8)[:240] * 255).save(folder / "nuclei/a/masks/1.png")
    names: dict[str, Any] = {"folder": folder}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("BALLOON_SPLASH_CACHE", str(folder / "cache"))
        for example in EXAMPLES:
            if "splash_batch" in example[1]:
                continue  # starts Ray, hence runs in a process of its own, in tests/batch/test_example.py
            lines_before = TEXT.count("\n", 0, example.start(1))
            exec(compile("\n" * lines_before + example[1], str(PAGE), "exec"), names)
    return names


def test_the_examples_run_and_do_what_they_say(run_page: dict[str, Any]) -> None:
    folder, photo = run_page["folder"], render_scene(0, (320, 240)).image
    assert (folder / "photo_splash.jpg").is_file()
    assert run_page["data"].startswith(b"\xff\xd8")
    assert (folder / "clip.mp4").is_file()
    assert (folder / "results" / "photo_splash.jpg").is_file()
    assert not run_page["summary"].failed
    assert len(run_page["found"]) > 0, "no balloon was found: the examples show nothing"
    assert run_page["result"].shape == photo.shape
    left = run_page["left_in_colour"]
    inside, outside = np.s_[5:-5, 5:155], np.s_[:, 165:]  # masks fade within a pixel or two of their box
    assert np.array_equal(left[inside], run_page["image"][inside])
    assert (left[outside].max(axis=2) == left[outside].min(axis=2)).all()


def test_every_public_name_is_on_the_page_and_in_an_example() -> None:
    examples = "\n".join(example[1] for example in EXAMPLES)
    imported = {
        name.strip()
        for names in re.findall(r"^from balloon_splash import (.*)$", examples, re.MULTILINE)
        for name in names.split(",")
    }
    assert imported == set(balloon_splash.__all__)
    errors = {error.__name__ for error in BalloonSplashError.__subclasses__()}
    assert errors <= set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE))


def test_each_fault_of_the_example_has_the_error_that_the_page_names(
    run_page: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run_page["folder"])
    assert len(run_page["faults"]) == 6
    for kind, attempt in run_page["faults"].items():
        with pytest.raises(kind):
            attempt()
