"""Configuration: every key that this plugin adds to Detectron2, and the loading of files and overrides."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from importlib import resources
from itertools import zip_longest
from pathlib import Path

from detectron2 import model_zoo
from detectron2.config import CfgNode, get_cfg
from detectron2.projects.point_rend import add_pointrend_config
from yaml import YAMLError

from balloon_splash.config_mistakes import in_words, no_key, value_of
from balloon_splash.devices import check_device, default_device
from balloon_splash.errors import ConfigError

#: Errors that yacs and PyYAML raise for wrong files and overrides; AttributeError and TypeError for a file of one word.
_WRONG = (KeyError, ValueError, AssertionError, AttributeError, TypeError, OSError, YAMLError)


def add_balloon_config(cfg: CfgNode) -> None:
    """Add this plugin's keys, and those of PointRend's mask head, to a Detectron2 configuration (in place).

    Every key is off by default, or equals Detectron2's own behaviour; the comments below explain each.
    """
    add_pointrend_config(cfg)
    _add_model(cfg)
    _add_photos(cfg)
    _add_solver(cfg)
    _add_test(cfg)


def _add_model(cfg: CfgNode) -> None:
    cfg.MODEL.BALLOON = CfgNode()
    # Keep the mask head's probabilities (N, M, M) as `soft_masks` beside the pasted `pred_masks` at inference.
    cfg.MODEL.BALLOON.SOFT_MASKS = False
    # Detections below this score are dropped before the mask branch sees them. 0 leaves SCORE_THRESH_TEST alone.
    cfg.MODEL.BALLOON.CONFIDENCE_FLOOR = 0.0
    # A mask ends in a straight line where its box is too small for the object. The sides of such boxes move outwards by
    # this share of the box (0.08: a box 100 pixels wide grows by 8 on the left), the mask head draws once more in them,
    # and they are trimmed to the new masks. 0 leaves all boxes and masks as Detectron2 has them.
    cfg.MODEL.BALLOON.GROW_CUT_BOXES = 0.0
    # Short edge in pixels of a second, smaller view of each picture, in which a splash looks for objects that are too
    # large for the model at INPUT.MIN_SIZE_TEST. 0 looks once. Detectron2's evaluation does not use it.
    cfg.MODEL.BALLOON.OVERVIEW_SIZE = 0
    # Such an object is at least this large: the root of its box's area, as a share of the picture's short edge.
    cfg.MODEL.BALLOON.OVERVIEW_OBJECTS = 0.3
    # The weights come from a model with other classes (COCO's, say): class-specific layers that do not fit start
    # anew. Everything else must fit.
    cfg.MODEL.BALLOON.NEW_CLASS_HEADS = False
    # Prefixes of the names of layers that the weights may lack: these start anew.
    cfg.MODEL.BALLOON.NEW_LAYERS = []
    # Prefixes of the names of the only layers to train; the rest keeps its weights. Empty trains all.
    cfg.MODEL.BALLOON.TRAIN_ONLY = []

    # Mask scoring (Huang et al. 2019, "Mask Scoring R-CNN"), used by ROI_MASK_HEAD.NAME "MaskScoringHead": a branch
    # predicts each mask's IoU with the truth, and the score is multiplied by it.
    cfg.MODEL.ROI_MASK_IOU_HEAD = CfgNode()
    cfg.MODEL.ROI_MASK_IOU_HEAD.NUM_CONV = 4
    cfg.MODEL.ROI_MASK_IOU_HEAD.CONV_DIM = 256
    cfg.MODEL.ROI_MASK_IOU_HEAD.FC_DIM = 1024
    cfg.MODEL.ROI_MASK_IOU_HEAD.LOSS_WEIGHT = 1.0


def _add_photos(cfg: CfgNode) -> None:
    # How photos are resized for evaluation, splash and inspection: "shortest_edge" as in Detectron2, or "square",
    # "pad64" or "none", which are IMAGE_RESIZE_MODE of matterport's Mask R-CNN; its IMAGE_MIN_DIM and IMAGE_MAX_DIM
    # are MIN_SIZE_TEST and MAX_SIZE_TEST.
    cfg.INPUT.RESIZE_MODE = "shortest_edge"
    # Its IMAGE_MIN_SCALE, the least factor by which photos are scaled; 0 sets no limit.
    cfg.INPUT.RESIZE_MIN_SCALE = 0.0

    # Large-scale jitter: with CROP > 0, training photos are scaled so that they fit into a square of CROP times a
    # factor drawn from RANGE, and cut or padded to CROP x CROP; MIN_SIZE_TRAIN is then without effect.
    cfg.INPUT.SCALE_JITTER = CfgNode({"CROP": 0, "RANGE": [0.1, 2.0]})
    # Brightness, contrast and saturation times a factor in 1 +- COLOR_JITTER, hue turned by up to HUE_JITTER degrees.
    cfg.INPUT.COLOR_JITTER = 0.0
    cfg.INPUT.HUE_JITTER = 0.0
    # Probability that a training photo loses its colours.
    cfg.INPUT.GREY = 0.0
    # Probability that a training photo loses detail, as one that was scaled down, saved as JPEG and enlarged again.
    cfg.INPUT.LOW_QUALITY = 0.0
    # Probability that a training photo gets objects of another one; needs SCALE_JITTER and MASK_FORMAT "bitmask".
    cfg.INPUT.COPY_PASTE = 0.0
    # Probability that a close-up of its background replaces a training photo, and that round pieces of another photo's
    # background are pasted into it, without labels; both need what COPY_PASTE needs.
    cfg.INPUT.CLOSE_UPS = 0.0
    cfg.INPUT.PASTE_BACKGROUND = 0.0
    # Scale training photos down to this short edge once, before all else; 0 leaves them. Saves time only if
    # DATALOADER.CACHE_MEGABYTES keeps them.
    cfg.INPUT.PRESCALE_SHORT_EDGE = 0
    # Times that the photos of a training set are drawn per pass over all sets: pairs of a name in DATASETS.TRAIN
    # and a whole number, 1 for the others. Detectron2's loader knows the key, its defaults do not.
    cfg.DATASETS.TRAIN_REPEAT_FACTOR = []
    # Decoded training photos that each loading process keeps, in MiB.
    cfg.DATALOADER.CACHE_MEGABYTES = 0


def _add_solver(cfg: CfgNode) -> None:
    # "sgd", Detectron2's own, or "adamw", which learns faster where all weights begin random.
    cfg.SOLVER.OPTIMIZER = "sgd"
    # Evaluate and save a moving average of the weights with this decay beside the weights themselves; 0 for none.
    cfg.SOLVER.EMA_DECAY = 0.0
    # Train with tensors laid out channels last, which is faster for convolutions on most devices.
    cfg.SOLVER.CHANNELS_LAST = False

    # Number of numbered checkpoints to keep, the newest ones; 0 keeps all. Best, final and last one always stay.
    cfg.SOLVER.KEEP_CHECKPOINTS = 3

    # Precision of SOLVER.AMP.ENABLED: "bf16" (on CPU and GPU, no loss scaling; fp32 where the device would only emulate
    # it, which is slower than either) or "fp16" (Detectron2's own, GPU only).
    cfg.SOLVER.AMP.PRECISION = "bf16"


def _add_test(cfg: CfgNode) -> None:
    # After each evaluation, draw the predictions on this many photos of each test set.
    cfg.TEST.NUM_PICTURES = 8
    # The metric that decides which checkpoint is the best one; "segm/AP" falls back to "bbox/AP" without masks.
    cfg.TEST.BEST_METRIC = "segm/AP"


def config_path(name: str) -> Path:
    """Find a configuration file by its path, or by the name of one of ours or of Detectron2's zoo.

    ``configs/balloon_R50_FPN.yaml`` works from a checkout as a path and, where the package was installed as a wheel,
    by its last part (the last two for ``quick_schedules/shapes_R18.yaml``);
    ``COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml`` is the zoo's.

    Raises:
        ConfigError: there is no such file.
    """
    path = Path(name)
    if path.is_file():
        return path
    for ours in (config_folder() / path.name, config_folder() / path.parent.name / path.name):
        if ours.is_file():
            return ours
    try:
        return Path(model_zoo.get_config_file(name))
    except RuntimeError:
        known = sorted(path.name for path in config_folder().glob("*.yaml"))
        near = get_close_matches(Path(name).name, known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"expected a path, a zoo name, or one of {', '.join(known)}"
        raise ConfigError(f"{name}: no such config file; {hint}") from None


def use_class_count(cfg: CfgNode, count: int, overrides: Sequence[str]) -> None:
    """Give a model as many classes as its dataset (in place), unless ``overrides`` set their number."""
    for key in ("ROI_HEADS", "POINT_HEAD"):
        if f"MODEL.{key}.NUM_CLASSES" not in overrides:
            cfg.MODEL[key].NUM_CLASSES = count


def config_folder() -> Path:
    """Return the folder of our configuration files: inside the installed package, or at the top of a checkout."""
    installed = Path(str(resources.files("balloon_splash"))) / "configs"
    return installed if installed.is_dir() else Path(__file__).resolve().parent.parent / "configs"


def load_config(
    config_file: str | None = None,
    opts: Sequence[str] = (),
    *,
    device: str | None = None,
    weights: str | None = None,
) -> CfgNode:
    """Load a configuration: Detectron2's defaults, our keys, a YAML file, then ``KEY VALUE`` overrides.

    ``MODEL.DEVICE`` is a CUDA device if there is one, else the CPU, whatever the file says, so that a file runs on any
    machine. Only ``device`` or an override changes that.

    Args:
        config_file: see :func:`config_path`; None leaves Detectron2's defaults.
        opts: alternating keys and values, as at the end of a command line.
        device: a torch device.
        weights: replaces ``MODEL.WEIGHTS``.

    Returns:
        the configuration, not frozen.

    Raises:
        ConfigError: no such file, a key that does not exist, or a value of the wrong type, which the message names.
    """
    cfg = get_cfg()
    add_balloon_config(cfg)
    if config_file:
        path = config_path(config_file)
        try:
            # Otherwise Detectron2 would load a YAML with Python tags, which run code.
            cfg.merge_from_file(str(path), allow_unsafe=False)
        except _WRONG as error:
            raise ConfigError(f"{path}: {in_words(error, cfg)}") from error
    cfg.MODEL.DEVICE = default_device()
    _merge_overrides(cfg, opts)
    if device:
        cfg.MODEL.DEVICE = device
    if weights is not None:
        cfg.MODEL.WEIGHTS = weights
    check_device(cfg.MODEL.DEVICE)
    return cfg


def _merge_overrides(cfg: CfgNode, opts: Sequence[str]) -> None:
    """Set the keys of ``KEY VALUE`` pairs (in place)."""
    for key, value in zip_longest(opts[::2], opts[1::2]):
        if value is None or "=" in key:
            expected = f"{key.replace('=', ' ', 1)}, with a space" if "=" in key else "KEY VALUE pairs"
            raise ConfigError(f"{key}: no value; expected {expected}")
        try:
            cfg.merge_from_list([key, _with_point(cfg, key, value)])
        except TypeError as error:  # of a key below one that holds a value
            raise ConfigError(no_key(key, cfg)) from error
        except _WRONG as error:
            raise ConfigError(in_words(error, cfg)) from error


def _with_point(cfg: CfgNode, key: str, value: str) -> str:
    """Return a value with a point if it is a whole number for a key that holds fractions: yacs refuses 0 for 0.0."""
    return f"{value}.0" if value.lstrip("+-").isdecimal() and isinstance(value_of(cfg, key), float) else value
