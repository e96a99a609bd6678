"""A checkpoint from a stranger runs no code, one that does not fit stops the run, and none is left half-written."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from safetensors.torch import save_file
from torch import nn

from balloon_splash.engine.checkpoint import Fit, SafeCheckpointer
from balloon_splash.engine.weights import use_weights
from balloon_splash.errors import WeightsError


class Malicious:
    """Unpickling it runs a function on a path."""

    def __init__(self, function: Any, path: Path) -> None:
        self.function, self.path = function, path

    def __reduce__(self) -> Any:
        return self.function, (str(self.path),)


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


@pytest.mark.parametrize("suffix", ["pth", "pkl"])
@pytest.mark.parametrize("function", [os.mkdir, os.system, eval])
def test_a_malicious_checkpoint_runs_nothing(model: nn.Module, tmp_path: Path, suffix: str, function: Any) -> None:
    target = tmp_path / "pwned"
    payload = target if function is os.mkdir else f"__import__('os').mkdir({str(target)!r})"
    path = tmp_path / f"evil.{suffix}"
    content = {"model": {"weight": Malicious(function, payload)}, "__author__": "a friend"}  # type: ignore[arg-type]
    if suffix == "pkl":
        path.write_bytes(pickle.dumps(content))
    else:
        torch.save(content, path)
    with pytest.raises(WeightsError, match="refused") as caught:
        SafeCheckpointer(model).load(str(path))
    assert str(path) in str(caught.value)
    assert not target.exists()


def test_malicious_code_inside_an_array_of_objects_runs_nothing(model: nn.Module, tmp_path: Path) -> None:
    array = np.empty(1, dtype=object)
    array[0] = Malicious(os.mkdir, tmp_path / "pwned")
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps({"model": {"weight": array}, "__author__": "a friend"}))
    with pytest.raises(WeightsError, match=r"mkdir"):
        SafeCheckpointer(model).load(str(path))
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"\x80\x04garbage", pickle.dumps([1, 2])])
@pytest.mark.parametrize("suffix", ["pth", "pkl"])
def test_a_damaged_file_is_named(model: nn.Module, tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=f"damaged.{suffix}") as caught:
        SafeCheckpointer(model).load(str(path))
    assert "weights_only" not in str(caught.value), "torch's advice to let the file run its code"


def test_a_missing_file_is_named(model: nn.Module, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"nowhere.pth: no such file"):
        SafeCheckpointer(model).load(str(tmp_path / "nowhere.pth"))


def test_no_internet_says_where_to_put_the_file(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FVCORE_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match=f"put the file at {tmp_path}/models/resnet.pth"):
        SafeCheckpointer(model).load("http://127.0.0.1:9/models/resnet.pth")


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
        with pytest.raises(WeightsError, match=r"cls_score.weight is \(81, 32\), not \(2, 32\)"):
            SafeCheckpointer(model, fit=fit).load(str(tmp_path / "coco.pth"))
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


def test_the_best_checkpoint_is_not_taken_for_the_last(model: nn.Module, tmp_path: Path) -> None:
    checkpointer = SafeCheckpointer(model, str(tmp_path), class_names=["balloon"])
    checkpointer.save("model_0000009", iteration=9)
    checkpointer.save("model_best", iteration=4)
    assert checkpointer.get_checkpoint_file() == str(tmp_path / "model_0000009.pth")
    assert checkpointer.load(str(tmp_path / "model_best.pth"))["class_names"] == ["balloon"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "last_checkpoint",
        "model_0000009.pth",
        "model_best.pth",
    ]


def test_a_failed_write_leaves_the_last_checkpoint_as_it_was(
    model: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpointer = SafeCheckpointer(model, str(tmp_path))
    checkpointer.save("model_final")
    before = (tmp_path / "model_final.pth").read_bytes()

    def full_disk(_: Any, file: Any) -> None:
        file.write(before[:1000])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpointer.save("model_final")
    assert (tmp_path / "model_final.pth").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["last_checkpoint", "model_final.pth"]


@pytest.mark.parametrize(
    ("word", "depth", "weights", "new_heads"),
    [
        ("coco", 101, "mask_rcnn_R_101_FPN_3x/138205316/model_final_a3ec72.pkl", True),
        ("coco", 50, "mask_rcnn_R_50_FPN_3x/137849600/model_final_f10217.pkl", True),
        ("imagenet", 50, "ImageNetPretrained/MSRA/R-50.pkl", False),
        ("imagenet", 18, "resnet18-f37072fd.pth", False),
        ("none", 50, "", False),
        ("some/file.pth", 50, "some/file.pth", False),
    ],
)
def test_the_articles_words_for_weights(
    tiny_cfg: CfgNode, word: str, depth: int, weights: str, new_heads: bool
) -> None:
    tiny_cfg.MODEL.RESNETS.DEPTH = depth
    use_weights(tiny_cfg, word)
    assert tiny_cfg.MODEL.WEIGHTS.endswith(weights)
    assert bool(tiny_cfg.MODEL.WEIGHTS) == bool(weights)
    assert new_heads == tiny_cfg.MODEL.BALLOON.NEW_CLASS_HEADS


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
