"""A back end given by name is the one that runs, or an error; one left open is chosen."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from balloon_splash.devices import has_bf16
from balloon_splash.errors import ConfigError
from balloon_splash.inference import backends as choice
from balloon_splash.inference.backends import EXACT, Choice, choose_backend

NATIVE = "bf16" if has_bf16("cpu") else "fp32"


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda name: None)


def test_auto_takes_openvino_and_the_devices_own_precision() -> None:
    assert choose_backend("auto", "auto", "cpu") == Choice("openvino", NATIVE)
    assert choose_backend("auto", "fp32", "cpu") == Choice("openvino", "fp32")
    assert choose_backend("torch", "auto", "cpu") == Choice("torch", NATIVE)


def test_only_torch_in_fp32_by_name_is_exact() -> None:
    assert choose_backend("torch", "fp32", "cpu") == EXACT
    assert EXACT.exact
    assert not choose_backend("openvino", "fp32", "cpu").exact


def test_int8_is_for_those_who_ask() -> None:
    assert choose_backend("auto", "int8", "cpu") == Choice("openvino", "int8")
    with pytest.raises(ConfigError, match="precision int8: computed by the back end openvino only"):
        choose_backend("torch", "int8", "cpu")


@pytest.mark.usefixtures("without_openvino")
def test_without_openvino_auto_says_so_and_takes_torch(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert choose_backend("auto", "auto", "cpu") == Choice("torch", NATIVE)
    (record,) = caplog.records
    assert record.getMessage().count("\n") == 0
    assert "openvino" in record.getMessage()


@pytest.mark.usefixtures("without_openvino")
def test_without_openvino_its_name_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"back end openvino: is not installed; pip install"):
        choose_backend("openvino", "auto", "cpu")
    with pytest.raises(ConfigError, match=r"precision int8: .* is not installed"):
        choose_backend("auto", "int8", "cpu")


def test_openvino_is_not_for_gpus() -> None:
    with pytest.raises(ConfigError, match="back end openvino: runs on the CPU only"):
        choose_backend("openvino", "fp32", "cuda")


def test_a_precision_that_the_device_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx2": True})
    assert choose_backend("torch", "auto", "cpu") == Choice("torch", "fp32")
    with pytest.raises(ConfigError, match="precision bf16: cpu does not compute in bfloat16"):
        choose_backend("auto", "bf16", "cpu")


def test_unknown_names() -> None:
    with pytest.raises(ConfigError, match="back end 'tpu'; expected auto, torch or openvino"):
        choose_backend("tpu", "auto", "cpu")
    with pytest.raises(ConfigError, match="precision 'fp8'; expected auto, fp32, bf16 or int8"):
        choose_backend("auto", "fp8", "cpu")


def test_the_command_takes_the_same_names() -> None:
    options = (Path(choice.__file__).parents[1] / "cli" / "model_options.py").read_text()
    for names in (choice.BACKENDS, choice.PRECISIONS):
        assert f"choices={names!r}".replace("'", '"') in options
