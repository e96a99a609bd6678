"""From nothing but an old .h5 to a splash in two commands, and one line where something is wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.cli.convert_matterport import main
from balloon_splash.cli.splash import main as splash
from balloon_splash.config import load_config
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.runtime.finder import OpenVinoFinder
from balloon_splash.weights.packed import read_about
from tests.matterport.files import SMALL, seeded_arrays, write_arrays, write_zeros

SMALL_INPUT = ["--image-min-dim", "64", "--image-max-dim", "128", "--min-confidence", "0", "--max-instances", "5"]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_arrays(tmp_path_factory.mktemp("old") / "mask_rcnn_balloon_0030.h5", seeded_arrays(SMALL))


@pytest.mark.parametrize("parts", ["--equal", "--stock"])
def test_two_commands_from_the_old_file_to_a_splash(old: Path, tmp_path: Path, parts: str) -> None:
    weights, output = tmp_path / "old.safetensors", tmp_path / "splash.png"
    arguments = ["--weights", str(old), "--class-names", "balloon", "--output", str(weights), parts]
    assert main([*arguments, *SMALL_INPUT]) == 0
    assert read_about(str(weights)) is not None
    assert main([*arguments, *SMALL_INPUT]) == 2  # not overwritten
    photo = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)).save(photo)
    assert splash(["--input", str(photo), "--output", str(output), "--weights", str(weights), "--confidence", "0"]) == 0
    assert Image.open(output).size == (90, 70)


def test_with_stock_parts_the_runtime_without_torch_runs_it(old: Path, tmp_path: Path) -> None:
    pytest.importorskip("openvino")
    weights = tmp_path / "old.safetensors"
    arguments = ["--weights", str(old), "--class-names", "balloon", "--output", str(weights), "--stock"]
    assert main([*arguments, *SMALL_INPUT]) == 0
    image = np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)
    (expected,) = Segmenter.from_config(None, str(weights), device="cpu", confidence=0.0).detect([image])
    (found,) = OpenVinoFinder(weights, confidence=0.0, precision="fp32").detect([image])
    assert len(expected.scores) > 0
    np.testing.assert_allclose(found.scores[0], expected.scores[0], atol=1e-3)
    np.testing.assert_allclose(found.boxes[0], expected.boxes[0], atol=0.1)


def test_the_settings_of_the_old_program_become_ours(tmp_path: Path) -> None:
    weights = tmp_path / "old.safetensors"
    given = ["--class-names", "balloon", "--image-min-dim", "512", "--image-max-dim", "768", "--resize-mode", "pad64"]
    given += ["--anchor-scales", "8", "16", "32", "64", "128", "--anchor-ratios", "0.25", "1", "4"]
    given += ["--mean-pixel", "1", "2", "3", "--min-confidence", "0.7", "--max-instances", "9"]
    given += ["--opts", "MODEL.RPN.NMS_THRESH", "0.6"]
    assert main(["--weights", str(write_zeros(tmp_path / "w.h5")), "--output", str(weights), *given]) == 0
    cfg = load_config(str(weights.with_suffix(".yaml")))
    assert (cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST, cfg.INPUT.RESIZE_MODE) == (512, 768, "pad64")
    assert cfg.MODEL.ANCHOR_GENERATOR.SIZES == [[8], [16], [32], [64], [128]]
    assert cfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS == [[4, 1, 0.25]]  # ours are heights by widths
    assert cfg.MODEL.PIXEL_MEAN == [1, 2, 3]
    assert (cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST, cfg.TEST.DETECTIONS_PER_IMAGE) == (0.7, 9)
    assert cfg.MODEL.RPN.NMS_THRESH == 0.6
    assert cfg.MODEL.META_ARCHITECTURE == "MatterportRCNN"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--class-names", "BG", "balloon"], "array mrcnn_class_logits/bias is (2,), for the background and 1 classes"),
        (["--anchor-ratios", "1", "2"], "array rpn_class_raw/bias is (6,), for 3 anchors in a cell; 2 ratios found"),
        (["--output", "old.pth"], "expected a name that ends in .safetensors (--output)"),
        (["--image-max-dim", "1000"], "longest edge 1000, shortest 800; expected a multiple of 64"),
        (["--weights", "absent.h5"], "absent.h5: no such file"),
        (["--opts", "MODEL.NOT", "1"], "MODEL.NOT: no such key"),
    ],
)
def test_what_contradicts_the_file_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: list[str], said: str
) -> None:
    weights = write_zeros(tmp_path / "w.h5")
    arguments = ["--weights", str(weights), "--output", str(tmp_path / "old.safetensors"), "--class-names", "balloon"]
    assert main([*arguments, *changed]) == 2
    printed = capsys.readouterr().err
    assert said in printed
    assert printed.count("\n") == 1
    assert not list(tmp_path.glob("old*"))
