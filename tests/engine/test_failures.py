"""Faults from outside end a training with one line each, and leave a run that resumes."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
import torch
from detectron2.config import CfgNode
from detectron2.data import DatasetCatalog, MetadataCatalog
from detectron2.engine import hooks
from detectron2.structures import BoxMode
from detectron2.utils.events import JSONWriter
from torch._utils import ExceptionWrapper

from balloon_splash.cli.train import main
from balloon_splash.config import load_config
from balloon_splash.engine.failures import told_in_one_line
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.errors import TrainingError
from balloon_splash.weights.run_folder import newest_sound, sole_use
from tests.conftest import TINY

ROOT = Path(__file__).parents[2]
#: Ten are promised; on a machine that does much besides, to leave Python takes that long alone.
SECONDS = 60


def arguments(folder: Path, *extra: str) -> list[str]:
    return [
        "--config-file", "balloon_R18_FPN.yaml", *TINY, "DATASETS.TRAIN", "('shapes_val',)", "DATASETS.TEST", "()",
        "MODEL.ROI_HEADS.NUM_CLASSES", "3", "SOLVER.CHECKPOINT_PERIOD", "2", "OUTPUT_DIR", str(folder / "run"), *extra,
    ]  # fmt: skip


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr().err
    assert "Traceback" not in printed
    return printed.strip().splitlines()[-1]


def test_a_training_that_diverges_stops_and_keeps_what_is_sound(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # After three steps the learning rate becomes absurd.
    wild = ["SOLVER.STEPS", "(3,)", "SOLVER.GAMMA", "1e30", "SOLVER.WARMUP_ITERS", "0"]
    options = ["SOLVER.MAX_ITER", "20", "SOLVER.CHECKPOINT_PERIOD", "1", "SOLVER.CLIP_GRADIENTS.ENABLED", "False"]
    assert main(arguments(tmp_path, *wild, *options)) == 2
    told = last_line(capsys)
    assert re.search(r"error: (iteration \d+: .* infinite or NaN|.*not written, .* is not finite)", told), told
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "Starting training from iteration 0" in log  # which the screen does not show
    assert "Traceback" in log
    state = torch.load(newest_sound(tmp_path / "run"), weights_only=True)["model"]
    assert all(torch.isfinite(value).all() for value in state.values())


def test_passwords_and_tokens_of_an_address_do_not_get_into_the_log(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "http://me:secret@127.0.0.1:9/w.pth?token=abc123"
    assert (
        main(["--weights", address, *arguments(tmp_path)[:2], *arguments(tmp_path, "MODEL.WEIGHTS", address)[2:]]) == 2
    )
    log = (tmp_path / "run" / "log.txt").read_text()
    assert "127.0.0.1:9/w.pth" in log
    for text in (log, capsys.readouterr().err):
        assert "secret" not in text
        assert "abc123" not in text


class At7:
    """A trainer, as far as it matters."""

    iter = 7
    interruption = None

    def __init__(self, folder: Path = Path("nowhere")) -> None:
        self.cfg = CfgNode({"OUTPUT_DIR": str(folder)})


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (
            "Loss became infinite or NaN at iteration=7!\nloss_dict = {'loss_cls': np.float64(nan), "
            "'loss_mask': np.float64(0.5), 'loss_rpn_loc': -inf}",
            "iteration 7: loss_cls and loss_rpn_loc became infinite or NaN",
        ),
        ("Predicted boxes or scores contain Inf/NaN. Training has diverged.", "iteration 7: the predictions became"),
    ],
)
def test_the_loss_and_the_step_are_named(message: str, told: str) -> None:
    with pytest.raises(TrainingError, match=told), told_in_one_line(At7()):
        raise FloatingPointError(message)


@pytest.fixture
def photos(tmp_path: Path) -> Iterator[list[Path]]:
    """Photos on the disk with a box each, registered for training."""
    paths = [tmp_path / f"{number}.jpg" for number in range(4)]
    for path in paths:
        cv2.imwrite(str(path), np.full((96, 128, 3), 90, np.uint8))
    corners = [20.0, 20.0, 80.0, 20.0, 80.0, 70.0, 20.0, 70.0]
    annotation = {"bbox": [20, 20, 80, 70], "bbox_mode": BoxMode.XYXY_ABS, "category_id": 0, "segmentation": [corners]}
    dicts = [
        {"file_name": str(path), "image_id": path.stem, "height": 96, "width": 128, "annotations": [annotation]}
        for path in paths
    ]
    DatasetCatalog.register("some_photos", lambda: dicts)
    MetadataCatalog.get("some_photos").set(thing_classes=["box"])
    yield paths
    DatasetCatalog.remove("some_photos")
    MetadataCatalog.remove("some_photos")


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:300])])
def test_a_photo_that_vanishes_or_breaks_is_told(
    photos: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: Callable[[Path], object]
) -> None:
    for path in photos:
        damage(path)
    options = ["DATASETS.TRAIN", "('some_photos',)", "MODEL.ROI_HEADS.NUM_CLASSES", "1", "SOLVER.MAX_ITER", "2"]
    assert main(arguments(tmp_path, *options)) == 2
    assert re.match(
        r"error: dataset 'some_photos': .*\.jpg: .*(No such file|[Dd]amaged|[Tt]runcated)", last_line(capsys)
    )


def test_what_to_do_next_depends_on_whether_there_is_a_checkpoint(tmp_path: Path) -> None:
    with (
        pytest.raises(TrainingError, match="no checkpoint is written yet: start again"),
        told_in_one_line(At7(tmp_path)),
    ):
        raise OSError("disk full")
    torch.save({}, tmp_path / "model_0000004.pth")
    with pytest.raises(TrainingError, match="sound, --resume continues from the last"), told_in_one_line(At7(tmp_path)):
        raise OSError("disk full")


def test_an_error_of_another_process_comes_without_its_traceback(tmp_path: Path) -> None:
    with pytest.raises(TrainingError) as caught, told_in_one_line(At7()):
        try:
            (tmp_path / "gone.jpg").read_bytes()
        except FileNotFoundError:
            ExceptionWrapper(where="in DataLoader worker process 0").reraise()  # as torch brings it over
    assert str(caught.value).startswith(
        f"iteration 7: FileNotFoundError: [Errno 2] No such file or directory: '{tmp_path}"
    )
    assert "\n" not in str(caught.value)


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="shapes"), told_in_one_line(At7()):
        raise RuntimeError("shapes cannot be multiplied")


def test_a_run_interrupted_just_after_a_log_line_of_its_first_steps_ends_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: JSONWriter) -> None:
        raise KeyboardInterrupt  # as Ctrl-C does where it arrives after the printer and before the next writer

    monkeypatch.setattr(JSONWriter, "write", interrupted)
    trainer = BalloonTrainer(load_config("balloon_R18_FPN.yaml", arguments(tmp_path)[2:]))
    (writer,) = (hook for hook in trainer._hooks if isinstance(hook, hooks.PeriodicWriter))
    writer._period = 1
    with pytest.raises(KeyboardInterrupt):
        trainer.train()


def test_a_training_interrupted_in_its_last_step_is_not_evaluated(tmp_path: Path) -> None:
    """An evaluation takes minutes, and whoever pressed Ctrl-C waits for it."""
    options = arguments(tmp_path, "SOLVER.MAX_ITER", "2", "DATASETS.TEST", "('shapes_val',)")[2:]

    class Interrupted(BalloonTrainer):
        def run_step(self) -> None:
            if self.iter == 1:
                raise KeyboardInterrupt
            super().run_step()

    trainer = Interrupted(load_config("balloon_R18_FPN.yaml", options))
    with pytest.raises(KeyboardInterrupt):
        trainer.train()
    assert not (tmp_path / "run" / "inference").exists()
    assert not hasattr(trainer, "_last_eval_results")


# --- real processes ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def training(folder: Path) -> Iterator[psutil.Popen]:
    """A training that does not end by itself, with two processes that load photos, after its first checkpoint."""
    options = arguments(folder, "SOLVER.MAX_ITER", "100000", "DATALOADER.NUM_WORKERS", "2")
    process = psutil.Popen(
        [sys.executable, "tools/train_net.py", *options],
        cwd=ROOT, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip
    try:
        while not (folder / "run" / "last_checkpoint").exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def end_of(process: psutil.Popen) -> tuple[int, str]:
    """Exit code and what was said on stderr; no process may be left over."""
    children = process.children(recursive=True)
    assert len(children) == 2
    error = process.communicate(timeout=SECONDS)[1]
    psutil.wait_procs(children, timeout=SECONDS)
    assert not [child for child in children if child.is_running()]
    assert "Traceback" not in error, error
    return process.returncode, error


@pytest.mark.skipif(os.name == "nt", reason="other signals there")
@pytest.mark.parametrize(
    "how",
    [
        "SIGINT to all, as from a terminal",
        pytest.param("SIGTERM", marks=pytest.mark.slow),
        pytest.param("SIGTERM to all, as from timeout", marks=pytest.mark.slow),
    ],
)
def test_an_interrupted_training_ends_soon_and_leaves_no_process(tmp_path: Path, how: str) -> None:
    with training(tmp_path) as process:
        if how == "SIGTERM":
            process.send_signal(signal.SIGTERM)
        else:
            os.killpg(process.pid, signal.SIGINT if "SIGINT" in how else signal.SIGTERM)
        code, told = end_of(process)
    assert code == 130
    assert "interrupted" in told
    assert "error" not in told
    saved = re.search(r"saved: (\S+), after (\d+) steps", told)
    assert saved is not None, told
    with sole_use(str(tmp_path / "run")):
        assert newest_sound(tmp_path / "run") == Path(saved[1])
    assert torch.load(saved[1], weights_only=True)["iteration"] == int(saved[2]) - 1
    assert re.search(r"to resume: python tools/train_net\.py --config-file .* --resume ", told)


@pytest.mark.skipif(os.name == "nt", reason="no SIGKILL there")
def test_a_killed_process_that_loads_photos_ends_the_training_with_a_word(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with training(tmp_path) as process:
        loader = process.children()[0].pid
        assert main(["--resume", *arguments(tmp_path)]) == 2
        assert "another process runs there" in last_line(capsys)
        os.kill(loader, signal.SIGKILL)
        code, told = end_of(process)
    assert code == 2
    assert re.search(rf"error: iteration \d+: the process that loads photos, {loader}, was killed", told)
    assert newest_sound(tmp_path / "run").is_file()
