"""Weights in all the forms that people have them load; those that do not fit stop the run."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from safetensors.torch import save_file
from torch import nn

from balloon_splash.engine.checkpoint import Fit, SafeCheckpointer
from balloon_splash.errors import WeightsError


@pytest.fixture
def model(tiny_cfg: CfgNode) -> nn.Module:
    return build_model(tiny_cfg)


def with_other_classes(tiny_cfg: CfgNode, number: int) -> nn.Module:
    other = tiny_cfg.clone()
    other.MODEL.ROI_HEADS.NUM_CLASSES = number
    return build_model(other)


def same(first: nn.Module, second: nn.Module) -> bool:
    theirs = second.state_dict()
    return all(torch.equal(value, theirs[key]) for key, value in first.state_dict().items())


def test_a_missing_file_is_named(model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere.pth: no such file"):
        SafeCheckpointer(model).load(str(tmp_path / "nowhere.pth"))


def test_a_checkpoint_in_the_zoos_layout_loads(model: nn.Module, tiny_cfg: CfgNode, tmp_path: Path) -> None:
    trained = build_model(tiny_cfg)
    arrays = {key: value.numpy() for key, value in trained.state_dict().items()}
    # what the zoo's files of 2019 and 2020 hold besides
    arrays["pixel_mean"] = np.zeros((3, 1, 1), np.float32)
    arrays["proposal_generator.anchor_generator.cell_anchors.0"] = np.zeros((3, 4), np.float32)
    path = tmp_path / "model_final.pkl"
    path.write_bytes(pickle.dumps({"model": arrays, "__author__": "Detectron2 Model Zoo"}, protocol=2))
    SafeCheckpointer(model).load(str(path))
    assert same(model, trained)


def test_safetensors_load(model: nn.Module, tiny_cfg: CfgNode, tmp_path: Path) -> None:
    trained = build_model(tiny_cfg)
    save_file(trained.state_dict(), str(tmp_path / "model.safetensors"))
    SafeCheckpointer(model).load(str(tmp_path / "model.safetensors"))
    assert same(model, trained)


def test_torchvisions_classifier_fills_the_backbone(model: nn.Module, tmp_path: Path) -> None:
    from torchvision.models import resnet18

    classifier = resnet18()
    torch.save(classifier.state_dict(), tmp_path / "resnet18.pth")
    SafeCheckpointer(model, fit=Fit.PRETRAINED).load(str(tmp_path / "resnet18.pth"))
    ours, theirs = model.state_dict(), classifier.state_dict()
    for our, their in {
        "stem.conv1.weight": "conv1.weight",
        "res3.0.shortcut.norm.running_var": "layer2.0.downsample.1.running_var",
        "res5.1.conv2.norm.bias": "layer4.1.bn2.bias",
    }.items():
        assert torch.equal(ours[f"backbone.bottom_up.{our}"], theirs[their])


def test_a_missing_head_stops_the_run_with_the_list(model: nn.Module, tmp_path: Path) -> None:
    state = {key: value for key, value in model.state_dict().items() if "mask_head" not in key}
    torch.save({"model": state}, tmp_path / "headless.pth")
    for fit in Fit:
        with pytest.raises(WeightsError, match=r"headless.pth.*roi_heads.mask_head.mask_fcn1.weight is missing"):
            SafeCheckpointer(model, fit=fit).load(str(tmp_path / "headless.pth"))


def test_other_classes_are_an_error_unless_the_class_heads_start_anew(
    model: nn.Module, tiny_cfg: CfgNode, tmp_path: Path
) -> None:
    coco = with_other_classes(tiny_cfg, 80)
    torch.save({"model": coco.state_dict()}, tmp_path / "coco.pth")
    for fit in (Fit.EXACT, Fit.PRETRAINED):
        with pytest.raises(WeightsError, match=r"cls_score.weight is \(81, 32\), not \(2, 32\)") as caught:
            SafeCheckpointer(model, fit=fit).load(str(tmp_path / "coco.pth"))
        assert ("NEW_CLASS_HEADS True" in str(caught.value)) == (fit is Fit.PRETRAINED)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    SafeCheckpointer(model, fit=Fit.NEW_CLASS_HEADS).load(str(tmp_path / "coco.pth"))
    after, theirs = model.state_dict(), coco.state_dict()
    for key in ("cls_score.weight", "cls_score.bias", "bbox_pred.weight", "bbox_pred.bias"):
        assert torch.equal(after[f"roi_heads.box_predictor.{key}"], before[f"roi_heads.box_predictor.{key}"])
    assert torch.equal(after["roi_heads.box_head.fc1.weight"], theirs["roi_heads.box_head.fc1.weight"])


def test_a_deeper_backbone_does_not_slip_through(tiny_cfg: CfgNode, model: nn.Module, tmp_path: Path) -> None:
    """Its first blocks have the names and shapes of ours; the rest would be lost without a word."""
    tiny_cfg.MODEL.RESNETS.DEPTH = 34
    torch.save({"model": build_model(tiny_cfg).state_dict()}, tmp_path / "deeper.pth")
    for fit in Fit:
        with pytest.raises(WeightsError, match=r"res2\.2\.conv1\.weight is unknown here"):
            SafeCheckpointer(model, fit=fit).load(str(tmp_path / "deeper.pth"))


def test_a_bare_backbone_is_no_detector(model: nn.Module, tmp_path: Path) -> None:
    state = {key: value for key, value in model.state_dict().items() if key.startswith("backbone.bottom_up.")}
    torch.save({"model": state}, tmp_path / "backbone.pth")
    SafeCheckpointer(model, fit=Fit.PRETRAINED).load(str(tmp_path / "backbone.pth"))
    for fit in (Fit.EXACT, Fit.NEW_CLASS_HEADS):
        with pytest.raises(WeightsError, match="is missing"):
            SafeCheckpointer(model, fit=fit).load(str(tmp_path / "backbone.pth"))


@pytest.mark.parametrize("name", ["R-18.pth", "R-50.pth"])
def test_real_imagenet_weights_fill_every_tensor_of_the_backbone(shared_dir: Path, name: str) -> None:
    from balloon_splash.config import load_config

    config = f"balloon_{name[:-4].replace('-', '')}_FPN.yaml"
    model = build_model(load_config(config, ["MODEL.DEVICE", "cpu", "MODEL.WEIGHTS", ""]))
    before = {key: value.clone() for key, value in model.state_dict().items() if "bottom_up" in key}
    SafeCheckpointer(model, fit=Fit.PRETRAINED).load(str(shared_dir / "weights" / name))
    after = model.state_dict()
    untouched = [key for key, value in before.items() if torch.equal(value, after[key])]
    assert not untouched
