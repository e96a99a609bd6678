"""A small file holds the model that went in, and one that was damaged on its way is not run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from detectron2.config import CfgNode
from detectron2.modeling import build_model
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from balloon_splash.config import load_config
from balloon_splash.errors import WeightsError
from balloon_splash.weights.checkpoint import SafeCheckpointer
from balloon_splash.weights.packed import (
    About,
    read_about,
    read_arrays,
    read_safetensors,
    relative_errors,
    write_packed,
)

ABOUT = About(("cup", "teapot"), "balloon_R18_FPN.yaml", {"mask AP": "71.3", "data": "61 photos"})


def example_state() -> dict[str, torch.Tensor]:
    """A large convolution, one of its channels zero, a small one, a norm with a large variance, a counter."""
    torch.manual_seed(0)
    wide = torch.randn(128, 64, 3, 3) * torch.logspace(-4, 1, 128).reshape(-1, 1, 1, 1)
    wide[5] = 0
    return {
        "wide.weight": wide,
        "narrow.weight": torch.randn(8, 3, 3, 3),
        "norm.running_var": torch.tensor([1e6, 1e-9]),
        "norm.num_batches_tracked": torch.tensor(70000),
    }


@pytest.mark.parametrize(("storage", "error"), [("int8", 0.012), ("fp16", 0.0005)])
def test_what_goes_in_comes_out(tmp_path: Path, storage: str, error: float) -> None:
    path, state = tmp_path / "small.safetensors", example_state()
    write_packed(path, state, ABOUT, storage=storage)
    found = read_safetensors(str(path))
    assert found["class_names"] == ["cup", "teapot"]
    assert read_about(str(path)) == ABOUT
    model = found["model"]
    assert model.keys() == state.keys()
    for name, value in state.items():
        assert model[name].dtype == value.dtype
        assert model[name].shape == value.shape
    errors = relative_errors(state, model)
    assert 0 < errors["wide.weight"] < error
    assert 0 < errors["narrow.weight"] < 0.0005
    assert errors["norm.running_var"] == errors["norm.num_batches_tracked"] == 0
    # each channel keeps its own precision, however small its weights are beside those of others
    for channel in range(128):
        one = relative_errors({"": state["wide.weight"][channel]}, {"": model["wide.weight"][channel]})
        assert one[""] < error


def test_32_bits_are_exact(tmp_path: Path) -> None:
    state = example_state()
    write_packed(tmp_path / "exact.safetensors", state, ABOUT, storage="fp32")
    model = read_safetensors(str(tmp_path / "exact.safetensors"))["model"]
    assert all(torch.equal(model[name], value) for name, value in state.items())


def test_eight_bits_take_a_quarter(tmp_path: Path) -> None:
    state = {"weight": torch.randn(512, 1024)}
    write_packed(tmp_path / "small.safetensors", state, ABOUT)
    save_file(state, str(tmp_path / "plain.safetensors"))
    sizes = [(tmp_path / f"{name}.safetensors").stat().st_size for name in ("small", "plain")]
    assert sizes[0] < 0.26 * sizes[1]


def test_a_resnet_50_with_slim_heads_stays_under_48_megabytes(tmp_path: Path) -> None:
    slim = ["MODEL.FPN.OUT_CHANNELS", "128", "MODEL.ROI_BOX_HEAD.FC_DIM", "512", "MODEL.ROI_MASK_HEAD.CONV_DIM", "128"]
    model = build_model(load_config("balloon_R50_FPN.yaml", [*slim, "MODEL.DEVICE", "cpu", "MODEL.WEIGHTS", ""]))
    path = tmp_path / "small.safetensors"
    write_packed(path, model.state_dict(), About(("balloon",), "balloon_R50_FPN.yaml"))
    assert path.stat().st_size < 40e6
    SafeCheckpointer(model).load(str(path))


def test_a_packed_file_is_read_as_any_other_weights(tiny_cfg: CfgNode, tmp_path: Path) -> None:
    model, other = build_model(tiny_cfg), build_model(tiny_cfg)
    path = tmp_path / "small.safetensors"
    write_packed(path, model.state_dict(), About(("balloon",), "balloon_R18_FPN.yaml"))
    extras = SafeCheckpointer(other).load(str(path))
    assert extras["class_names"] == ["balloon"]
    assert max(relative_errors(model.state_dict(), other.state_dict()).values()) < 0.012


def test_a_packed_file_that_does_not_fit_names_its_configuration(tiny_cfg: CfgNode, tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    write_packed(path, build_model(tiny_cfg).state_dict(), About(("balloon",), "balloon_R18_FPN.yaml"))
    tiny_cfg.MODEL.ROI_BOX_HEAD.FC_DIM += 1
    with pytest.raises(WeightsError, match=r"does not fit .*; the weights belong to balloon_R18_FPN.yaml"):
        SafeCheckpointer(build_model(tiny_cfg)).load(str(path))


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _other_classes(path: Path) -> None:
    _with_metadata(path, class_names=json.dumps(["cup", "knife"]))


def _without_classes(path: Path) -> None:
    _with_metadata(path, class_names="")


def _from_the_future(path: Path) -> None:
    _with_metadata(path, version="2")


def _with_metadata(path: Path, **changed: str) -> None:
    tensors = load_file(str(path))
    with safe_open(str(path), framework="pt") as file:
        metadata = file.metadata()
    save_file(tensors, str(path), {**metadata, **changed})


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (_cut, "damaged or not a safetensors file"),
        (_empty, "damaged or not a safetensors file"),
        (_flip, "damaged or altered"),
        (_other_classes, "damaged or altered"),
        (_without_classes, "metadata are incomplete"),
        (_from_the_future, "version 2 .* expected 1, or a newer"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(tmp_path: Path, harm: object, message: str) -> None:
    path = tmp_path / "small.safetensors"
    write_packed(path, example_state(), ABOUT)
    read_safetensors(str(path))
    harm(path)  # type: ignore[operator]
    with pytest.raises(WeightsError, match=message) as caught:
        read_safetensors(str(path))
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_model_gone_astray_is_not_packed(tmp_path: Path) -> None:
    path = tmp_path / "small.safetensors"
    for value, message in ((float("nan"), "NaN"), (3e38, "sums overflow"), (1e6, "too large for 16 bits")):
        with pytest.raises(WeightsError, match=f"some.weight holds .*{message}"):
            write_packed(path, {"some.weight": torch.full((4, 4), value)}, ABOUT)
    assert not path.exists()


@pytest.mark.parametrize(("value", "message"), [(float("nan"), "NaN or infinity"), (-2e18, "2e.18, with which sums")])
def test_a_file_whose_numbers_no_model_survives_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, message: str
) -> None:
    path = tmp_path / "small.safetensors"
    with monkeypatch.context() as careless:
        careless.setattr("balloon_splash.weights.packed.fault_in", lambda weights: None)
        write_packed(path, {"some.bias": torch.tensor([1.0, value])}, ABOUT)
    for read in (read_safetensors, read_arrays):
        with pytest.raises(WeightsError, match=f"{path}: some.bias holds {message}"):
            read(str(path))


def test_other_safetensors_stay_what_they_are(tmp_path: Path) -> None:
    state = {"weight": torch.ones(3, dtype=torch.float16)}
    save_file(state, str(tmp_path / "theirs.safetensors"), {"format": "pt"})
    assert read_about(str(tmp_path / "theirs.safetensors")) is None
    ((name, value),) = read_safetensors(str(tmp_path / "theirs.safetensors"))["model"].items()
    assert (name, value.dtype) == ("weight", torch.float16)
