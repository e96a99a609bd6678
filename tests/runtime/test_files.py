"""Files of models that the runtime gets: whole, damaged, foreign, newer; and a cache that may not be there."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from balloon_splash.data.render import render_scene
from balloon_splash.errors import ConfigError, WeightsError
from balloon_splash.files import CACHE_VARIABLE
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.runtime.precision import choose_precision, weight_steps
from balloon_splash.runtime.ranges import measure_ranges
from balloon_splash.runtime.structure import Structure
from balloon_splash.weights.packed import About, read_about, read_arrays, write_packed
from tests.runtime.conftest import Small

IMAGE = render_scene(3, (128, 96)).image


@pytest.fixture
def file(small: Callable[..., Small]) -> Path:
    return small("INPUT.MIN_SIZE_TEST", "96", "INPUT.MAX_SIZE_TEST", "128").file


def structure_in(file: Path) -> Structure:
    about = read_about(str(file))
    assert about is not None
    assert about.structure is not None
    return Structure.from_json(about.structure, str(file))


def rewritten(file: Path, **metadata: str) -> Path:
    """The same tensors with other words beside them."""
    with safe_open(str(file), "np") as opened:
        tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118  (not a dictionary)
        save_file(tensors, str(file), {**opened.metadata(), **metadata})
    return file


def test_a_structure_survives_its_file(file: Path) -> None:
    structure = structure_in(file)
    with_ranges = replace(structure, ranges={"p2": (-1.0, 2.5)})
    assert Structure.from_json(with_ranges.to_json(), "x") == with_ranges
    growing = replace(structure, grow_cut_boxes=0.08)
    assert Structure.from_json(growing.to_json(), "x") == growing
    twice = replace(structure, overview=300, overview_objects=0.3)
    assert Structure.from_json(twice.to_json(), "x") == twice
    versions = [json.loads(each.to_json())["version"] for each in (structure, growing, twice)]
    assert versions == [1, 3, 4], "older readers cut, or look once"


def test_a_changed_weight_is_found(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[-20] ^= 255
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged or altered"):
        OpenVinoFinder(file).detect([IMAGE])


def test_changed_words_are_found(file: Path) -> None:
    structure = replace(structure_in(file), rpn_nms=0.5)
    with pytest.raises(WeightsError, match="damaged or altered"):
        OpenVinoFinder(rewritten(file, structure=structure.to_json())).detect([IMAGE])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"version": 5}, "version 5, expected 4 or less"),
        ({"short_edge": "x"}, "short_edge: 'x' found, expected int"),
        ({"anchors": None}, "damaged"),
        ({"ranges": {"p2": [1]}}, "damaged"),
    ],
)
def test_a_structure_of_another_version_or_kind_is_refused(file: Path, change: dict[str, object], said: str) -> None:
    values = json.loads(structure_in(file).to_json()) | change
    with pytest.raises(WeightsError, match=said):
        OpenVinoFinder(rewritten(file, structure=json.dumps(values)))


def test_foreign_and_older_files_are_refused(tmp_path: Path) -> None:
    foreign, older = tmp_path / "foreign.safetensors", tmp_path / "older.safetensors"
    save_file({"x": np.zeros(3, np.float32)}, str(foreign))
    write_packed(older, {}, About(("a",), "c.yaml"))
    for path in (foreign, older):
        with pytest.raises(WeightsError, match=r"holds no structure.*--backend torch"):
            OpenVinoFinder(path)


def test_the_second_process_takes_what_the_first_one_compiled(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    (first,) = OpenVinoFinder(file, confidence=0.3).detect([IMAGE])
    monkeypatch.setattr("balloon_splash.runtime.packed_file.read_arrays", lambda path: pytest.fail("compiled again"))
    (second,) = OpenVinoFinder(file, confidence=0.3).detect([IMAGE])
    np.testing.assert_allclose(second.boxes, first.boxes, atol=1e-3)


@pytest.mark.skipif(os.name == "nt" or (os.geteuid() == 0 and not hasattr(os, "seteuid")), reason="no such rights")
def test_a_cache_that_cannot_be_written_costs_time_only(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    blocked = tmp_path / "a file"
    blocked.touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(blocked / "cache"))
    (found,) = OpenVinoFinder(file, confidence=0.3, precision="fp32").detect([IMAGE])
    assert len(found)
    notes = [record.message for record in caplog.records if "cannot be written" in record.message]
    assert len(notes) == 1


def test_ranges_measured_on_photos_make_int8_the_default(file: Path) -> None:
    structure, (about, weights) = structure_in(file), read_arrays(str(file))
    ranges = measure_ranges(structure, weights, [IMAGE, IMAGE[::-1].copy()])
    assert all(low <= 0 < high for low, high in ranges.values())
    exact = OpenVinoFinder(file, confidence=0.3, precision="fp32")
    assert exact.precision == "fp32"
    quantised = replace(about, structure=replace(structure, ranges=ranges).to_json())
    state = {name: _Tensor(value) for name, value in weights.items()}
    write_packed(file, state, quantised, storage="fp32", overwrite=True)  # type: ignore[arg-type]
    finder = OpenVinoFinder(file, confidence=0.3)
    assert finder.precision == "int8"
    boxes = np.array([[10, 10, 80, 70]], np.float32)
    masks = [each.masks(IMAGE, boxes, np.array([0])) for each in (exact, finder)]
    assert 0 < np.abs(masks[0] - masks[1]).mean() < 0.1
    finder.detect([IMAGE])


class _Tensor:
    """As much of a tensor as is written."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def detach(self) -> _Tensor:
        return self

    def cpu(self) -> _Tensor:
        return self

    def numpy(self) -> np.ndarray:
        return self._array


def test_a_precision_that_cannot_be_had_is_refused_by_name(file: Path) -> None:
    structure = structure_in(file)
    with pytest.raises(ConfigError, match=r"--calibration PHOTO"):
        choose_precision("int8", structure, ["FP32"])
    with pytest.raises(ConfigError, match="bfloat16"):
        choose_precision("bf16", structure, ["FP32"])
    assert choose_precision("auto", structure, ["FP32"]).name == "fp32"
    assert choose_precision("auto", structure, ["FP32", "BF16"]).name == "bf16"
    in_8_bits = replace(structure, ranges={"p2": (0.0, 1.0)})
    assert choose_precision("auto", in_8_bits, ["FP32"]).name == "int8"


def test_weights_have_7_bits_where_sums_would_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    steps = {}
    for flags in ("avx2 fma", "avx2 avx_vnni", "avx512f avx512_vnni"):
        monkeypatch.setattr(Path, "read_text", lambda self, flags=flags, **_: f"flags : {flags}\n")
        steps[flags] = weight_steps()
    assert list(steps.values()) == [63, 127, 127]
    monkeypatch.setattr(platform, "machine", lambda: "arm64")
    assert weight_steps() == 127


def test_nothing_of_torch_is_imported(file: Path, tmp_path: Path) -> None:
    code = (
        "import sys, numpy\n"
        "from balloon_splash.runtime.finder import OpenVinoFinder\n"
        f"finder = OpenVinoFinder({str(file)!r}, confidence=0.3)\n"
        "finder.detect([numpy.zeros((96, 128, 3), numpy.uint8)])\n"
        "print(sorted({'torch', 'torchvision', 'detectron2', 'matplotlib', 'pycocotools'} & set(sys.modules)))"
    )
    environment = {**os.environ, CACHE_VARIABLE: str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
