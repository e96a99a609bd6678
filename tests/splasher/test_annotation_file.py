"""The loop of annotating: outlines that a model finds are written, corrected, and trained on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.compositing.matte import instance_masks
from balloon_splash.data.annotations.formats import load_annotations
from balloon_splash.errors import OutputExistsError
from balloon_splash.splasher.options import SplashOptions
from balloon_splash.splasher.run import splash_inputs
from tests.fakes import ColourSegmenter, draw_scene, find_blobs


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(draw_scene()).save(folder / "a.png")
    return folder


@pytest.mark.parametrize(("format", "name"), [("via2", "via.json"), ("coco", "coco.json")])
def test_outlines_are_read_back_as_the_objects_that_were_found(folder: Path, format: str, name: str) -> None:
    options = SplashOptions(save_annotations=str(folder / name), annotation_format=format)
    splash_inputs([str(folder / "a.png")], f"{folder}/out/", options, finder=ColourSegmenter())
    (photo,), _ = load_annotations(folder / name, folder)
    assert len(photo["annotations"]) == 3
    expected = instance_masks(find_blobs(draw_scene()))
    areas = sorted(float(mask.sum()) for mask in expected)
    found = sorted(_area(each["segmentation"]) for each in photo["annotations"])
    assert np.allclose(found, areas, rtol=0.05)


def _area(polygons: list[list[float]]) -> float:
    x, y = np.array(polygons[0]).reshape(-1, 2).T
    return float(abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2)


def test_a_file_that_exists_is_refused_before_anything_runs(folder: Path) -> None:
    (folder / "via.json").write_text("precious")
    options = SplashOptions(save_annotations=str(folder / "via.json"))
    with pytest.raises(OutputExistsError, match=r"via\.json"):
        splash_inputs([str(folder / "a.png")], options=options, finder=ColourSegmenter())
    assert (folder / "via.json").read_text() == "precious"
    assert not (folder / "a_splash.png").exists()
