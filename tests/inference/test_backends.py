"""Whatever runs the model, the objects are those that Detectron2 finds, within what each precision allows."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image as PilImage

from balloon_splash.compositing.detections import Detections
from balloon_splash.devices import has_bf16
from balloon_splash.errors import ConfigError
from balloon_splash.files import cache_folder
from balloon_splash.inference.fast import openvino_engine
from balloon_splash.inference.fast.padding import Ladder
from balloon_splash.inference.segmenter import Segmenter

Image = npt.NDArray[np.uint8]

pytest.importorskip("openvino")
needs_bf16 = pytest.mark.skipif(not has_bf16("cpu"), reason="no bfloat16 in this CPU")

#: Back end, precision, tolerance of scores and soft masks, of boxes in pixels of 160x120 pictures. The weights are
#: random: what is found is hardly more than noise, and trained models are closer.
CLOSE = [
    pytest.param("openvino", "fp32", 1e-3, 0.1, id="openvino-fp32"),
    pytest.param("openvino", "bf16", 2e-2, 2.0, id="openvino-bf16", marks=needs_bf16),
    pytest.param("torch", "bf16", 2e-2, 2.0, id="torch-bf16", marks=needs_bf16),
]


def segmenter(run: Path, backend: str, precision: str, **options: Any) -> Segmenter:
    weights = str(run / "model_final.pth")
    return Segmenter.from_config(weights=weights, confidence=0.0, backend=backend, precision=precision, **options)


def pairs(found: Detections, expected: Detections) -> list[tuple[int, int]]:
    """Indices of the objects that both found: boxes whose corners are nearest."""
    distance = np.abs(found.boxes[:, None] - expected.boxes[None]).max(axis=2)
    return [(i, int(distance[i].argmin())) for i in range(len(found)) if distance[i].min() < 5]


@pytest.fixture
def decided(run: Path) -> Path:
    """The run with weights that prefer some places clearly: else a last digit decides which boxes come first."""
    path = run / "model_final.pth"
    checkpoint = torch.load(path, weights_only=True)
    checkpoint["model"]["proposal_generator.rpn_head.objectness_logits.weight"] *= 100
    torch.save(checkpoint, path)
    return run


@pytest.mark.parametrize(("backend", "precision", "tolerance", "pixels"), CLOSE)
def test_close_to_exact(
    decided: Path, images: list[Image], backend: str, precision: str, tolerance: float, pixels: float
) -> None:
    square = [np.ascontiguousarray(image[:, :120]) for image in images]
    opts = ["INPUT.MIN_SIZE_TEST", "128"]  # a shape that needs no padding
    exact = segmenter(decided, "torch", "fp32", opts=opts).detect(square)
    fast = segmenter(decided, backend, precision, opts=opts).detect(square)
    for found, expected in zip(fast, exact, strict=True):
        assert found.size == expected.size
        same = pairs(found, expected)
        assert len(same) >= 0.7 * len(expected) > 0
        ours, theirs = found[[i for i, _ in same]], expected[[j for _, j in same]]
        assert np.median(np.abs(ours.scores - theirs.scores)) <= tolerance
        assert np.median(np.abs(ours.boxes - theirs.boxes).max(axis=1)) <= pixels
        assert np.median(np.abs(ours.soft_masks - theirs.soft_masks).max(axis=(1, 2))) <= 5 * tolerance


def test_padding_is_what_detectron2_does_beside_a_larger_photo(run: Path) -> None:
    model = segmenter(run, "torch", "fp32").model
    small, large = torch.rand(3, 96, 110) * 255, torch.rand(3, 96, 160) * 255
    alone = Ladder(96).pad(model.preprocess_image([{"image": small}]).tensor)
    assert torch.equal(alone[0], model.preprocess_image([{"image": small}, {"image": large}]).tensor[0])


def test_photos_of_other_shapes_in_one_batch(run: Path, images: list[Image]) -> None:
    """Each is computed by itself: its neighbours in the batch change nothing."""
    fast = segmenter(run, "openvino", "fp32")
    odd = [images[0], np.ascontiguousarray(images[1][:, :50]), np.ascontiguousarray(images[0][:30]), images[1]]
    for batched, image in zip(fast.detect(odd), odd, strict=True):
        (single,) = fast.detect([image])
        np.testing.assert_allclose(batched.scores, single.scores, atol=1e-5)
        np.testing.assert_allclose(batched.boxes, single.boxes, atol=1e-2)


def test_several_shapes_are_few_compilations(run: Path, images: list[Image], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_engine, "SHAPES", 2)
    fast = segmenter(run, "openvino", "fp32")
    engine = fast.model.backbone._engine
    for width in (120, 130, 140, 150, 160, 90, 100, 120):
        fast.detect([np.ascontiguousarray(images[0][:, :width])])
        assert len(engine._compiled) <= 2, "memory grows with the number of shapes"
    assert len(list((cache_folder() / "openvino-compiled").iterdir())) == 3, "square, wide, high"


def test_a_second_start_converts_and_compiles_nothing(
    run: Path, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = segmenter(run, "openvino", "fp32").detect(images[:1])

    def refuse(*_: Any) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr("balloon_splash.inference.fast.openvino_model.convert", refuse)
    monkeypatch.setattr(openvino_engine.OpenVinoEngine, "_compile", refuse)
    (second,) = segmenter(run, "openvino", "fp32").detect(images[:1])
    np.testing.assert_array_equal(first.scores, second.scores)
    np.testing.assert_array_equal(first.boxes, second.boxes)


def test_other_weights_under_the_same_name_are_not_taken_from_the_cache(run: Path, images: list[Image]) -> None:
    (before,) = segmenter(run, "openvino", "fp32").detect(images[:1])
    path = run / "model_final.pth"
    checkpoint = torch.load(path, weights_only=True)
    name = "backbone.bottom_up.stem.conv1.weight"
    checkpoint["model"][name] = checkpoint["model"][name] * 1.5 + 0.01
    torch.save(checkpoint, path)
    (after,) = segmenter(run, "openvino", "fp32").detect(images[:1])
    (exact,) = segmenter(run, "torch", "fp32").detect(images[:1])
    assert np.abs(after.scores[0] - exact.scores[0]) < 1e-3
    assert not np.array_equal(before.scores, after.scores)


def test_what_another_version_of_openvino_made_is_not_taken_from_the_cache(
    run: Path, images: list[Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    (before,) = segmenter(run, "openvino", "fp32").detect(images[:1])
    monkeypatch.setattr("balloon_splash.inference.fast.openvino_model.version", lambda package: "1.0")
    monkeypatch.setattr("openvino.get_version", lambda: "1.0")
    (after,) = segmenter(run, "openvino", "fp32").detect(images[:1])
    np.testing.assert_array_equal(before.scores, after.scores)
    for kind in ("openvino", "openvino-compiled"):
        assert len(list((cache_folder() / kind).iterdir())) == 2, "made again"


@pytest.mark.parametrize("kind", ["openvino", "openvino-compiled"])
def test_a_damaged_cache_is_made_anew(
    kind: str, run: Path, images: list[Image], caplog: pytest.LogCaptureFixture
) -> None:
    (before,) = segmenter(run, "openvino", "fp32").detect(images[:1])
    damaged = [path for path in (cache_folder() / kind).rglob("*") if path.suffix in (".bin", ".blob")]
    assert damaged
    for path in damaged:
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 255
        path.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        (after,) = segmenter(run, "openvino", "fp32").detect(images[:1])
    assert "is damaged; it is made anew" in caplog.text
    np.testing.assert_array_equal(before.scores, after.scores)


def test_nothing_is_reported_to_anybody(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    telemetry = pytest.importorskip("openvino_telemetry")
    sent: list[Any] = []
    monkeypatch.setattr(telemetry.main.TelemetrySender, "send", lambda _self, *message: sent.append(message))
    segmenter(run, "openvino", "fp32")
    assert sent == []


def test_int8_is_calibrated_on_the_given_photos(run: Path, images: list[Image]) -> None:
    pytest.importorskip("nncf")
    photos = [run / f"{number}.png" for number in range(2)]
    for path, image in zip(photos, images, strict=True):
        PilImage.fromarray(image).save(path)
    (exact,) = segmenter(run, "torch", "fp32").detect(images[:1])
    (found,) = segmenter(run, "auto", "int8", calibration=photos).detect(images[:1])
    assert len(pairs(found, exact)) > 0
    assert not np.array_equal(found.scores, exact.scores)
    assert abs(float(found.scores.mean()) - float(exact.scores.mean())) < 0.05


def test_int8_without_photos(run: Path) -> None:
    with pytest.raises(ConfigError, match=r"precision int8: .*expected the photos .* \(--calibration\)"):
        segmenter(run, "auto", "int8", opts=["DATASETS.TRAIN", "('nowhere',)"])
    with pytest.raises(ConfigError, match=r"missing.jpg: cannot be read for calibration"):
        segmenter(run, "auto", "int8", calibration=[run / "missing.jpg"])
