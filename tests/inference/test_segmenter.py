"""The segmenter finds what Detectron2's own predictor finds, in batches and without needless masks."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import MetadataCatalog
from detectron2.engine import DefaultPredictor
from detectron2.modeling import build_model
from detectron2.utils.visualizer import Visualizer

from balloon_splash.compositing.matte import instance_masks
from balloon_splash.config import load_config
from balloon_splash.errors import ConfigError, WeightsError
from balloon_splash.inference.segmenter import Segmenter
from tests.conftest import TINY, stock

Image = npt.NDArray[np.uint8]


def test_the_same_as_detectron2s_predictor(run: Path, tiny_cfg: CfgNode, images: list[Image]) -> None:
    plain = stock(tiny_cfg)
    plain.MODEL.WEIGHTS = str(run / "model_final.pth")
    predictor = DefaultPredictor(plain)
    segmenter = Segmenter.from_config(weights=str(run / "model_final.pth"), confidence=0.0)
    for image in images:
        (found,) = segmenter([image])
        expected = predictor(np.ascontiguousarray(image[:, :, ::-1]))["instances"]
        assert len(found) == len(expected) > 0
        assert torch.equal(found.scores, expected.scores)
        assert torch.equal(found.pred_boxes.tensor, expected.pred_boxes.tensor)
        assert torch.equal(found.pred_masks, expected.pred_masks)


def test_a_batch_finds_what_single_images_do(run: Path, images: list[Image]) -> None:
    segmenter = Segmenter.from_config(weights=str(run / "model_final.pth"), confidence=0.0)
    for image, batched in zip(images, segmenter.detect(images), strict=True):
        (single,) = segmenter.detect([image])
        np.testing.assert_allclose(batched.scores, single.scores, atol=1e-5)
        np.testing.assert_allclose(batched.boxes, single.boxes, atol=1e-2)


def test_detections_are_the_instances_without_full_size_masks(run: Path, images: list[Image]) -> None:
    segmenter = Segmenter.from_config(weights=str(run / "model_final.pth"), confidence=0.0)
    (instances,), (detections,) = segmenter(images[:1]), segmenter.detect(images[:1])
    assert detections.size == images[0].shape[:2]
    assert detections.class_names == ("balloon",)
    np.testing.assert_array_equal(detections.scores, instances.scores.numpy())
    np.testing.assert_array_equal(detections.boxes, instances.pred_boxes.tensor.numpy())
    differing = instance_masks(detections) != instances.pred_masks.numpy()
    assert differing.mean() < 0.005


def test_the_best_score_that_was_left_out_is_known_whether_or_not_the_heads_have_a_floor(
    run: Path, images: list[Image]
) -> None:
    weights = str(run / "model_final.pth")
    (all_of_them,) = Segmenter.from_config(weights=weights, confidence=0.0).detect(images[:1])
    for heads in ("BalloonROIHeads", "StandardROIHeads"):
        options = ["MODEL.ROI_HEADS.NAME", heads]
        (none,) = Segmenter.from_config(weights=weights, confidence=1.0, opts=options).detect(images[:1])
        assert (len(none), none.best_left_out) == (0, float(all_of_them.scores.max()))
    assert all_of_them.best_left_out is None
    (sized,) = Segmenter.from_config(weights=weights, confidence=1.0, scales=[64, 96]).detect(images[:1])
    assert sized.best_left_out is not None


def test_only_confident_objects_best_first(run: Path, images: list[Image]) -> None:
    everything = Segmenter.from_config(weights=str(run / "model_final.pth"), confidence=0.0).detect(images)[0]
    floor = float(np.median(everything.scores))
    (kept, _) = Segmenter.from_config(weights=str(run / "model_final.pth"), confidence=floor).detect(images)
    assert 0 < len(kept) < len(everything)
    assert kept.scores.min() >= floor
    assert (np.diff(kept.scores) <= 0).all()


def test_detectron2s_visualizer_draws_the_result(run: Path, images: list[Image]) -> None:
    (found, _) = Segmenter.from_config(weights=str(run / "model_final.pth"), confidence=0.0)(images)
    drawn = Visualizer(images[0], MetadataCatalog.get("balloon_val")).draw_instance_predictions(found).get_image()
    assert (drawn != images[0]).any()


def test_a_model_of_detectron2s_zoo_names_its_own_classes(tmp_path: Path, images: list[Image]) -> None:
    zoo = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
    opts = ["MODEL.DEVICE", "cpu", "INPUT.MIN_SIZE_TEST", "96"]
    model = build_model(load_config(zoo, opts))
    arrays = {key: value.numpy() for key, value in model.state_dict().items()}
    path = tmp_path / "model_final_f10217.pkl"
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "Detectron2 Model Zoo"}))
    segmenter = Segmenter.from_config(zoo, str(path), confidence=0.0, opts=opts)
    assert len(segmenter.class_names) == 80
    assert {"person", "dog", "car"} <= set(segmenter.class_names)
    (found, _) = segmenter.detect(images)
    assert found.soft_masks.shape == (len(found), 28, 28)


def test_nobody_knows_the_classes(run: Path, tiny_cfg: CfgNode) -> None:
    torch.save({"model": build_model(tiny_cfg).state_dict()}, run / "bare.pth")
    with pytest.raises(WeightsError, match=r"bare.pth: 80 class names known for 1 classes"):
        Segmenter.from_config(weights=str(run / "bare.pth"), opts=["DATASETS.TEST", "('coco_2017_val',)"])


def test_no_weights_and_no_masks_are_told(run: Path) -> None:
    with pytest.raises(WeightsError, match="names no weights"):
        Segmenter.from_config("shapes_R18_FPN.yaml")
    with pytest.raises(ConfigError, match="no mask head"):
        Segmenter.from_config(weights=str(run / "model_final.pth"), opts=["MODEL.MASK_ON", "False"])


def test_a_very_thin_photo_is_no_error(run: Path) -> None:
    segmenter = Segmenter.from_config(weights=str(run / "model_final.pth"))
    for size in ((1, 5000), (5000, 1), (1, 1)):
        (found,) = segmenter.detect([np.zeros((*size, 3), np.uint8)])
        assert found.size == size


@pytest.mark.gpu
def test_a_gpu_finds_the_same(run: Path, images: list[Image]) -> None:
    weights = str(run / "model_final.pth")
    for on_cpu, on_gpu in zip(
        Segmenter.from_config(weights=weights, confidence=0.0, opts=TINY).detect(images),
        Segmenter.from_config(weights=weights, confidence=0.0, device="cuda").detect(images),
        strict=True,
    ):
        np.testing.assert_allclose(on_gpu.scores, on_cpu.scores, atol=1e-3)
