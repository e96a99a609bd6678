"""A training starts from a word, and where a file cannot be fetched, one line says which one to put where."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from detectron2.utils.file_io import PathManager

from balloon_splash.config import load_config
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.errors import WeightsError
from balloon_splash.weights import fetch as weight_urls
from balloon_splash.weights.checkpoint import CLASS_HEADS, Fit, SafeCheckpointer
from balloon_splash.weights.resolve import R50_VARIABLE, use_weights
from tests.conftest import TINY

ZOO_50 = "COCO-InstanceSegmentation/mask_rcnn_R_50_FPN_3x.yaml"
#: A tenth of the width of the real ones, so that a test takes a second.
NARROW = [
    *TINY, "MODEL.RESNETS.STEM_OUT_CHANNELS", "8", "MODEL.RESNETS.RES2_OUT_CHANNELS", "16",
    "MODEL.RESNETS.WIDTH_PER_GROUP", "8", "MODEL.RESNETS.NORM", "FrozenBN",
]  # fmt: skip


@pytest.fixture(autouse=True)
def _nothing_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No internet, and a cache of our own."""
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path / "fetched"))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")
    for handler in PathManager._path_handlers.values():
        monkeypatch.setattr(handler, "cache_map", {}, raising=False)  # what this process has fetched before
    monkeypatch.delenv(R50_VARIABLE, raising=False)


def cached(tmp_path: Path, depth: int) -> Path:
    """Return the place of a classifier of the zoo once it was fetched."""
    path = tmp_path / f"fetched/detectron2/ImageNetPretrained/MSRA/R-{depth}.pkl"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def classifier(depth: int) -> dict[str, Any]:
    """A random backbone, in the names that our own checkpoints have."""
    torch.manual_seed(3)
    state = build_model(load_config("balloon_R50_FPN.yaml", [*NARROW, "MODEL.RESNETS.DEPTH", str(depth)])).state_dict()
    return {key: value.numpy() for key, value in state.items() if key.startswith("backbone.bottom_up.")}


@pytest.mark.parametrize(
    ("word", "depth", "weights", "new_heads"),
    [
        ("coco", 101, "mask_rcnn_R_101_FPN_3x/138205316/model_final_a3ec72.pkl", True),
        ("coco", 50, "mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl", True),
        ("imagenet", 50, "ImageNetPretrained/MSRA/R-50.pkl", False),
        ("imagenet", 18, "resnet18-f37072fd.pth", False),
        ("none", 50, "", False),
        (ZOO_50, 101, "mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl", True),
        ("some/file.pth", 50, "some/file.pth", False),
    ],
)
def test_short_names_of_starting_weights(
    tiny_cfg: CfgNode, word: str, depth: int, weights: str, new_heads: bool
) -> None:
    tiny_cfg.MODEL.RESNETS.DEPTH = depth
    use_weights(tiny_cfg, word)
    assert tiny_cfg.MODEL.WEIGHTS.endswith(weights)
    assert bool(tiny_cfg.MODEL.WEIGHTS) == bool(weights)
    assert new_heads == tiny_cfg.MODEL.BALLOON.NEW_CLASS_HEADS


def test_imagenet_for_the_default_model_is_its_own_where_it_lies_in_the_cache(tmp_path: Path) -> None:
    cached(tmp_path, 101).write_bytes(b"not looked into yet")
    cfg = load_config("balloon_R101_FPN.yaml")
    use_weights(cfg, "imagenet")
    assert str(cached(tmp_path, 101)) == cfg.MODEL.WEIGHTS
    assert not cfg.MODEL.BALLOON.NEW_CLASS_HEADS


@pytest.mark.parametrize("named", [True, False])
def test_imagenet_for_the_default_model_is_grown_where_only_a_resnet_50_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: bool
) -> None:
    weights = classifier(50)
    path = tmp_path / "mine.pkl" if named else cached(tmp_path, 50)
    path.write_bytes(pickle.dumps({"model": weights, "__author__": "a friend"}))
    if named:
        monkeypatch.setenv(R50_VARIABLE, str(path))
    cfg = load_config("balloon_R101_FPN.yaml", NARROW)
    use_weights(cfg, "imagenet")
    model = build_model(cfg)
    SafeCheckpointer(model, fit=Fit.PRETRAINED).load(cfg.MODEL.WEIGHTS)
    after = model.state_dict()
    assert all(np.array_equal(after[key].numpy(), value) for key, value in weights.items())
    assert not after["backbone.bottom_up.res4.22.conv3.weight"].any()
    written = Path(cfg.MODEL.WEIGHTS).stat().st_mtime_ns
    use_weights(cfg, "imagenet")
    assert Path(cfg.MODEL.WEIGHTS).stat().st_mtime_ns == written, "grown once, and kept"


def test_no_internet_says_which_files_would_do_and_where(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        use_weights(load_config("balloon_R101_FPN.yaml"), "imagenet")
    message = str(caught.value)
    assert str(cached(tmp_path, 101)) in message
    assert str(cached(tmp_path, 50)) in message
    assert R50_VARIABLE in message
    assert "\n" not in message


def test_coco_weights_in_the_zoos_layout_start_a_training_of_other_classes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zoo's own file cannot be had here: one like it, for our small model, with its dict, names and old buffers."""
    monkeypatch.setattr(weight_urls, "_NAMED_BY_HASH", ())  # which it cannot have
    cfg = load_config("balloon_R50_FPN.yaml", [*NARROW, "OUTPUT_DIR", str(tmp_path / "run")])
    coco = cfg.clone()
    coco.MODEL.ROI_HEADS.NUM_CLASSES = 80
    torch.manual_seed(5)
    theirs = {key: value.numpy() for key, value in build_model(coco).state_dict().items()}
    old: dict[str, Any] = {"pixel_mean": np.zeros((3, 1, 1), np.float32), "pixel_std": np.ones((3, 1, 1), np.float32)}
    old |= {
        f"proposal_generator.anchor_generator.cell_anchors.{level}": np.zeros((3, 4), np.float32) for level in range(5)
    }
    use_weights(cfg, "coco")
    name = cfg.MODEL.WEIGHTS.removeprefix("https://dl.fbaipublicfiles.com/detectron2/")
    path = tmp_path / "fetched" / "detectron2" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps({"model": {**theirs, **old}, "__author__": "Detectron2 Model Zoo"}, protocol=2))
    cfg.DATASETS.TRAIN, cfg.DATASETS.TEST, cfg.MODEL.ROI_HEADS.NUM_CLASSES = ("shapes_val",), (), 3
    trainer = BalloonTrainer(cfg)
    trainer.resume_or_load(resume=False)
    ours = trainer.model.state_dict()
    anew = {key for key in ours if ours[key].shape != theirs[key].shape}
    assert anew
    assert all(key.startswith(CLASS_HEADS) for key in anew)
    assert all(np.array_equal(ours[key].numpy(), theirs[key]) for key in set(ours) - anew)


def test_the_class_heads_of_a_model_of_other_classes_do_not_fit_by_themselves(tiny_cfg: CfgNode) -> None:
    """The words that mean a detector allow it; a path means that everything has to fit."""
    use_weights(tiny_cfg, "model.pth")
    assert not tiny_cfg.MODEL.BALLOON.NEW_CLASS_HEADS
