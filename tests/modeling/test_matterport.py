"""Twins of matterport's parts compute what its own code computed, stage by stage; see tests/matterport."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.structures import Boxes
from torch import Tensor

from balloon_splash.config import load_config
from balloon_splash.data.resizing import evaluation_resize
from balloon_splash.inference.segmenter import Segmenter
from balloon_splash.inference.without_init import WithoutInit
from balloon_splash.modeling import Trace
from balloon_splash.weights.matterport import Architecture, convert
from tests.matterport.files import seeded_arrays

REFERENCES = Path(__file__).parents[1] / "matterport"
Array = npt.NDArray[Any]

#: As CASES in tests/matterport/make_reference.py: depth, classes, mode, IMAGE_MIN_DIM, IMAGE_MAX_DIM, least score.
CASES = {
    "deep": (101, 2, "square", 128, 128, 0.0),
}


@dataclass(frozen=True)
class Case:
    """A network with the weights that the reference was made with, and what both computed of one picture."""

    reference: Mapping[str, Array]
    cfg: CfgNode
    model: Any
    trace: Trace
    stages: dict[str, Tensor]

    @property
    def canvas(self) -> tuple[int, int]:
        height, width = self.reference["canvas"].tolist()
        return height, width

    def check(self, name: str, values: Tensor, tolerance: float = 1e-4) -> None:
        """Compare a tensor in Keras' layout, or the sample of it that is stored, by the largest number in it."""
        expected, found = self.reference[name], values.detach().numpy()
        assert found.shape == tuple(self.reference.get(f"shape:{name}", expected.shape)), name
        if found.size != expected.size:
            found = found.ravel()[np.random.RandomState(0).randint(0, found.size, len(expected))]
        error = np.abs(found - expected.reshape(found.shape)).max() / np.abs(expected).max()
        assert error < tolerance, (name, error)

    def boxes(self, normalised: Array) -> Tensor:
        """Boxes (y1, x1, y2, x2) as matterport normalises them, as half-open XYXY in pixels of the canvas."""
        height, width = self.canvas
        scaled = normalised * np.array([height - 1, width - 1] * 2) + np.array([0, 0, 1, 1])
        return torch.from_numpy(scaled[:, [1, 0, 3, 2]].astype(np.float32))


def build_case(name: str) -> Case:
    depth, num_classes, mode, min_dim, max_dim, least = CASES[name]
    with np.load(REFERENCES / f"reference_{name}.npz") as file:
        reference = dict(file)
    cfg = load_config(f"matterport_R{depth}_FPN.yaml", device="cpu")
    cfg.MODEL.ROI_HEADS.NUM_CLASSES, cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST = num_classes, least
    cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[16], [32], [64], [96], [128]]
    cfg.MODEL.RPN.POST_NMS_TOPK_TEST, cfg.TEST.DETECTIONS_PER_IMAGE = 100, 20
    cfg.INPUT.RESIZE_MODE, cfg.INPUT.MIN_SIZE_TEST, cfg.INPUT.MAX_SIZE_TEST = mode, min_dim, max_dim
    architecture = Architecture(depth, num_classes, 256, 1024, 3)
    trained = {key.partition(":")[2]: np.float32(value) for key, value in reference.items() if "weights:" in key}
    with WithoutInit():
        model = build_model(cfg).eval()
    state = convert({**seeded_arrays(architecture), **trained}, architecture)
    missing = model.load_state_dict(state, strict=False)
    assert not missing.missing_keys
    assert not missing.unexpected_keys
    stages: dict[str, Tensor] = {}
    for stage in (2, 3, 4, 5):
        layer = getattr(model.backbone.bottom_up, f"res{stage}")
        layer.register_forward_hook(lambda _, __, value, stage=stage: stages.__setitem__(f"res{stage}", value))
    height, width = reference["image"].shape[:2]
    image = torch.from_numpy(reference["resized"]).permute(2, 0, 1)
    with torch.no_grad():
        trace = model.trace([{"image": image, "height": height, "width": width}])
    return Case(reference, cfg, model, trace, stages)


@pytest.fixture(scope="module", params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return build_case(request.param)


def test_photos_are_resized_as_the_original_does(case: Case) -> None:
    image, expected = case.reference["image"], case.reference["resized"]
    found = evaluation_resize(case.cfg).get_transform(image).apply_image(image)
    assert found.shape == expected.shape
    difference = np.abs(found.astype(int) - expected)
    assert difference.max() <= 1  # where a sum of products falls just short of a whole number
    assert (difference > 0).mean() < 0.001


def test_the_picture_lies_where_the_original_puts_it(case: Case) -> None:
    top, left, bottom, right = case.reference["window"]
    assert case.trace.image_sizes == [case.canvas]
    assert case.trace.images is not None
    inside = case.trace.images[0, :, top:bottom, left:right] + case.model.pixel_mean
    torch.testing.assert_close(inside.round(), torch.from_numpy(case.reference["resized"]).permute(2, 0, 1).float())
    outside = case.trace.images.clone()
    outside[0, :, top:bottom, left:right] = -case.model.pixel_mean
    torch.testing.assert_close(outside, (-case.model.pixel_mean).expand_as(outside))  # black, less the mean


def test_feature_maps_are_equal(case: Case) -> None:
    for stage, name in [("res2", "res2c"), ("res3", "res3d"), ("res4", "res4"), ("res5", "res5c")]:
        case.check(f"{name}_out", case.stages[stage][0].permute(1, 2, 0))
    for level in ("p2", "p3", "p4", "p5", "p6"):
        case.check(f"fpn_{level}", case.trace.features[level][0].permute(1, 2, 0))


def test_anchors_objectness_and_deltas_are_equal(case: Case) -> None:
    anchors = torch.cat([level.tensor for level in case.trace.anchors])
    expected = case.reference["anchors"][:, [1, 0, 3, 2]]
    step = len(anchors) // 500
    np.testing.assert_allclose(anchors[:: max(1, step)], expected, atol=1e-4)
    foreground = torch.cat(case.trace.objectness_logits, 1)[0].sigmoid()
    case.check("rpn_class", torch.stack([1 - foreground, foreground], 1))
    case.check("rpn_bbox", torch.cat(case.trace.anchor_deltas, 1)[0][:, [1, 0, 3, 2]])


def test_proposals_are_the_same_in_the_same_order(case: Case) -> None:
    expected = case.boxes(case.reference["ROI"])
    found = case.trace.proposals[0].proposal_boxes.tensor
    assert len(found) <= len(expected)  # the original fills up with zeros
    torch.testing.assert_close(found, expected[: len(found)], atol=0.01, rtol=0)
    assert (case.reference["ROI"][len(found) :] == 0).all()
    assert set(map(tuple, found.tolist())) <= set(map(tuple, case.trace.candidates[0].proposal_boxes.tensor.tolist()))


def test_crops_of_given_boxes_and_both_heads_are_equal(case: Case) -> None:
    features = [case.trace.features[name] for name in ("p2", "p3", "p4", "p5")]
    heads, number = case.model.roi_heads, case.cfg.MODEL.ROI_HEADS.NUM_CLASSES
    with torch.no_grad():
        pooled = heads.box_pooler(features, [Boxes(case.boxes(case.reference["ROI"]))])
        case.check("roi_align_classifier", pooled.permute(0, 2, 3, 1))
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        case.check("mrcnn_class_logits", logits.roll(1, 1))
        case.check("mrcnn_class", logits.roll(1, 1).softmax(1))
        expected = case.reference["mrcnn_bbox"][:, 1:][..., [1, 0, 3, 2]]
        error = np.abs(deltas.unflatten(1, (number, 4)).numpy() - expected).max() / np.abs(expected).max()
        assert error < 1e-4
        detections = case.reference["mrcnn_detection"]
        pooled = heads.mask_pooler(features, [Boxes(case.boxes(detections[:, :4]))])
        case.check("roi_align_mask", pooled.permute(0, 2, 3, 1))
        masks = heads.mask_head.layers(pooled).sigmoid().permute(0, 2, 3, 1)
        stored = case.reference["mrcnn_mask"]
        shape = case.reference["shape:mrcnn_mask"]
        background = torch.full((*masks.shape[:3], 1), torch.nan)
        flat = torch.cat([background, masks], 3).numpy()
        assert flat.shape == tuple(shape)
        chosen = flat.ravel()[np.random.RandomState(0).randint(0, flat.size, len(stored))]
        known = ~np.isnan(chosen)
        assert known.sum() > 300
        np.testing.assert_allclose(chosen[known], stored[known], atol=1e-4)


def test_detections_are_the_same_with_whole_boxes_and_masks(case: Case) -> None:
    (found,) = case.trace.results
    reference = case.reference
    assert found.pred_classes.tolist() == (reference["result:class_ids"] - 1).tolist()
    assert found.pred_boxes.tensor[:, [1, 0, 3, 2]].tolist() == reference["result:rois"].tolist()
    np.testing.assert_allclose(found.scores, reference["result:scores"], atol=1e-4)
    height, width = reference["image"].shape[:2]
    bits = np.unpackbits(reference["result:masks"])[: height * width * len(found)]
    expected = bits.reshape(height, width, len(found)).transpose(2, 0, 1).astype(bool)
    differing = (found.pred_masks.numpy() != expected).sum()
    assert differing <= 1e-4 * expected.sum()
    assert len(found) >= 2
    assert expected.any(axis=(1, 2)).any()


def test_from_the_photo_to_the_objects(case: Case) -> None:
    """The way that a splash takes, with our own resizing."""
    least = case.cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST
    names = [str(index) for index in range(case.cfg.MODEL.ROI_HEADS.NUM_CLASSES)]
    segmenter = Segmenter(case.model, case.cfg, names, confidence=least)
    (found,) = segmenter.detect([case.reference["image"]])
    assert found.boxes[:, [1, 0, 3, 2]].tolist() == case.reference["result:rois"].tolist()
    assert found.classes.tolist() == (case.reference["result:class_ids"] - 1).tolist()
