"""The walk through one forward pass shows what the trace recorded, and counts what really happened."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.data import DatasetMapper
from detectron2.modeling import build_model
from PIL import Image

from balloon_splash.compositing.matte import instance_masks
from balloon_splash.config import load_config
from balloon_splash.data.training.reading import read_photo
from balloon_splash.errors import ConfigError, MediaError
from balloon_splash.inspect.model import stages_masks, stages_rpn
from balloon_splash.inspect.model.stages import (
    add_first_stage,
    add_overview,
    add_stages,
    funnel,
    mask_head,
    second_look,
)
from balloon_splash.inspect.model.stages_roi import Fate, Rois, scores_figure
from balloon_splash.inspect.model.subject import Subject
from balloon_splash.inspect.model.traced import TracedPhoto, array
from balloon_splash.inspect.page.report import Report
from tests.conftest import TINY
from tests.inspect.model.tiny_model import write_photos, write_run
from tests.matterport.files import PARTS
from tests.modeling.test_point_refinement import REFINED


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("stages")
    write_photos(folder / "photos")
    return folder


@pytest.fixture(scope="module")
def subject(folder: Path) -> Subject:
    return Subject.load(*write_run(folder / "run"), device="cpu")


@pytest.fixture(scope="module")
def photo_file(folder: Path) -> str:
    return str(next((folder / "photos" / "val").glob("*.jpg")))


@pytest.fixture(scope="module")
def photo(subject: Subject, photo_file: str) -> TracedPhoto:
    scores = subject.trace(subject.read({"file_name": photo_file})).detections[0].scores
    # Between two scores, so that some detections are sure and some are not.
    return TracedPhoto.run(subject, {"file_name": photo_file}, confidence=float(scores[4] + scores[5]) / 2)


def test_the_network_sees_what_evaluation_shows_it(subject: Subject, photo: TracedPhoto, photo_file: str) -> None:
    expected = DatasetMapper(subject.cfg, is_train=False)({"file_name": photo_file})["image"]
    assert torch.equal(subject.read({"file_name": photo_file})["image"], expected)
    assert photo.resized.shape == (*expected.shape[1:], 3)
    assert np.array_equal(photo.resized.transpose(2, 0, 1), expected)  # this model reads RGB
    assert photo.image.shape == (120, 160, 3)


def test_the_middle_anchors_have_the_configured_sizes(photo: TracedPhoto) -> None:
    for boxes, (size,) in zip(
        stages_rpn.centre_anchors(photo), photo.subject.cfg.MODEL.ANCHOR_GENERATOR.SIZES, strict=True
    ):
        sides = boxes[:, 2:] - boxes[:, :2]
        assert np.sqrt(sides.prod(axis=1)) == pytest.approx([size] * 3)
        assert sides[:, 1] / sides[:, 0] == pytest.approx([0.5, 1, 2])
        assert np.abs((boxes[0, :2] + boxes[0, 2:]) / 2 - [64, 48]).max() <= 32


def test_objectness_maps_have_the_shape_of_the_level_and_its_highest_value(photo: TracedPhoto) -> None:
    for name, values, logits in zip(
        photo.rpn_levels, stages_rpn.objectness_maps(photo), photo.trace.objectness_logits, strict=True
    ):
        assert values.shape == tuple(photo.trace.features[name].shape[-2:])
        assert values.max() == pytest.approx(logits.sigmoid().max().item())


def test_a_bright_cell_is_where_its_anchor_lies(photo: TracedPhoto) -> None:
    level, stride = 1, 8
    best = int(photo.trace.objectness_logits[level][0].argmax())
    centre = photo.trace.anchors[level].get_centers()[best].numpy()
    row, column = np.unravel_index(stages_rpn.objectness_maps(photo)[level].argmax(), (12, 16))
    assert [column * stride, row * stride] == centre.tolist()


def test_the_best_anchors_are_those_with_the_highest_objectness(photo: TracedPhoto) -> None:
    anchors, refined = stages_rpn.best_anchors(photo, 5)
    assert anchors.shape == refined.shape == (5, 4)
    logits = torch.cat([level[0] for level in photo.trace.objectness_logits])
    every = torch.cat([level[0] for level in photo.trace.refined_anchors])
    assert np.array_equal(refined, array(every[logits.argsort(descending=True)[:5]]))


def test_as_many_candidates_survive_as_there_are_proposals(photo: TracedPhoto) -> None:
    assert stages_rpn.surviving(photo).sum() == len(photo.trace.proposals[0])


def test_every_proposal_meets_one_fate_and_the_numbers_are_the_models(photo: TracedPhoto) -> None:
    rois = Rois.of(photo)
    counts = {fate: len(rois.having(fate)) for fate in Fate}
    assert counts[Fate.KEPT] == len(photo.trace.confident[0]) == 5
    assert counts[Fate.KEPT] + counts[Fate.UNSURE] == len(photo.trace.detections[0]) == 10
    assert sum(counts.values()) == len(photo.trace.proposals[0])
    kept = rois.having(Fate.KEPT)
    assert rois.scores[kept] == pytest.approx(array(photo.trace.confident[0].scores))
    assert np.allclose(rois.refined[kept], array(photo.trace.confident[0].pred_boxes.tensor))


def test_the_funnel_narrows(photo: TracedPhoto) -> None:
    counts = {step: count for step, count, _ in funnel(photo)}
    assert counts["anchors"] == 3 * (24 * 32 + 12 * 16 + 6 * 8 + 3 * 4 + 2 * 2)
    assert counts["anchors"] > counts["candidates"] > counts["proposals"] == 30
    assert (counts["scored"], counts["detections"], counts["masks"]) == (30, 10, 5)


def test_what_matterport_does_otherwise_is_told_so(
    folder: Path, photo_file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Subject.load(*write_run(folder / "old", opts=PARTS), device="cpu")
    traced = TracedPhoto.run(old, {"file_name": photo_file}, confidence=0.0)
    (candidates,) = (row for row in funnel(traced) if row[0] == "candidates")
    assert candidates[1] <= old.cfg.MODEL.RPN.PRE_NMS_TOPK_TEST
    assert "of all levels together" in candidates[2]
    captions: dict[str, str] = {}
    monkeypatch.setattr(Report, "figure", lambda self, _, name, title, caption: captions.update({name: caption}))
    report = Report("old", "")
    add_overview(report, traced)
    add_first_stage(report, traced)
    assert "black canvas" in captions["input"]
    assert "overlap a better one by an IoU above 0.7 (`MatterportRPN.select`)" in captions["proposal-nms"]


def test_pasted_masks_are_the_models_own(photo: TracedPhoto) -> None:
    ours, theirs = instance_masks(photo.detections), photo.trace.results[0].pred_masks.numpy()
    assert (ours != theirs).mean() < 1e-3


def test_the_report_has_a_figure_for_each_stage(photo: TracedPhoto, tmp_path: Path) -> None:
    report = Report("title", "introduction")
    add_stages(report, photo)
    page = report.write(tmp_path / "report")
    names = {path.stem for path in (page.parent / "figures").iterdir()}
    assert names == {
        "input", "features", "anchors", "objectness", "anchor-refinement", "proposal-nms", "roi-levels", "roi-scores",
        "roi-refinement", "roi-fates", "soft-masks", "pasted-masks", "result", "splash",
    }  # fmt: skip
    assert page.stat().st_size < 5e6
    text = page.read_text()
    assert "A ResNet of 18 layers" in text
    assert "<code>MaskRCNNConvUpsampleHead</code> in <code>detectron2/modeling/roi_heads/mask_head.py</code>" in text
    assert "gives 28 x 28 probabilities." in text
    assert "the box grows" not in text
    assert "a splash keeps those from 0.9 on, and beside one of its class those from 0.5 on" in text


def test_the_text_follows_the_parts_of_the_model(photo_file: str) -> None:
    """A reader who looks a name up in the code has to find it there."""
    cfg = load_config("balloon_R18_FPN.yaml", [*TINY, *REFINED, "MODEL.BALLOON.GROW_CUT_BOXES", "0.08"])
    subject = Subject("points", build_model(cfg).eval(), cfg, ("balloon",))
    told = mask_head(TracedPhoto.run(subject, {"file_name": photo_file}, confidence=0.0))
    assert "`PointRefinedMaskHead` in `balloon_splash/modeling/point_refinement.py`" in told
    assert re.search(r"gives 28 x 28 probabilities first; its point head .* until there are 112 x 112", told)
    assert "the box grows and the head draws once more" in told


def test_a_second_look_of_a_splash_is_told_of() -> None:
    """The model that ships finds objects by it that no figure shows."""
    assert "short edge of 300 pixels" in second_look(load_config("balloon_R50_slim_points.yaml"))
    assert second_look(load_config("balloon_R50_FPN.yaml")) == ""


def test_a_photo_without_detections_says_so(subject: Subject, photo_file: str, tmp_path: Path) -> None:
    photo = TracedPhoto.run(subject, {"file_name": photo_file}, confidence=1.0)
    for draw in (stages_masks.soft_masks_figure, stages_masks.pasted_figure, stages_masks.results_figure):
        (ax,) = draw(photo).axes
        assert ax.get_title(loc="left") == "0 objects above 1"
    report = Report("title", "introduction")
    add_stages(report, photo)
    assert report.write(tmp_path / "report").is_file()


def test_a_model_that_takes_nothing_for_an_object_is_drawn_too(photo: TracedPhoto) -> None:
    predictor = photo.subject.model.roi_heads.box_predictor
    threshold, predictor.test_score_thresh = predictor.test_score_thresh, 0.999
    try:
        nothing = TracedPhoto.run(photo.subject, photo.entry, confidence=0.5)
        rois = Rois.of(nothing)
        assert len(rois.having(Fate.LOW_SCORE)) == len(rois.scores)
        assert scores_figure(nothing, rois).axes[1].get_ylabel() == "box deltas of 0 above the threshold"
    finally:
        predictor.test_score_thresh = threshold


def test_three_outlines_are_drawn_for_each_object(photo: TracedPhoto) -> None:
    figure = stages_masks.pasted_figure(photo)
    assert len(figure.axes) == 9


def test_detectron2s_own_models_can_be_inspected(folder: Path) -> None:
    config, weights = write_run(folder / "stock")
    opts = ["MODEL.META_ARCHITECTURE", "GeneralizedRCNN", "MODEL.ROI_HEADS.NAME", "StandardROIHeads"]
    assert Subject.load(config, weights, device="cpu", opts=opts).cfg.MODEL.META_ARCHITECTURE == "BalloonRCNN"
    with pytest.raises(ConfigError, match=r"MODEL.META_ARCHITECTURE is RetinaNet.*expected BalloonRCNN"):
        Subject.load(config, weights, device="cpu", opts=["MODEL.META_ARCHITECTURE", "RetinaNet"])


@pytest.mark.parametrize("size", [(1, 300), (300, 1)])
def test_a_photo_of_one_pixel_is_drawn_at_a_sane_size(folder: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    config, weights = write_run(folder / "thin")
    subject = Subject.load(config, weights, device="cpu", opts=["INPUT.MAX_SIZE_TEST", "1024"])
    Image.new("RGB", size, "red").save(tmp_path / "thin.png")
    photo = TracedPhoto.run(subject, {"file_name": str(tmp_path / "thin.png")}, confidence=0.0)
    report = Report("title", "introduction")
    add_stages(report, photo)
    page = report.write(tmp_path / "report")
    assert max(Image.open(path).height for path in (page.parent / "figures").iterdir()) < 2500


def test_a_decompression_bomb_is_refused(subject: Subject, photo_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLOON_SPLASH_MAX_PIXELS", "100")
    for read in (lambda: subject.read({"file_name": photo_file}), lambda: read_photo(photo_file)):
        with pytest.raises(MediaError, match=r"too large: .* at most 100 are read"):
            read()


def test_a_damaged_photo_is_named(subject: Subject, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_text("no photo")
    with pytest.raises(MediaError, match=r"broken.jpg: not a picture that can be read"):
        subject.read({"file_name": str(tmp_path / "broken.jpg")})
