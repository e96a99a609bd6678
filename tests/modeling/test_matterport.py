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
from balloon_splash.modeling import Trace
from balloon_splash.modeling.without_init import WithoutInit
from balloon_splash.weights.matterport import Architecture, convert
from tests.matterport.files import seeded_arrays

REFERENCES = Path(__file__).parents[1] / "matterport"
Array = npt.NDArray[Any]

#: As CASES in tests/matterport/make_reference.py: depth, classes, mode, IMAGE_MIN_DIM, IMAGE_MAX_DIM, least score.
CASES = {
    "deep": (101, 2, "square", 128, 128, 0.0),
    "pad64": (50, 3, "pad64", 128, 256, 0.0),
    "square": (50, 1, "square", 128, 192, 0.3),
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

    def check(self, name: str, values: Tensor, *, rows: Array | None = None) -> None:
        """Compare a tensor in Keras' layout, or the sample of it that is stored, by the largest number in it.

        Of values that are NaN, and of rows outside ``rows`` ``(len(values),)``, nothing is known.
        """
        expected, found = self.reference[name], values.detach().numpy()
        assert found.shape == tuple(self.reference.get(f"shape:{name}", expected.shape)), name
        known = np.broadcast_to(True if rows is None else rows.reshape(-1, *[1] * (found.ndim - 1)), found.shape)
        known = known & ~np.isnan(found)
        if found.size != expected.size:
            index = np.random.RandomState(0).randint(0, found.size, len(expected))
            found, known = found.ravel()[index], known.ravel()[index]
        assert known.sum() >= 10
        error = np.abs(found - expected)[known].max() / np.abs(expected).max()
        assert error < 1e-4, (name, error)

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


def inside(normalised: Array) -> Array:
    """Return which boxes do not end at the edge of the canvas.

    There the last sample lies on the last cell or, by float32 rounding, behind it, where TensorFlow reads zero.
    """
    return np.asarray((normalised[:, 2:] < 1).all(axis=1))


def test_crops_of_given_boxes_and_both_heads_are_equal(case: Case) -> None:
    features = [case.trace.features[name] for name in ("p2", "p3", "p4", "p5")]
    heads, number = case.model.roi_heads, case.cfg.MODEL.ROI_HEADS.NUM_CLASSES
    regions, detections = case.reference["ROI"], case.reference["mrcnn_detection"][:, :4]
    with torch.no_grad():
        pooled = heads.box_pooler(features, [Boxes(case.boxes(regions))])
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        logits = logits.roll(1, 1)  # the background is first
        deltas = deltas.unflatten(1, (number, 4))[:, :, [1, 0, 3, 2]]
        unknown = torch.full_like(deltas[:, :1], torch.nan)  # deltas of the background
        known = inside(regions)
        case.check("roi_align_classifier", pooled.permute(0, 2, 3, 1), rows=known)
        case.check("mrcnn_class_logits", logits, rows=known)
        case.check("mrcnn_class", logits.softmax(1), rows=known)
        case.check("mrcnn_bbox", torch.cat([unknown, deltas], 1), rows=known)

        pooled = heads.mask_pooler(features, [Boxes(case.boxes(detections))])
        masks = heads.mask_head.layers(pooled).sigmoid().permute(0, 2, 3, 1)
        unknown = torch.full_like(masks[..., :1], torch.nan)
        known = inside(detections)
        case.check("roi_align_mask", pooled.permute(0, 2, 3, 1), rows=known)
        case.check("mrcnn_mask", torch.cat([unknown, masks], 3), rows=known)


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
    assert expected.any(axis=(1, 2)).any()


def test_from_the_photo_to_the_objects(case: Case) -> None:
    """The way that a splash takes, with our own resizing."""
    least = case.cfg.MODEL.ROI_HEADS.SCORE_THRESH_TEST
    names = [str(index) for index in range(case.cfg.MODEL.ROI_HEADS.NUM_CLASSES)]
    segmenter = Segmenter(case.model, case.cfg, names, confidence=least)
    (found,) = segmenter.detect([case.reference["image"]])
    assert found.boxes[:, [1, 0, 3, 2]].tolist() == case.reference["result:rois"].tolist()
    assert found.classes.tolist() == (case.reference["result:class_ids"] - 1).tolist()
