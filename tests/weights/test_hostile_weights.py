"""A file of weights from a stranger runs no code, takes no memory, and is named when it is refused."""

from __future__ import annotations

import codecs
import contextlib
import importlib
import io
import os
import pickle
import struct
import subprocess
import sys
import zipfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from balloon_splash.errors import WeightsError
from balloon_splash.weights.checkpoint import SafeCheckpointer
from balloon_splash.weights.read import read_pkl, read_pth

SUFFIXES = ["pth", "pkl", "pyth", "pt", "bin", "safetensors"]


class Calls:
    """Unpickling it calls ``function``."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments, state) if state is not None else (function, arguments)

    def __reduce__(self) -> Any:
        return self.reduced


class TensorThatCalls(torch.Tensor):
    """A tensor, as far as ``torch.save`` can tell, with code for whoever rebuilds it."""

    target = ""

    def __reduce_ex__(self, protocol: Any) -> Any:
        return Calls(os.mkdir, self.target).__reduce__()


def payloads(target: str) -> dict[str, Any]:
    """Objects that make the folder ``target`` when they are unpickled without care."""
    code = f"__import__('os').mkdir({target!r})"
    in_array = np.empty(1, dtype=object)
    in_array[0] = Calls(os.mkdir, target)
    tensor = torch.zeros(2).as_subclass(TensorThatCalls)
    tensor.target = target
    return {
        "os.mkdir": Calls(os.mkdir, target),
        "os.system": Calls(os.system, f"mkdir {target}"),
        "subprocess": Calls(subprocess.check_call, ["mkdir", target]),
        "eval": Calls(eval, code),
        "exec": Calls(exec, code),
        "chain": Calls(list, Calls(map, Calls(getattr, Calls(importlib.import_module, "os"), "mkdir"), [target])),
        "state": Calls(codecs.lookup, "latin1", state={"a": Calls(os.mkdir, target)}),
        "torch.load": Calls(torch.load, io.BytesIO(pickle.dumps(Calls(os.mkdir, target)))),
        "key": {Calls(os.mkdir, target): 1},
        "object array": in_array,
        "tensor": tensor,
    }


@pytest.fixture
def model() -> nn.Module:
    return nn.Linear(2, 2)


@pytest.fixture(autouse=True)
def _torch_is_told_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")


@pytest.mark.parametrize("kind", list(payloads("")))
@pytest.mark.parametrize("how", ["pickle", "torch", "torch before 1.6"])
def test_no_code_runs(model: nn.Module, tmp_path: Path, how: str, kind: str) -> None:
    target = tmp_path / "pwned"
    for suffix in SUFFIXES:
        path = tmp_path / f"evil.{suffix}"
        content = {"model": {"weight": payloads(str(target))[kind]}, "__author__": "a friend"}
        if how == "pickle":
            path.write_bytes(pickle.dumps(content, protocol=2))
        else:
            torch.save(content, path, _use_new_zipfile_serialization=how == "torch")
        assert not target.exists()
        with pytest.raises(WeightsError) as caught:
            SafeCheckpointer(model).load(str(path))
        assert not target.exists()
        assert str(path) in str(caught.value)
        assert "weights_only" not in str(caught.value), "torch's advice to let the file run its code"


@pytest.mark.parametrize("kind", list(payloads("")))
def test_the_payloads_are_real(tmp_path: Path, kind: str) -> None:
    """Else the test above would show nothing."""
    target = tmp_path / "pwned"
    content = pickle.dumps(payloads(str(target))[kind], protocol=2)
    with contextlib.suppress(Exception):  # what comes after the harm
        pickle.loads(content)
    assert target.exists()


def test_what_was_refused_is_named(model: nn.Module, tmp_path: Path) -> None:
    content = {"model": {"weight": Calls(os.mkdir, "x")}}
    (tmp_path / "evil.pkl").write_bytes(pickle.dumps(content, protocol=2))
    torch.save(content, tmp_path / "evil.pth")
    for name in ("evil.pkl", "evil.pth"):
        with pytest.raises(WeightsError, match=rf"{name}: refused, it wants to load .*mkdir"):
            SafeCheckpointer(model).load(str(tmp_path / name))


def test_a_script_module_is_refused(model: nn.Module, tmp_path: Path) -> None:
    """TorchScript holds code by design."""
    torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "script.pth"))
    with pytest.raises(WeightsError, match=r"script\.pth"):
        SafeCheckpointer(model).load(str(tmp_path / "script.pth"))


def test_pythons_unpickler_is_told_which_names_are_harmless(model: nn.Module, tmp_path: Path) -> None:
    """Those have to stay harmless with any arguments: here, an array that would take 8 TB, and a codec to import."""
    for number, call in enumerate(
        [Calls(np.ndarray, (10**12,)), Calls(codecs.encode, "x", "this"), Calls(np.dtype, "O", state=(3, "|"))]
    ):
        path = tmp_path / f"{number}.pkl"
        path.write_bytes(pickle.dumps({"model": {"weight": call}, "__author__": "x"}, protocol=2))
        with pytest.raises(WeightsError, match=f"{number}.pkl"):
            SafeCheckpointer(model).load(str(path))


def test_numbers_of_numpy_are_read_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "numbers.pkl"
    numbers = {"steps": np.int64(90000), "lr": np.float32(0.25), "names": ["a"], "weight": np.arange(6.0).reshape(2, 3)}
    path.write_bytes(pickle.dumps(numbers, protocol=2))
    found = read_pkl(str(path))
    assert {key: found[key] for key in ("steps", "lr", "names")} == {"steps": 90000, "lr": 0.25, "names": ["a"]}
    assert np.array_equal(found["weight"], numbers["weight"])


def torch_file(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def test_texts_that_python_2_wrote_are_read(tmp_path: Path) -> None:
    path = tmp_path / "old.pkl"
    path.write_bytes(b"\x80\x02}U\x01aU\x02\xc3\xa9s.")  # {'a': '\xc3\xa9'}, which Python 3 has no opcode for
    assert read_pkl(str(path)) == {"a": b"\xc3\xa9".decode("latin1")}


@pytest.mark.parametrize(
    ("suffix", "content", "message"),
    [
        ("pkl", b"", "damaged or not a checkpoint (EOFError)"),
        ("pkl", b"\x80\x02.", "damaged or not a checkpoint (pop from empty list)"),
        ("pkl", pickle.dumps([1]), "holds a list; expected a dict of arrays"),
        (
            "pkl",
            pickle.dumps({"a": Decimal(1)}, protocol=2),
            "refused, it wants to load decimal.Decimal; expected arrays only",
        ),
        ("pth", b"<html>\n</html>", "damaged or not a torch checkpoint"),
        ("pth", torch_file([1]), "holds a list; expected a dict of tensors"),
    ],
    ids=["empty", "no value", "list", "number", "page", "list of torch"],
)
def test_the_reason_is_told(tmp_path: Path, suffix: str, content: bytes, message: str) -> None:
    path = tmp_path / f"file.{suffix}"
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        (read_pkl if suffix == "pkl" else read_pth)(str(path))
    assert str(caught.value) == f"{path}: {message}"


def safetensors(header: bytes, data: bytes = b"") -> bytes:
    return struct.pack("<Q", len(header)) + header + data


def zip_of(name: str, size: int, compress: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compress) as archive:
        archive.writestr(name, bytes(size))
    return buffer.getvalue()


DAMAGED = {
    "empty": b"",
    "text": b"not a checkpoint",
    "html": b"<!doctype html><html>log in</html>",
    "list": pickle.dumps([1, 2], protocol=2),
    "stopped": pickle.dumps({"model": {"weight": np.zeros(100)}}, protocol=2)[:60],
    "garbage": b"\x80\x04garbage",
    "deep": b"\x80\x02" + b"(" * 100_000 + b"l" * 100_000 + b".",
    "no dict of weights": pickle.dumps({"model": [1], "__author__": "x"}, protocol=2),
    "words for weights": pickle.dumps({"model": {"weight": "heavy"}, "__author__": "x"}, protocol=2),
    "dates for weights": pickle.dumps({"model": {"weight": np.zeros(2, "M8[s]")}, "__author__": "x"}, protocol=2),
    "blobs": pickle.dumps({"blobs": 3}, protocol=2),
    "numbers for names": pickle.dumps({3: np.zeros(2)}, protocol=2),
    "zip": zip_of("archive/data.pkl", 100),
    "zip bomb": zip_of("archive/data.pkl", 10_000_000, zipfile.ZIP_DEFLATED),
    "header that is too long": struct.pack("<Q", 2**62) + b"{}",
    "no tensors": safetensors(b"[]"),
    "beyond the end": safetensors(b'{"weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}', bytes(8)),
    "overlapping": safetensors(
        b'{"weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
        b'"bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}',
        bytes(16),
    ),
}


@pytest.mark.parametrize("kind", list(DAMAGED))
@pytest.mark.parametrize("suffix", ["pth", "pkl", "safetensors"])
def test_a_damaged_file_is_named_in_one_line(model: nn.Module, tmp_path: Path, suffix: str, kind: str) -> None:
    path = tmp_path / f"damaged.{suffix}"
    path.write_bytes(DAMAGED[kind])
    with pytest.raises(WeightsError, match=f"damaged.{suffix}") as caught:
        SafeCheckpointer(model).load(str(path))
    assert "weights_only" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_zip_bomb_is_refused_before_it_is_unpacked(model: nn.Module, tmp_path: Path) -> None:
    (tmp_path / "bomb.pth").write_bytes(DAMAGED["zip bomb"])
    with pytest.raises(WeightsError, match=r"bomb\.pth: refused, it grows to 10000000 bytes"):
        SafeCheckpointer(model).load(str(tmp_path / "bomb.pth"))


MEMORY = r"""
import pathlib, re, sys
from torch import nn
from balloon_splash.weights.checkpoint import SafeCheckpointer
from balloon_splash.errors import WeightsError
for path in sys.argv[1:]:
    try:
        SafeCheckpointer(nn.Linear(2, 2)).load(path)
    except WeightsError as error:
        print(error)
peak = re.search(r"VmHWM:\s+(\d+)", pathlib.Path("/proc/self/status").read_text())  # ru_maxrss counts the parent's
print(int(peak[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
def test_a_small_file_takes_little_memory(tmp_path: Path) -> None:
    """A number of 4 billion for the unpickler's memory, and a string that says it has a terabyte."""
    paths = tmp_path / "memo.pkl", tmp_path / "bytes.pkl"
    paths[0].write_bytes(b"\x80\x02Nr" + struct.pack("<I", 2**32 - 2) + b".")
    paths[1].write_bytes(b"\x80\x04\x8e" + struct.pack("<Q", 2**40) + b"x.")
    command = [sys.executable, "-c", MEMORY, *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    *messages, megabytes = done.stdout.strip().splitlines()
    assert ["memo.pkl" in messages[0], "bytes.pkl" in messages[1]] == [True, True]
    assert int(megabytes) < 2000
