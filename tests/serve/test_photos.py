"""A photo is sent, its objects come back, choices are made, and the saved file is the one that the command makes."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("fastapi", reason="the extra serve is not installed")

from balloon_splash.cli.splash import main as splash_command
from tests.fakes import PromptedSegmenter
from tests.serve.conftest import encoded, scene

YELLOW_BOX = [5, 85, 35, 115]


def objects(client: Any, photo: bytes, choices: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    data = {"choices": json.dumps(choices or {}), **{name: text for name, text in parts.items() if name != "record"}}
    files = {"photo": ("photo.png", photo)}
    if "record" in parts:
        files["record"] = ("record.json", json.dumps(parts["record"]).encode())
    answer = client.post("/v1/objects", files=files, data=data)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def picture(text: str) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(base64.b64decode(text))))


def test_objects_come_with_a_map_to_click_on(client: Any, png: bytes) -> None:
    found = objects(client, png)
    assert (found["width"], found["height"]) == (160, 120)
    assert [each["number"] for each in found["objects"]] == [1, 2, 3]
    assert all(each["kept"] for each in found["objects"])
    assert sorted(each["class"] for each in found["objects"]) == ["blue", "red", "red"]
    numbers = picture(found["index_map"])
    for each in found["objects"]:
        x0, y0, x1, y1 = each["box"]
        assert numbers[int(y0 + y1) // 2, int(x0 + x1) // 2] == each["number"]
    assert numbers[0, 0] == 0


def test_a_smaller_view_has_mattes_and_the_picture(client: Any, png: bytes) -> None:
    found = objects(client, png, side="80", mattes="true", preview="true")
    assert found["view"] == {"width": 80, "height": 60}
    assert picture(found["index_map"]).shape == (60, 80)
    assert picture(found["preview"]).shape == (60, 80, 3)
    for each in found["objects"]:
        matte, box = each["matte"], [value / 2 for value in each["box"]]
        values = picture(matte["png"])
        assert values.shape == (matte["height"], matte["width"])
        assert values[values.shape[0] // 2, values.shape[1] // 2] == 255
        assert abs(matte["x"] - box[0]) <= 2


def test_what_would_not_keep_its_colour_is_there_but_marked(client: Any, png: bytes) -> None:
    found = objects(client, png, {"classes": ["blue"]})
    assert [each["class"] for each in found["objects"] if each["kept"]] == ["blue"]
    assert len(found["objects"]) == 3


def test_a_box_adds_an_object_and_the_others_keep_who_they_were(client: Any, png: bytes) -> None:
    before = objects(client, png)
    after = objects(client, png, {"add_box": [YELLOW_BOX]}, record=before["record"])
    assert [each["was"] for each in after["objects"]].count(None) == 1
    assert sorted(each["was"] for each in after["objects"] if each["was"]) == [1, 2, 3]
    new = next(each for each in after["objects"] if each["was"] is None)
    assert new["score"] == 1
    for each in after["objects"]:
        if each["was"]:
            assert each["box"] == before["objects"][each["was"] - 1]["box"]
    assert picture(after["index_map"])[100, 20] == new["number"]


def strokes(size: tuple[int, int] = (120, 160)) -> bytes:
    """A green square over the yellow disc, and red over the upper half of all."""
    painted = np.zeros((*size, 4), np.uint8)
    rows, columns = size[0] / 120, size[1] / 160
    painted[round(90 * rows) : round(110 * rows), round(10 * columns) : round(30 * columns)] = (0, 255, 0, 255)
    painted[: round(40 * rows)] = (255, 0, 0, 255)
    return encoded(painted)


CHOICES: list[tuple[list[str], dict[str, Any], bool, bool]] = [
    ([], {}, False, False),
    (["--confidence", "0", "--instances", "1", "3"], {"confidence": 0, "instances": [1, 3]}, False, False),
    (["--soft", "--grow", "2", "--background", "blur"], {"soft": True, "grow": 2, "background": "blur"}, False, False),
    (["--background", "transparent", "--feather", "3"], {"background": "transparent", "feather": 3}, False, False),
    (["--quality", "60", "--labels", "--invert"], {"quality": 60, "labels": True, "invert": True}, False, False),
    (["--soft"], {"soft": True}, True, False),
    (["--refine", "4"], {"refine": 4, "background": "image"}, True, True),
]


@pytest.mark.parametrize("kind", ["jpg", "png"])
@pytest.mark.parametrize(("arguments", "choices", "painted", "pictured"), CHOICES)
def test_the_saved_file_is_the_one_that_the_command_makes(
    client: Any,
    jpeg: bytes,
    png: bytes,
    tmp_path: Path,
    kind: str,
    arguments: list[str],
    choices: dict[str, Any],
    painted: bool,
    pictured: bool,
) -> None:
    photo = jpeg if kind == "jpg" else png
    record = objects(client, photo)["record"]
    files: dict[str, Any] = {"photo": (f"photo.{kind}", photo), "record": ("r.json", json.dumps(record).encode())}
    (tmp_path / f"photo.{kind}").write_bytes(photo)
    record["images"][0]["file_name"] = f"photo.{kind}"
    (tmp_path / "record.json").write_text(json.dumps(record))
    extra = []
    for wanted, name, data, option in (
        (painted, "strokes", strokes(), "--strokes"),
        (pictured, "background_image", encoded(scene()[::-1]), "--background"),
    ):
        if wanted:
            files[name] = (f"{name}.png", data)
            (tmp_path / f"{name}.png").write_bytes(data)
            extra += [option, f"{'image:' if pictured and name != 'strokes' else ''}{tmp_path}/{name}.png"]
    answer = client.post("/v1/splash", files=files, data={"choices": json.dumps(choices)})
    assert answer.status_code == 200, answer.text
    inputs = ["--input", f"{tmp_path}/photo.{kind}", "--output", f"{tmp_path}/out/"]
    code = splash_command([*inputs, "--detections", f"{tmp_path}/record.json", "--quiet", *arguments, *extra])
    assert code == 0
    (made,) = (tmp_path / "out").iterdir()
    assert answer.content == made.read_bytes()
    assert made.name in answer.headers["content-disposition"]
    assert answer.headers["content-type"] == ("image/png" if made.suffix == ".png" else "image/jpeg")


def test_without_a_record_the_model_looks_as_it_does_for_the_command(client: Any, jpeg: bytes, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(jpeg)
    arguments = ["--input", f"{tmp_path}/photo.jpg", "--top-k", "2", "--quiet"]
    assert splash_command(arguments, finder=PromptedSegmenter()) == 0
    answer = client.post("/v1/splash", files={"photo": ("photo.jpg", jpeg)}, data={"choices": '{"top_k": 2}'})
    assert answer.content == (tmp_path / "photo_splash.jpg").read_bytes()
    assert (answer.headers["x-splash-found"], answer.headers["x-splash-kept"]) == ("3", "2")


def test_strokes_add_and_take_away_at_any_size(client: Any, png: bytes) -> None:
    def result(data: bytes) -> np.ndarray:
        files = {"photo": ("photo.png", png), "strokes": ("strokes.png", data)}
        answer = client.post("/v1/splash", files=files)
        assert answer.status_code == 200, answer.text
        return np.asarray(Image.open(BytesIO(answer.content)))

    for size in ((120, 160), (60, 80)):
        pixels = result(strokes(size))
        assert tuple(pixels[100, 20]) == (240, 220, 40), "what was painted keeps its colour"
        assert np.ptp(pixels[:35].astype(int), axis=2).max() == 0, "what was taken away is grey"
        assert np.ptp(pixels[80:110, 60:100].astype(int), axis=2).max() > 100, "the blue disc stays"


def test_a_choice_that_keeps_nothing_is_explained(client: Any, png: bytes) -> None:
    answer = client.post("/v1/splash", files={"photo": ("p.png", png)}, data={"choices": '{"instances": []}'})
    assert answer.headers["x-splash-kept"] == "0"
    (note,) = json.loads(answer.headers["x-splash-notes"])
    assert "none of the 3 objects is chosen" in note
    assert np.ptp(np.asarray(Image.open(BytesIO(answer.content))).astype(int), axis=2).max() == 0
