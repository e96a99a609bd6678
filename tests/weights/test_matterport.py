"""Files of matterport's Mask R-CNN: each kind of them is read, and what is no such file is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch
from detectron2.modeling import build_model

from balloon_splash.config import load_config
from balloon_splash.errors import WeightsError
from balloon_splash.modeling.without_init import WithoutInit
from balloon_splash.weights.matterport import Architecture, expected_shapes, read_matterport
from tests.matterport.files import SMALL, place, write_arrays, write_zeros

RPN = "proposal_generator.rpn_head"


def refusal(path: Path) -> str:
    with pytest.raises(WeightsError) as raised:
        read_matterport(path)
    assert "\n" not in str(raised.value)
    assert str(path) in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(("depth", "arrays", "numbers"), [(50, 384, 44_662_942), (101, 690, 63_733_406)])
def test_the_network_has_as_many_arrays_and_numbers_as_matterport_saves(depth: int, arrays: int, numbers: int) -> None:
    shapes = expected_shapes(Architecture(depth, 1, 256, 1024, 3))
    assert (len(shapes), sum(int(np.prod(shape)) for shape in shapes.values())) == (arrays, numbers)


@pytest.mark.parametrize("architecture", [SMALL, Architecture(101, 3, 16, 32, 2)])
def test_every_tensor_of_detectron2s_model_gets_its_weights(tmp_path: Path, architecture: Architecture) -> None:
    found = read_matterport(write_zeros(tmp_path / "w.h5", architecture))
    assert found.architecture == architecture
    cfg = load_config("balloon_R50_FPN.yaml", ["MODEL.RPN.CONV_DIMS", "[512]"], device="cpu", weights="")
    cfg.MODEL.RESNETS.DEPTH = architecture.depth
    cfg.MODEL.FPN.OUT_CHANNELS = architecture.fpn_width
    cfg.MODEL.ROI_BOX_HEAD.FC_DIM = architecture.fc_width
    cfg.MODEL.ROI_HEADS.NUM_CLASSES = architecture.num_classes
    cfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS = [[1.0] * architecture.num_ratios]
    with WithoutInit():
        model = build_model(cfg).state_dict()
    assert {name: tuple(value.shape) for name, value in found.state.items()} == {
        name: tuple(value.shape) for name, value in model.items()
    }


@pytest.mark.parametrize(("full_model", "scope"), [(False, ""), (True, ""), (False, "_1"), (True, "_2")])
def test_weights_and_whole_models_of_any_process_are_read_alike(tmp_path: Path, full_model: bool, scope: str) -> None:
    arrays: dict[str, Any] = dict(expected_shapes(SMALL))
    arrays["rpn_bbox_pred/bias"] = np.arange(12.0)
    arrays["rpn_class_raw/bias"] = np.array([0.0, 1, 0, 2, 0, 3])
    arrays["mrcnn_class_logits/bias"] = np.array([-7.0, 7])
    arrays["res2a_branch2a/bias"] = np.arange(64.0)
    arrays["bn2a_branch2a/moving_mean"] = arrays["bn2a_branch2a/moving_variance"] = np.full(64, 0.5)
    state = read_matterport(write_arrays(tmp_path / "w.h5", arrays, full_model=full_model, scope=scope)).state
    assert state[f"{RPN}.anchor_deltas.bias"].tolist() == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10]
    assert state[f"{RPN}.objectness_logits.bias"].tolist() == [1, 2, 3]
    assert state["roi_heads.box_predictor.cls_score.bias"].tolist() == [7, -7]  # the background is last
    norm = "backbone.bottom_up.res2.0.conv1.norm"
    assert state[f"{norm}.running_mean"][:3].tolist() == [0.5, -0.5, -1.5]  # less the convolution's bias
    torch.testing.assert_close(state[f"{norm}.running_var"], torch.full((64,), 0.5 + 1e-3 - 1e-5))


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"fpn_p3/bias": None}, "array fpn_p3/bias is missing, expected (8,)"),
        ({"res4c_branch2b/kernel": (3, 3, 128, 256)}, "res4c_branch2b/kernel is (3, 3, 128, 256), expected (3, 3, 256"),
        ({"my_attention/kernel": (3, 3)}, "array my_attention/my_attention/kernel is unknown"),
        ({"mrcnn_class_logits/bias": None}, "array mrcnn_class_logits/bias is missing, 383 others found"),
        ({"mrcnn_mask/kernel": (1, 1, 256, 5)}, "mrcnn_mask/kernel is (1, 1, 256, 5), expected (1, 1, 256, 2)"),
        ({"rpn_class_raw/bias": ()}, "rpn_class_raw/bias is (); expected one dimension"),
        ({"fpn_p2/bias": (10**12,)}, "array fpn_c2p2/kernel is (1, 1, 256, 8), expected (1, 1, 256, 1000000000000)"),
        ({"layers/conv2d/vars/0": (3,)}, "array layers/conv2d/vars/layers/conv2d/vars/0:0 found; expected none but"),
    ],
)
def test_another_network_is_refused_by_the_name_of_an_array(
    tmp_path: Path, changed: dict[str, tuple[int, ...] | None], said: str
) -> None:
    assert said in refusal(write_zeros(tmp_path / "w.h5", changed=changed))


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "absent.h5")
    (tmp_path / "text.h5").write_text("not HDF5")
    assert "damaged or not an HDF5 file" in refusal(tmp_path / "text.h5")
    whole = write_zeros(tmp_path / "whole.h5").read_bytes()
    (tmp_path / "half.h5").write_bytes(whole[: len(whole) // 2])
    assert "damaged or not an HDF5 file" in refusal(tmp_path / "half.h5")
    h5py.File(tmp_path / "empty.h5", "w").close()
    assert "0 others found; expected all weights of matterport's Mask R-CNN" in refusal(tmp_path / "empty.h5")


def test_nothing_but_numbers_of_this_very_file_is_read(tmp_path: Path) -> None:
    name, other = "fpn_p2/bias", tmp_path / "other.raw"
    other.write_bytes(bytes(1024))
    for kind, said in [
        ("external link", "is a link; expected the array itself"),
        ("soft link", "is a link; expected the array itself"),
        ("external storage", "is stored in another file"),
        ("pickled object", "is of type |V9; expected floating-point numbers"),
        ("text", "is of type object; expected floating-point numbers"),
        ("itself", "is nested too deeply"),
    ]:
        path = write_zeros(tmp_path / f"{kind}.h5", changed={name: None})
        with h5py.File(path, "a") as file:
            if kind == "external link":
                file[place(name)] = h5py.ExternalLink(str(other), "/x")
            elif kind == "soft link":
                file[place(name)] = h5py.SoftLink("/conv1/conv1/bias:0")
            elif kind == "external storage":
                file.create_dataset(place(name), (256,), "f4", external=[(str(other), 0, 1024)])
            elif kind == "pickled object":
                file[place(name)] = np.void(b"\x80\x04cposix.")
            elif kind == "text":
                file[place(name)] = ["a"] * 256
            else:
                file["conv1/again"] = file["conv1"]
        assert said in refusal(path), kind


def test_numbers_that_no_model_survives_are_refused(tmp_path: Path) -> None:
    path = write_zeros(tmp_path / "w.h5")
    for value, said in ((np.inf, "NaN or infinity"), (3e38, "3e+38, with which sums overflow")):
        with h5py.File(path, "a") as file:
            file[place("fpn_p4/bias")][7] = value
        assert f"fpn_p4/bias holds {said}" in refusal(path)
