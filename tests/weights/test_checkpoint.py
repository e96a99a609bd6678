"""Weights in all the forms that people have them load; those that do not fit stop the run."""

from __future__ import annotations

import logging
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

from balloon_splash.errors import WeightsError
from balloon_splash.weights.checkpoint import Fit, SafeCheckpointer
from balloon_splash.weights.read import from_torchvision


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


def test_torchvisions_classifier_fills_the_backbone(
    model: nn.Module, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    from torchvision.models import resnet18

    classifier = resnet18()
    torch.save(classifier.state_dict(), tmp_path / "resnet18.pth")
    checkpointer = SafeCheckpointer(model, fit=Fit.PRETRAINED)
    checkpointer.load(str(tmp_path / "resnet18.pth"))
    assert "backbone.fpn" in checkpointer.started_anew, "named as meant to be random, once and not level by level"
    assert len(checkpointer.started_anew) <= 6
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING], "which would only frighten"
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


# --- the same on models of a few numbers ------------------------------------------------------------------------------


class Small(nn.Module):
    """The names of a detector, with next to nothing behind them."""

    def __init__(self, classes: int = 1, others: int = 2) -> None:
        super().__init__()
        stem = nn.ModuleDict({"conv1": nn.Conv2d(3, 4, 3, bias=False)})
        block = nn.ModuleDict({"0": nn.ModuleDict({"conv1": nn.Conv2d(4, 5, 1, bias=False)})})
        self.backbone = nn.ModuleDict({"bottom_up": nn.ModuleDict({"stem": stem, "res2": block})})
        predictor = nn.ModuleDict({"cls_score": nn.Linear(others, classes + 1)})
        self.roi_heads = nn.ModuleDict({"box_predictor": predictor, "box_head": nn.Linear(2, others)})


STEM, BLOCK = "backbone.bottom_up.stem.conv1.weight", "backbone.bottom_up.res2.0.conv1.weight"
SCORE = "roi_heads.box_predictor.cls_score"
ANEW = "; of other classes? MODEL.BALLOON.NEW_CLASS_HEADS True lets these layers start anew"
OTHER = "; of another configuration? --config-file names it"


def refusal(path: Path, content: object, model: nn.Module, **options: Any) -> str:
    torch.save(content, path)
    with pytest.raises(WeightsError) as caught:
        SafeCheckpointer(model, **options).load(str(path))
    return str(caught.value)


def test_what_does_not_fit_is_listed_once_each(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    content = {"model": Small(classes=2).state_dict()}
    differ = f"{SCORE}.weight is (3, 2), not (2, 2); {SCORE}.bias is (3,), not (2,)"
    expected = f"{path}: does not fit this model; expected {{}}: {differ}"
    assert refusal(path, content, Small()) == expected.format(Fit.EXACT.value) + OTHER
    assert refusal(path, content, Small(), fit=Fit.PRETRAINED) == expected.format(Fit.PRETRAINED.value) + ANEW
    SafeCheckpointer(Small(), fit=Fit.NEW_CLASS_HEADS).load(str(path))
    content = {"model": Small(classes=2, others=3).state_dict()}
    assert refusal(path, content, Small(), fit=Fit.PRETRAINED).endswith("roi_heads.box_head.bias is (3,), not (2,)")


@pytest.mark.parametrize(
    ("biases", "end"), [([], ""), ([False], "; and 1 more"), ([True], "; and 2 more")], ids=["4", "5", "6"]
)
def test_of_many_misfits_the_first_four_are_told(tmp_path: Path, biases: list[bool], end: str) -> None:
    first = {"0.weight": torch.zeros(1, 1), "0.bias": torch.zeros(1)}
    model = nn.Sequential(*(nn.Linear(1, 1, bias=bias) for bias in [True] * 3 + biases))
    told = "; ".join(f"{layer}.{name} is missing" for layer in range(1, 3) for name in ("weight", "bias"))
    assert refusal(tmp_path / "a.pth", {"model": first}, model).endswith(f": {told}{end}{OTHER}")


def test_a_packed_file_that_does_not_fit_names_its_configuration(tmp_path: Path) -> None:
    state = Small(classes=2).state_dict()
    hint = "; the weights belong to balloon_R50_FPN.yaml (--config-file)"
    packed = {"model": state, "card": "", "config": "balloon_R50_FPN.yaml"}
    assert refusal(tmp_path / "a.pth", packed, Small()).endswith(hint)
    for other in ({"config": "x"}, {"card": ""}, {"card": "", "config": 3}):
        assert "belong" not in refusal(tmp_path / "a.pth", {"model": state, **other}, Small())


def test_what_is_unknown_is_told_where_it_could_matter(tmp_path: Path) -> None:
    path = tmp_path / "more.pth"
    state = {**Small().state_dict(), "pixel_mean": torch.zeros(3), "more.weight": torch.zeros(1)}
    assert refusal(path, {"model": state}, Small()).endswith(f": more.weight is unknown here{OTHER}")
    SafeCheckpointer(Small(), fit=Fit.PRETRAINED).load(str(path))
    deeper = {**Small().state_dict(), "backbone.bottom_up.res2.1.conv1.weight": torch.zeros(1)}
    for fit in Fit:
        assert "res2.1.conv1.weight is unknown here" in refusal(path, {"model": deeper}, Small(), fit=fit)


def test_layers_that_are_new_may_be_missing_at_the_start_only(tmp_path: Path) -> None:
    path = tmp_path / "older.pth"
    state = {key: value for key, value in Small().state_dict().items() if "box_head" not in key}
    new_layers = ("roi_heads.box_head.",)
    assert "box_head.weight is missing" in refusal(path, {"model": state}, Small(), new_layers=new_layers)
    assert "box_head.weight is missing" in refusal(path, {"model": state}, Small(), fit=Fit.PRETRAINED)
    SafeCheckpointer(Small(), fit=Fit.PRETRAINED, new_layers=new_layers).load(str(path))


def test_of_a_classifier_every_tensor_has_to_be_there(tmp_path: Path) -> None:
    state = {STEM: Small().state_dict()[STEM]}
    message = refusal(tmp_path / "stem.pth", {"model": state}, Small(), fit=Fit.PRETRAINED)
    assert message.endswith(f": {BLOCK} is missing")


@pytest.mark.parametrize("nested", [True, False], ids=["of a detector", "of a classifier"])
def test_weights_of_caffe2_find_their_places_by_name(tmp_path: Path, nested: bool) -> None:
    rng = np.random.default_rng(0)
    blobs = {
        "conv1_w": rng.random((4, 3, 3, 3), np.float32),
        "res2_0_branch2a_w": rng.random((5, 4, 1, 1), np.float32),
        "res2_0_branch2a_w_momentum": np.zeros((5, 4, 1, 1), np.float32),
    }
    path = tmp_path / "R.pkl"
    path.write_bytes(pickle.dumps({"blobs": blobs} if nested else blobs, protocol=2))
    model = Small()
    SafeCheckpointer(model, fit=Fit.PRETRAINED).load(str(path))
    assert np.array_equal(model.state_dict()[STEM].numpy(), blobs["conv1_w"])
    assert np.array_equal(model.state_dict()[BLOCK].numpy(), blobs["res2_0_branch2a_w"])


def test_names_of_torchvision_become_those_of_detectron2() -> None:
    names = {
        "conv1.weight": "stem.conv1.weight",
        "bn1.running_mean": "stem.conv1.norm.running_mean",
        "layer1.0.conv1.weight": "res2.0.conv1.weight",
        "layer1.0.bn2.bias": "res2.0.conv2.norm.bias",
        "layer4.2.downsample.0.weight": "res5.2.shortcut.weight",
        "layer4.2.downsample.1.weight": "res5.2.shortcut.norm.weight",
    }
    state: dict[str, object] = dict(zip(names, range(len(names)), strict=True))
    dropped = {"fc.weight": 7, "fc.bias": 8, "bn1.num_batches_tracked": 9}
    assert from_torchvision({**state, **dropped}) == dict(zip(names.values(), range(len(names)), strict=True))
    other = {"stem.conv1.weight": 1, **dropped}
    assert from_torchvision(other) is other


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"model": [1]}, "model is a list; expected a dict of tensors"),
        ({"model": {"weight": 3}}, "model has a int under 'weight'; expected a tensor of numbers"),
        ({"model": {5: torch.zeros(1)}}, "model has a Tensor under 5; expected a tensor of numbers"),
        (
            {"model": {"weight": torch.zeros(1)}, "ema": {"bias": "x"}},
            "model has a str under 'bias'; expected a tensor of numbers",
        ),
    ],
)
def test_what_is_no_weight_is_named(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "odd.pth"
    assert refusal(path, content, nn.Linear(1, 1)) == f"{path}: {message}"


class Held:
    """Something that is saved with the weights."""

    state: Any = None

    def state_dict(self) -> dict[str, Any]:
        return {"weight": torch.full((1, 1), 7.0)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.state = state


def test_the_average_is_loaded_but_for_a_run_that_goes_on(tmp_path: Path) -> None:
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(3.0)
    saver = SafeCheckpointer(model, str(tmp_path), class_names=["kite"], ema=Held())
    saver.save("model_0000009", iteration=9)
    path = str(tmp_path / "model_0000009.pth")
    for checkpointables, expected in ((None, 3.0), (["ema"], 3.0), ([], 7.0)):
        held = Held()
        model.weight.data.fill_(0.0)
        rest = SafeCheckpointer(model, ema=held).load(path, checkpointables)
        assert model.weight.item() == expected
        assert (None if held.state is None else held.state["weight"].item()) == (7.0 if expected == 3.0 else None)
    assert (rest["iteration"], rest["class_names"]) == (9, ["kite"])
    SafeCheckpointer(model).load(path)
    assert model.weight.item() == 7.0


@pytest.mark.parametrize("name", ["a.pth", "a.pkl", "a.safetensors"])
def test_each_form_of_file_gives_the_same_weights(tmp_path: Path, name: str) -> None:
    state = {"weight": torch.tensor([[1.5]]), "bias": torch.tensor([2.5])}
    path = tmp_path / name
    if name.endswith(".pkl"):
        arrays = {key: value.numpy() for key, value in state.items()}
        path.write_bytes(pickle.dumps({"model": arrays, "__author__": "someone"}, protocol=2))
    elif name.endswith(".pth"):
        torch.save(state, path)
    else:
        save_file(state, str(path))
    model = nn.Linear(1, 1)
    SafeCheckpointer(model).load("")
    SafeCheckpointer(model).load(str(path))
    assert (model.weight.item(), model.bias.item()) == (1.5, 2.5)


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
