"""Conversion of an .h5 file of matterport's Mask R-CNN to a file of ours, with its configuration beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from detectron2.config import CfgNode
from detectron2.modeling import build_model

from balloon_splash.config import load_config
from balloon_splash.data.resizing import MODES
from balloon_splash.errors import OutputExistsError, UsageError, WeightsError
from balloon_splash.export.structure import structure_of
from balloon_splash.files import atomic_path
from balloon_splash.modeling.without_init import WithoutInit
from balloon_splash.weights.matterport import Architecture, read_matterport
from balloon_splash.weights.packed import About, write_packed

RESIZE_MODES = tuple(mode for mode in MODES if mode != "shortest_edge")

#: Detectron2's parts, or ours that equal them, in place of matterport's.
_STOCK: dict[str, object] = {
    "MODEL.META_ARCHITECTURE": "BalloonRCNN",
    "MODEL.BACKBONE.NAME": "build_resnet_fpn_backbone",
    "MODEL.PROPOSAL_GENERATOR.NAME": "BalloonRPN",
    "MODEL.RPN.PRE_NMS_TOPK_TEST": 1000,
    "MODEL.ROI_HEADS.NAME": "BalloonROIHeads",
    "INPUT.RESIZE_MODE": "shortest_edge",
}


@dataclass(frozen=True)
class MatterportSettings:
    """Settings of the program that trained the model, which the file does not hold; defaults: ``balloon.py``.

    Attributes:
        min_dim: ``IMAGE_MIN_DIM``, pixels.
        max_dim: ``IMAGE_MAX_DIM``, pixels.
        min_scale: ``IMAGE_MIN_SCALE``.
        resize_mode: ``IMAGE_RESIZE_MODE``, one of :data:`RESIZE_MODES`.
        anchor_scales: ``RPN_ANCHOR_SCALES``, pixels, for the five levels of the pyramid.
        anchor_ratios: ``RPN_ANCHOR_RATIOS``, width by height.
        mean_pixel: ``MEAN_PIXEL``, RGB.
        min_confidence: ``DETECTION_MIN_CONFIDENCE``.
        max_instances: ``DETECTION_MAX_INSTANCES``.
    """

    min_dim: int = 800
    max_dim: int = 1024
    min_scale: float = 0.0
    resize_mode: str = "square"
    anchor_scales: Sequence[float] = (32, 64, 128, 256, 512)
    anchor_ratios: Sequence[float] = (0.5, 1, 2)
    mean_pixel: Sequence[float] = (123.7, 116.8, 103.9)
    min_confidence: float = 0.9
    max_instances: int = 100


@dataclass(frozen=True)
class Converted:
    """The two files written.

    Attributes:
        weights: ``*.safetensors``.
        config: the configuration, ``*.yaml`` beside it.
        architecture: sizes of the network.
    """

    weights: Path
    config: Path
    architecture: Architecture


def convert_matterport(
    weights: Path,
    output: Path,
    class_names: Sequence[str],
    settings: MatterportSettings | None = None,
    *,
    equal: bool = True,
    storage: str = "fp32",
    opts: Sequence[str] = (),
    overwrite: bool = False,
) -> Converted:
    """Write a model of matterport's as weights and configuration that every command here takes.

    Args:
        weights: the ``.h5`` file.
        output: the file of weights, ``*.safetensors``.
        class_names: in the order of the ``add_class`` calls, without the background.
        settings: how the model was trained; by default as in ``balloon.py``.
        equal: run it by the parts of :mod:`balloon_splash.modeling.matterport`, whose results are the original's; else
            by Detectron2's own, which are an approximation.
        storage: see :func:`~balloon_splash.weights.packed.write_packed`.
        opts: ``KEY VALUE`` overrides of the configuration.
        overwrite: replace existing files.

    Raises:
        UsageError: the output has another suffix, or two settings contradict each other.
        WeightsError: the file cannot be read, or the names or anchors contradict it.
        ConfigError: an override is wrong, or h5py is not installed.
        OutputExistsError: a file exists, and ``overwrite`` is false.
    """
    settings = settings or MatterportSettings()
    _check(output, settings)
    beside = output.with_suffix(".yaml")
    for path in (output, beside):
        if path.exists() and not overwrite:
            raise OutputExistsError.at(path)
    read = read_matterport(weights)
    _check_names(weights, read.architecture, class_names, settings)
    cfg = configuration(read.architecture, class_names, settings, equal=equal, opts=opts)
    card = {"converted from": f"matterport's Mask R-CNN, {weights.name}"}
    with WithoutInit():
        structure = structure_of(build_model(cfg), cfg)
    about = About(tuple(class_names), beside.name, card, structure.to_json())
    with atomic_path(beside, overwrite=overwrite) as temporary:
        temporary.write_text(cfg.dump(), encoding="utf-8")
        write_packed(output, read.state, about, storage=storage, overwrite=overwrite)
    return Converted(output, beside, read.architecture)


def configuration(
    of: Architecture,
    class_names: Sequence[str],
    settings: MatterportSettings,
    *,
    equal: bool = True,
    opts: Sequence[str] = (),
) -> CfgNode:
    """Return the configuration of a converted model; arguments as for :func:`convert_matterport`.

    Raises:
        ConfigError: an override is wrong.
    """
    keys: dict[str, object] = {
        "MODEL.FPN.OUT_CHANNELS": of.fpn_width,
        "MODEL.ROI_BOX_HEAD.FC_DIM": of.fc_width,
        "MODEL.ROI_HEADS.NUM_CLASSES": of.num_classes,
        "MODEL.ROI_HEADS.SCORE_THRESH_TEST": float(settings.min_confidence),
        "MODEL.PIXEL_MEAN": [float(value) for value in settings.mean_pixel],
        "MODEL.ANCHOR_GENERATOR.SIZES": [[float(scale)] for scale in settings.anchor_scales],
        "MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS": [[1 / ratio for ratio in settings.anchor_ratios]],
        "INPUT.RESIZE_MODE": settings.resize_mode,
        "INPUT.RESIZE_MIN_SCALE": float(settings.min_scale),
        "INPUT.MIN_SIZE_TEST": settings.min_dim,
        "INPUT.MAX_SIZE_TEST": settings.max_dim,
        "TEST.DETECTIONS_PER_IMAGE": settings.max_instances,
    }
    if tuple(class_names) != ("balloon",):  # the only classes of the configuration's datasets
        keys |= {"DATASETS.TRAIN": (), "DATASETS.TEST": ()}
    if not equal:
        keys |= _STOCK
    own = [str(part) for pair in keys.items() for part in pair]
    return load_config(f"matterport_R{of.depth}_FPN.yaml", [*own, *opts])


def _check(output: Path, settings: MatterportSettings) -> None:
    if output.suffix != ".safetensors":
        raise UsageError(f"{output}: expected a name that ends in .safetensors (--output)")
    if settings.resize_mode not in RESIZE_MODES:
        raise UsageError(f"resize mode {settings.resize_mode!r}; expected {', '.join(RESIZE_MODES)} (--resize-mode)")
    if settings.resize_mode == "square" and (settings.max_dim % 64 or settings.max_dim < settings.min_dim):
        raise UsageError(
            f"longest edge {settings.max_dim}, shortest {settings.min_dim}; expected a multiple of 64 that is not "
            "smaller (--image-max-dim)"
        )
    if len(settings.anchor_scales) != 5:
        raise UsageError(f"{len(settings.anchor_scales)} anchor scales; expected 5, one per level (--anchor-scales)")


def _check_names(path: Path, of: Architecture, class_names: Sequence[str], settings: MatterportSettings) -> None:
    if len(set(class_names)) != of.num_classes:
        raise WeightsError(
            f"{path}: array mrcnn_class_logits/bias is ({of.num_classes + 1},), for the background and "
            f"{of.num_classes} classes; {len(set(class_names))} names found: {', '.join(class_names)} (--class-names)"
        )
    if len(settings.anchor_ratios) != of.num_ratios:
        raise WeightsError(
            f"{path}: array rpn_class_raw/bias is ({2 * of.num_ratios},), for {of.num_ratios} anchors in a cell; "
            f"{len(settings.anchor_ratios)} ratios found (--anchor-ratios)"
        )
