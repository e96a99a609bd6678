"""Nothing of a run is lost: it goes on from what is sound, and nobody writes over it."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from balloon_splash.errors import TrainingError, UsageError, WeightsError
from balloon_splash.weights.checkpoint import Fit, SafeCheckpointer
from balloon_splash.weights.run_folder import check_run_folder, has_run, newest_sound, prune


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three checkpoints, 100 steps apart, and the best one, which is of another step."""
    saver = SafeCheckpointer(nn.Linear(20, 20), str(tmp_path), class_names=["balloon"])
    for iteration in (99, 199, 299):
        saver.save(f"model_{iteration:07d}", iteration=iteration)
    saver.save("model_best", iteration=150)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".lock")


def test_the_best_checkpoint_is_not_taken_for_the_last(run: Path) -> None:
    assert newest_sound(run) == run / "model_0000299.pth"
    assert names(run) == [
        "last_checkpoint", "model_0000099.pth", "model_0000199.pth", "model_0000299.pth", "model_best.pth",
    ]  # fmt: skip
    loaded = SafeCheckpointer(nn.Linear(20, 20), str(run)).load(str(run / "model_best.pth"))
    assert loaded["class_names"] == ["balloon"]


def test_the_best_checkpoint_alone_is_resumed_from(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who copied the best one alone from another machine can still continue."""
    for path in run.iterdir():
        if path.name != "model_best.pth":
            path.unlink()
    check_run_folder(str(run), resume=True)
    with caplog.at_level(logging.WARNING):
        assert newest_sound(run) == run / "model_best.pth"
    assert str(run / "model_best.pth") in caplog.text
    loaded = SafeCheckpointer(nn.Linear(20, 20), str(run)).resume_or_load("", resume=True)
    assert loaded["iteration"] == 150


# --- damage -----------------------------------------------------------------------------------------------------------


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    """One bit, in the middle of the weights, where torch would not notice."""
    content = bytearray(path.read_bytes())
    content[content.index(weight_of(path))] ^= 1
    path.write_bytes(content)


def weight_of(path: Path) -> bytes:
    weight: torch.Tensor = torch.load(path, weights_only=True)["model"]["weight"]
    return weight.numpy().tobytes()


def zeros(path: Path) -> None:
    """As some file systems leave a file after a power failure."""
    path.write_bytes(bytes(path.stat().st_size))


def other(path: Path) -> None:
    torch.save({"model": {}}, path)


@pytest.mark.parametrize("damage", [cut, empty, flip, zeros, other, Path.unlink])
def test_a_damaged_checkpoint_is_named_and_skipped(
    run: Path, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    damage(run / "model_0000299.pth")
    with caplog.at_level(logging.WARNING):
        assert newest_sound(run) == run / "model_0000199.pth"
    skipped, resumed = (record.getMessage() for record in caplog.records)
    assert skipped.startswith(f"{run / 'model_0000299.pth'}: ")
    assert skipped.endswith("; skipped")
    assert resumed == f"resuming from {run / 'model_0000199.pth'}"
    model = nn.Linear(20, 20)
    SafeCheckpointer(model, str(run)).resume_or_load("", resume=True)
    assert model.weight.detach().numpy().tobytes() == weight_of(run / "model_0000199.pth")


def test_two_damaged_checkpoints_are_skipped(run: Path) -> None:
    flip(run / "model_0000299.pth")
    cut(run / "model_0000199.pth")
    assert newest_sound(run) == run / "model_0000099.pth"


@pytest.mark.parametrize(
    "note",
    [b"", b"\n", b"\xff\xfe", b"nowhere.pth", b"../model_0000099.pth", b"/etc/passwd", b"model_best.pth/x", None],
)
def test_a_damaged_note_of_the_last_checkpoint_costs_nothing(run: Path, note: bytes | None) -> None:
    (run / "last_checkpoint").unlink() if note is None else (run / "last_checkpoint").write_bytes(note)
    assert has_run(run)
    check_run_folder(str(run), resume=True)
    assert newest_sound(run) == run / "model_0000299.pth"
    with pytest.raises(UsageError, match="holds a run already"):
        check_run_folder(str(run), resume=False)


def test_a_note_does_not_lead_out_of_the_folder(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    inner = run / "inner"
    inner.mkdir()
    shutil.copy(run / "model_0000099.pth", inner)
    (inner / "last_checkpoint").write_text("../model_0000299.pth")
    assert newest_sound(inner) == inner / "model_0000099.pth"
    assert [record.getMessage() for record in caplog.records] == [f"resuming from {inner / 'model_0000099.pth'}"]


def test_a_checkpoint_needs_no_more_than_weights_and_a_step(tmp_path: Path) -> None:
    torch.save({"model": {}, "iteration": 3}, tmp_path / "model_0000003.pth")
    assert newest_sound(tmp_path).name == "model_0000003.pth"


def test_who_goes_back_to_an_older_checkpoint_gets_it(run: Path, caplog: pytest.LogCaptureFixture) -> None:
    (run / "last_checkpoint").write_text("model_0000099.pth")
    assert newest_sound(run) == run / "model_0000099.pth"
    assert not caplog.records


def test_a_final_checkpoint_that_is_older_is_no_better(run: Path) -> None:
    """The run was continued after that checkpoint was written."""
    SafeCheckpointer(nn.Linear(20, 20), str(run)).save("model_final", iteration=250)
    (run / "last_checkpoint").unlink()
    assert newest_sound(run) == run / "model_0000299.pth"
    flip(run / "model_0000299.pth")
    assert newest_sound(run) == run / "model_final.pth"


def test_a_run_without_a_sound_checkpoint_says_so(run: Path) -> None:
    for path in run.glob("model_*.pth"):
        cut(path)
    with pytest.raises(WeightsError, match="no sound checkpoint"):
        newest_sound(run)


@pytest.mark.parametrize("name", ["last_checkpoint", "model_0000099.pth", "model_final.pth", "model_best.pth"])
def test_whatever_a_run_leaves_makes_the_folder_its_own(tmp_path: Path, name: str) -> None:
    assert not has_run(tmp_path)
    check_run_folder(str(tmp_path), resume=False)
    with pytest.raises(UsageError, match=f"{tmp_path}: nothing to resume; expected a checkpoint"):
        check_run_folder(str(tmp_path), resume=True)
    (tmp_path / name).touch()
    assert has_run(tmp_path)
    check_run_folder(str(tmp_path), resume=True)
    with pytest.raises(UsageError) as caught:
        check_run_folder(str(tmp_path), resume=False)
    assert str(caught.value) == (
        f"{tmp_path} holds a run already (last checkpoint unknown); "
        "expected --resume to continue it, or another OUTPUT_DIR"
    )


def test_a_run_that_is_there_is_told_with_its_last_checkpoint(run: Path) -> None:
    with pytest.raises(UsageError, match=r"\(last checkpoint model_0000299\.pth\)"):
        check_run_folder(str(run), resume=False)


def test_resuming_takes_the_run_and_beginning_anew_the_weights_that_were_given(run: Path, tmp_path: Path) -> None:
    other = nn.Linear(20, 20)
    torch.save({"model": other.state_dict()}, tmp_path / "other.pth")
    for resume, expected in ((True, "model_0000299.pth"), (False, "other.pth")):
        model = nn.Linear(20, 20)
        SafeCheckpointer(model, str(run)).resume_or_load(str(tmp_path / "other.pth"), resume=resume)
        assert model.weight.detach().numpy().tobytes() == weight_of(tmp_path / expected)
    SafeCheckpointer(model, str(run)).resume_or_load(str(tmp_path / "other.pth"))
    assert model.weight.detach().numpy().tobytes() == weight_of(tmp_path / "model_0000299.pth")
    for folder in ("", str(tmp_path / "empty")):
        assert not SafeCheckpointer(model, folder).has_checkpoint()


def test_what_is_resumed_has_to_fit_to_the_last_tensor(tmp_path: Path) -> None:
    """The weights that a run starts from may lack a head; its own checkpoint may not."""
    SafeCheckpointer(nn.Linear(20, 20, bias=False), str(tmp_path)).save("model_0000099", iteration=99)
    path = str(tmp_path / "model_0000099.pth")
    SafeCheckpointer(nn.Linear(20, 20), str(tmp_path), fit=Fit.PRETRAINED).resume_or_load(path, resume=False)
    with pytest.raises(WeightsError, match="bias is missing"):
        SafeCheckpointer(nn.Linear(20, 20), str(tmp_path), fit=Fit.PRETRAINED).resume_or_load(path, resume=True)


# --- writing ----------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A disk of 64 KiB; skipped where this may not be made."""
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("a disk can be mounted by root only")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_a_run_that_resumed(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with small_disk(tmp_path / "run"):
        saver = SafeCheckpointer(nn.Linear(20, 20), str(tmp_path / "run"))
        saver.save("model_0000099", iteration=99)
        saver.model = nn.Linear(200, 200)
        before = (tmp_path / "run" / "model_0000099.pth").read_bytes()
        for name in ("model_0000199", "model_0000099"):
            with pytest.raises(TrainingError, match=rf"{name}\.pth: cannot be written \(No space left on device\)"):
                saver.save(name, iteration=199)
        assert names(tmp_path / "run") == ["last_checkpoint", "model_0000099.pth"]
        assert (tmp_path / "run" / "model_0000099.pth").read_bytes() == before
        assert newest_sound(tmp_path / "run") == tmp_path / "run" / "model_0000099.pth"


LIMITED = """
import resource, sys
from torch import nn
from balloon_splash.weights.checkpoint import SafeCheckpointer
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
saver = SafeCheckpointer(nn.Linear(20, 20), sys.argv[1])
saver.save("model_0000099", iteration=99)
saver.model = nn.Linear(200, 200)
saver.save("model_0000199", iteration=199)
"""


@pytest.mark.skipif(os.name == "nt", reason="no such limit there")
def test_a_file_that_may_not_grow_leaves_a_run_that_resumed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)], capture_output=True, text=True, timeout=120, check=False
    )
    assert "TrainingError: " in done.stderr
    assert "model_0000199.pth: cannot be written (File too large)" in done.stderr
    assert names(tmp_path) == ["last_checkpoint", "model_0000099.pth"]
    assert newest_sound(tmp_path).name == "model_0000099.pth"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_model_that_has_diverged_is_not_saved(run: Path, value: float) -> None:
    model = nn.Linear(20, 20)
    with torch.no_grad():
        model.weight[3, 4] = value
    before = names(run)
    with pytest.raises(TrainingError, match="weight is not finite"):
        SafeCheckpointer(model, str(run)).save("model_0000399", iteration=399)
    assert names(run) == before


class Average:
    """As of a moving average that has diverged."""

    def state_dict(self) -> dict[str, torch.Tensor]:
        return {"weight": torch.tensor([1.0, float("nan")])}

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        pass


def test_an_average_that_has_diverged_is_not_saved(run: Path) -> None:
    before = names(run)
    with pytest.raises(TrainingError, match="weight is not finite"):
        SafeCheckpointer(nn.Linear(20, 20), str(run), ema=Average()).save("model_0000399", iteration=399)
    assert names(run) == before


def test_without_a_folder_or_on_another_process_than_the_first_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    SafeCheckpointer(nn.Linear(20, 20), "").save("model_0000099", iteration=99)
    SafeCheckpointer(nn.Linear(20, 20), str(tmp_path), save_to_disk=False).save("model_0000099", iteration=99)
    assert list(tmp_path.iterdir()) == []


def test_the_last_checkpoint_is_noted_after_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this order: content, name, and then the note; else a power failure could leave a note of nothing."""
    events: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def recording_fsync(handle: int) -> None:
        events.append(f"sync {kind(Path(f'/proc/self/fd/{handle}').readlink())}")
        fsync(handle)

    def recording_replace(self: Path, target: Path) -> Path:
        events.append(f"rename to {kind(target)}")
        return replace(self, target)

    def kind(path: Path) -> str:
        if path == tmp_path:
            return "folder"
        return "note" if "last_checkpoint" in path.name else "checkpoint"

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to tell files by")
    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(Path, "replace", recording_replace)
    SafeCheckpointer(nn.Linear(2, 2), str(tmp_path)).save("model_0000099", iteration=99)
    assert events == [
        "sync checkpoint", "rename to checkpoint", "sync folder", "sync note", "rename to note", "sync folder",
    ]  # fmt: skip


# --- pruning ----------------------------------------------------------------------------------------------------------


def test_the_newest_stay_and_best_final_and_last_too(run: Path) -> None:
    saver = SafeCheckpointer(nn.Linear(20, 20), str(run), keep=2)
    saver.save("model_final", iteration=299)
    assert names(run) == [
        "last_checkpoint", "model_0000199.pth", "model_0000299.pth", "model_best.pth", "model_final.pth",
    ]  # fmt: skip
    (run / "last_checkpoint").write_text("model_0000199.pth")
    assert prune(run, 1) == []
    (run / "last_checkpoint").write_text("model_final.pth")
    assert prune(run, 1) == [run / "model_0000199.pth"]
    assert prune(run, 1) == []


def test_more_than_there_are_or_none_removes_nothing(run: Path) -> None:
    assert prune(run, 0) == prune(run, 3) == prune(run, 7) == []


def test_numbers_count_and_not_names(tmp_path: Path) -> None:
    for name in ("model_9999999.pth", "model_10000000.pth", "model_0000099.pth", "model_mine.pth", "model_1.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in prune(tmp_path, 1)] == ["model_0000099.pth", "model_9999999.pth"]
    assert names(tmp_path) == ["model_1.txt", "model_10000000.pth", "model_mine.pth"]
