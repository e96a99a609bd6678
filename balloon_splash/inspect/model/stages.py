"""Walk through Mask R-CNN: one photo, stage by stage, each with what happens and where in the code."""

from __future__ import annotations

from detectron2.config import CfgNode

from balloon_splash.data.resizing import overview_size
from balloon_splash.inspect.model import stages_masks, stages_roi, stages_rpn
from balloon_splash.inspect.model.stages_roi import Fate, Rois
from balloon_splash.inspect.model.traced import TracedPhoto
from balloon_splash.inspect.page.report import Report
from balloon_splash.modeling.matterport import MatterportRPN


def add_stages(report: Report, photo: TracedPhoto) -> None:
    """Add every stage of one forward pass to a report, from the photo to the splash."""
    add_overview(report, photo)
    add_first_stage(report, photo)
    add_second_stage(report, photo)
    add_masks(report, photo)


def part(module: object) -> str:
    """Name a part of the model by its class and the file that defines it."""
    kind = type(module)
    return f"`{kind.__name__}` in `{kind.__module__.replace('.', '/')}.py`"


def mask_head(photo: TracedPhoto) -> str:
    """Say what this model's mask head does."""
    head = photo.subject.model.roi_heads.mask_head
    coarse = 2 * photo.subject.cfg.MODEL.ROI_MASK_HEAD.POOLER_RESOLUTION
    fine = photo.detections.soft_masks.shape[-1] if len(photo.detections) else coarse
    told = f"For each detection the mask head ({part(head)}) sees the features inside the final box and gives "
    grown = (
        " Where the box cuts its object off, the box grows and the head draws once more (MODEL.BALLOON.GROW_CUT_BOXES)."
        if photo.subject.cfg.MODEL.BALLOON.GROW_CUT_BOXES
        else ""
    )
    if fine == coarse:
        return f"{told}{coarse} x {coarse} probabilities.{grown}"
    return (
        f"{told}{coarse} x {coarse} probabilities first; its point head ({part(getattr(head, 'point_head', head))}) "
        f"then looks again where these are least sure, along the edge, until there are {fine} x {fine}.{grown}"
    )


def second_look(cfg: CfgNode) -> str:
    """Say that a splash looks at the photo a second time, and how; empty for a model that looks once."""
    size = overview_size(cfg)
    if not size:
        return ""
    return (
        f" A splash looks a second time, at the photo with a short edge of {size} pixels, for objects too large for "
        f"the first look: from {cfg.MODEL.BALLOON.OVERVIEW_OBJECTS:.0%} of that edge on (MODEL.BALLOON.OVERVIEW_SIZE, "
        "OVERVIEW_OBJECTS). It runs the same stages, and is not drawn."
    )


def funnel(photo: TracedPhoto) -> list[tuple[str, int, str]]:
    """Return the number of boxes after each step: step, count, and what the step does."""
    trace, heads = photo.trace, photo.subject.cfg.MODEL
    of = "all levels together" if _one_selection(photo) else "each level"
    scored = int((trace.roi_scores[0][:, :-1] > heads.ROI_HEADS.SCORE_THRESH_TEST).sum())
    return [
        ("anchors", sum(len(level) for level in trace.anchors), "in every cell of every level"),
        ("candidates", len(trace.candidates[0]), f"best {heads.RPN.PRE_NMS_TOPK_TEST} of {of}, clipped"),
        ("proposals", len(trace.proposals[0]), f"after NMS at IoU {heads.RPN.NMS_THRESH:g}"),
        ("scored", scored, f"proposal and class with a probability above {heads.ROI_HEADS.SCORE_THRESH_TEST:g}"),
        ("detections", len(trace.detections[0]), f"after NMS at IoU {heads.ROI_HEADS.NMS_THRESH_TEST:g} in each class"),
        ("masks", len(trace.confident[0]), f"with a score of at least {photo.confidence:g}"),
    ]


def _one_selection(photo: TracedPhoto) -> bool:
    """Return whether proposals are chosen among all levels together, as matterport's Mask R-CNN does it."""
    return isinstance(photo.subject.model.proposal_generator, MatterportRPN)


def add_overview(report: Report, photo: TracedPhoto) -> None:
    """Add the photo, the number of boxes after each stage, and the result."""
    report.section(
        "From boxes everywhere to a few objects",
        "Mask R-CNN looks in two stages. The first, the region proposal network, judges tens of thousands of boxes "
        "that lie in a fixed grid, and proposes those that may hold an object. The second classifies each proposal, "
        f"corrects its box and draws its mask. {part(photo.subject.model)} runs them; its method `trace` recorded what "
        f"you see here.{second_look(photo.subject.cfg)}",
    )
    report.table(["step", "boxes", "what is left"], funnel(photo), "How many boxes each step leaves")
    report.figure(
        stages_rpn.input_figure(photo),
        "input",
        "Can you still see the objects after resizing? The network sees no more than that",
        "The photo is scaled as matterport's `utils.resize_image` does it (INPUT.RESIZE_MODE), keeping its "
        "proportions, and laid in the middle of a black canvas; then PIXEL_MEAN is subtracted, from the black as well."
        if _one_selection(photo)
        else "The photo is scaled by `ResizeShortestEdge` to INPUT.MIN_SIZE_TEST and INPUT.MAX_SIZE_TEST, keeping its "
        "proportions; then PIXEL_MEAN is subtracted and the sides padded to a multiple of the coarsest stride.",
    )


def add_first_stage(report: Report, photo: TracedPhoto) -> None:
    """Add features, anchors, objectness, refinement and NMS."""
    rpn: CfgNode = photo.subject.cfg.MODEL.RPN
    model = photo.subject.model
    of = "" if _one_selection(photo) else " of the same level"
    by = "MatterportRPN.select" if _one_selection(photo) else "find_top_rpn_proposals"
    report.section(
        "First stage: where could there be an object?",
        f"A ResNet of {photo.subject.cfg.MODEL.RESNETS.DEPTH} layers turns the photo into features, and the feature "
        f"pyramid ({part(model.backbone)}) gives them at several resolutions, all with the same number of channels. "
        f"The RPN ({part(model.proposal_generator)}) slides one small network over all levels. It has two outputs for "
        "each anchor: objectness, and four deltas that move the box.",
    )
    report.figure(
        stages_rpn.features_figure(photo),
        "features",
        "Which level reacts to which size of object?",
        "Above, the mean strength of all channels; below, the channel that varies most. Bright is strong. Each level "
        "halves the resolution of the one before.",
    )
    report.figure(
        stages_rpn.anchors_figure(photo),
        "anchors",
        "Do the anchors come in the sizes of your objects?",
        "Left, the anchors of one cell of each level, before any learning (`DefaultAnchorGenerator`, "
        "MODEL.ANCHOR_GENERATOR.SIZES and ASPECT_RATIOS). Right, every dot is a cell with such a set: small dots and "
        "small anchors on the fine levels.",
    )
    report.figure(
        stages_rpn.objectness_figure(photo),
        "objectness",
        "Bright spots should lie on objects, each on the level of its size",
        f"The highest objectness of the anchors of each cell ({part(model.proposal_generator.rpn_head)}).",
    )
    report.figure(
        stages_rpn.refinement_figure(photo),
        "anchor-refinement",
        "Refinement should pull loose boxes tight around objects",
        f"The {stages_rpn.SHOWN} anchors with the highest objectness; the same moved and scaled by their deltas "
        "(`Box2BoxTransform.apply_deltas`); the same cut off at the border of the photo.",
    )
    report.figure(
        stages_rpn.nms_figure(photo),
        "proposal-nms",
        "After NMS, one object should have few boxes, and every object at least one",
        "Non-maximum suppression goes through the boxes from the best down and drops those that overlap a better one"
        f"{of} by an IoU above {rpn.NMS_THRESH:g} (`{by}`). Of what is left, the best "
        f"{rpn.POST_NMS_TOPK_TEST} are the proposals.",
    )


def add_second_stage(report: Report, photo: TracedPhoto) -> None:
    """Add ROIAlign, classification, box refinement, and the dropped boxes."""
    heads: CfgNode = photo.subject.cfg.MODEL
    second = photo.subject.model.roi_heads
    rois = Rois.of(photo)
    report.section(
        "Second stage: what is it, and where exactly?",
        "ROIAlign cuts a grid of "
        f"{heads.ROI_BOX_HEAD.POOLER_RESOLUTION} x {heads.ROI_BOX_HEAD.POOLER_RESOLUTION} features out of one pyramid "
        "level for each proposal, by bilinear sampling, without rounding the box to cells (`ROIPooler`). From it the "
        f"box head ({part(second.box_head)}) and the predictor ({part(second.box_predictor)}) predict the class and "
        f"move the box once more. {part(second)} runs this.",
    )
    report.figure(
        stages_roi.levels_figure(photo),
        "roi-levels",
        "Large regions should be pooled from coarse levels, small ones from fine levels",
        "`assign_boxes_to_levels`: a region of 224 x 224 pixels goes to p4, and each halving of its side goes a level "
        "down (Lin et al. 2017, equation 1).",
    )
    report.figure(
        stages_roi.scores_figure(photo, rois),
        "roi-scores",
        "A sure model has scores near 0 and near 1, and little between",
        "Left, how many proposals have which probability. Right, how far the box deltas move (in widths and heights of "
        "the region) and scale (0 is unchanged) those that the model takes for an object.",
    )
    report.figure(
        stages_roi.roi_refinement_figure(photo, rois),
        "roi-refinement",
        "The second refinement should make the boxes of one object agree",
        "The proposals with the best scores, before and after their deltas are applied.",
    )
    counts = [len(rois.having(fate)) for fate in Fate]
    report.figure(
        stages_roi.fates_figure(photo, rois),
        "roi-fates",
        "Is an object among those dropped? Then a threshold is wrong; if it is in none, the RPN missed it",
        f"Of {sum(counts)} proposals, each with its best class: {counts[0]} are below "
        f"MODEL.ROI_HEADS.SCORE_THRESH_TEST, {counts[1]} fall to the per-class NMS (`fast_rcnn_inference`), "
        f"{counts[2]} to the confidence, {counts[3]} get a mask.",
    )


def add_masks(report: Report, photo: TracedPhoto) -> None:
    """Add soft masks, pasting, and the splash."""
    report.section(
        "Masks, and the splash",
        f"{mask_head(photo)} Stretched over the box and cut at 0.5 they are the mask; the splash keeps the colour "
        "there.",
    )
    report.figure(
        stages_masks.soft_masks_figure(photo),
        "soft-masks",
        "A good soft mask is bright inside, dark outside, with a narrow seam between",
        "The mask head's output for the detections with the best scores. Yellow is object, blue is not; the square is "
        "the box, whatever its proportions.",
    )
    report.figure(
        stages_masks.pasted_figure(photo),
        "pasted-masks",
        "Do the three outlines lie close together? Then the edge does not depend on the threshold",
        "Soft mask, the same pasted over its box, and its outlines at probability 0.3 (orange), 0.5 (green) and 0.7 "
        "(blue).",
    )
    report.figure(
        stages_masks.results_figure(photo),
        "result",
        "The result: one mask for each object, and none elsewhere",
        "All masks cut at 0.5, with their scores.",
    )
    report.figure(
        stages_masks.splash_figure(photo),
        "splash",
        "The colour should end where the object ends",
        "`matte` and `apply_effect` in `balloon_splash/compositing`: the union of the masks that a splash keeps unless "
        "asked otherwise, and the photo where it is white. This page shows objects from a score of "
        f"{photo.confidence:g} on (--confidence); a splash keeps those from {stages_masks.SPLASHED.confidence:g} on, "
        f"and beside one of its class those from {stages_masks.SPLASHED.low_confidence:g} on. Soft edges follow the "
        "probabilities around 0.5.",
    )
