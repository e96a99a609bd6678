"""Processes of a run that fail or cannot meet end together, with one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from balloon_splash.cli.train import main
from balloon_splash.engine import processes
from balloon_splash.engine.trainer import BalloonTrainer
from balloon_splash.errors import MediaError
from tests.engine.two_processes import ended, free_port, opts, register_shapes, two

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes are not forked there")


@pytest.fixture(autouse=True)
def _shapes() -> None:
    register_shapes()


def errors_in(folder: Path) -> list[str]:
    lines = [line for rank in (0, 1) for line in (folder / f"{rank}.txt").read_text().splitlines()]
    assert not any("Traceback" in line for line in lines), "\n".join(lines)
    return [line for line in lines if line.startswith("error: ")]


def _train_by_hand(rank: int, port: int, folder: Path, fault: str) -> int:
    """As two people start it on two machines; in process 1 something happens at step 3."""
    run_step = BalloonTrainer.run_step

    def faulty(self: BalloonTrainer) -> None:
        if self.iter == 3 and rank == 1:
            if fault == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if fault == "photo":
                raise MediaError("party.jpg: broken")
        run_step(self)

    BalloonTrainer.run_step = faulty
    batch = "3" if fault == "config" else "2"
    arguments = ["--config-file", "balloon_R18_FPN.yaml", "--num-machines", "2", "--machine-rank", str(rank)]
    arguments += ["--dist-url", f"tcp://127.0.0.1:{port}", *opts(folder / "run", "SOLVER.MAX_ITER", "500")]
    return main([*arguments, "SOLVER.IMS_PER_BATCH", batch])


@pytest.mark.parametrize(
    ("fault", "codes", "message"),
    [
        ("killed", [2, -signal.SIGKILL], "process 1 of 2 was killed"),
        pytest.param(
            *("photo", [2, 2], "iteration 3: party.jpg: broken; the checkpoints are sound, --resume continues"),
            marks=pytest.mark.slow,
        ),
        pytest.param(
            *(
                "config",
                [2, 2],
                "SOLVER.IMS_PER_BATCH is 3; expected a positive multiple of the number of",
            ),
            marks=pytest.mark.slow,
        ),
    ],
)
def test_when_a_process_fails_all_end_with_one_line(fault: str, codes: list[int], message: str, tmp_path: Path) -> None:
    started = two(_train_by_hand, tmp_path, tmp_path, fault)
    started[1].join(90)
    assert ended(started, 10) == codes
    (line,) = errors_in(tmp_path)
    assert message in line


@pytest.mark.parametrize(
    ("environment", "arguments", "message"),
    [
        ({}, ["--num-machines", "2"], "--dist-url auto with --num-machines 2; expected the first machine's address"),
        ({}, ["--num-machines", "2", "--dist-url", "tcp://a:1", "--machine-rank", "2"], "--machine-rank 2; expected 0"),
        (
            {"TORCHELASTIC_RUN_ID": "a", "RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"},
            ["--num-gpus", "2"],
            "but torchrun started 2 processes; expected 1 of each",
        ),
        (
            {"SLURM_STEP_NUM_TASKS": "3", "SLURM_STEP_NUM_NODES": "2", "SLURM_PROCID": "0", "SLURM_LOCALID": "0"},
            [],
            "expected equally many tasks on each node",
        ),
        (
            {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "1", "SLURM_LOCALID": "1", "SLURM_STEP_NODELIST": "no.where"},
            [],
            "process 1 of 2 cannot meet the others at tcp://no.where:2",
        ),
    ],
)
def test_processes_that_cannot_meet_get_one_line(
    environment: dict[str, str],
    arguments: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(processes, "MEETING", timedelta(seconds=1))
    assert main(arguments) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("nodes", "first"),
    [("node07", "node07"), ("node[07-09,12],big1", "node07"), ("rack[1,2]n[3-4]", "rack1n3"), ("a,b[1-2]", "a")],
)
def test_the_first_of_slurms_nodes_is_where_all_meet(nodes: str, first: str) -> None:
    assert processes._first_host(nodes) == first


@pytest.mark.slow
def test_torchrun_starts_two_processes_of_the_same_run(tmp_path: Path) -> None:
    run = opts(tmp_path / "run", "SOLVER.MAX_ITER", "1", "DATASETS.TRAIN", "('shapes_val',)", "DATASETS.TEST", "()")
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--nproc-per-node",
        "2",
        "--master-port",
        str(free_port()),
    ]
    command += ["tools/train_net.py", "--config-file", "configs/balloon_R18_FPN.yaml", *run]
    command += ["DATASETS.TRAIN_REPEAT_FACTOR", "[]"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "run" / "model_final.pth").is_file()
    assert done.stdout.count("log, metrics, checkpoints and pictures") == 1


@pytest.mark.slow
def test_the_command_starts_processes_on_the_cpu_and_one_that_is_killed_ends_all(tmp_path: Path) -> None:
    run = opts(tmp_path / "run", "SOLVER.MAX_ITER", "500", "DATASETS.TRAIN", "('shapes_val',)", "DATASETS.TEST", "()")
    command = [sys.executable, "tools/train_net.py", "--config-file", "configs/balloon_R18_FPN.yaml", *run]
    command += ["DATASETS.TRAIN_REPEAT_FACTOR", "[]", "--device", "cpu", "--num-gpus", "2"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as started:
        import psutil

        until = time.monotonic() + 120
        while not (tmp_path / "run" / "model_0000001.pth").exists():
            assert started.poll() is None
            assert time.monotonic() < until, "no checkpoint yet"
            time.sleep(0.05)
        workers = [each for each in psutil.Process(started.pid).children() if "spawn_main" in " ".join(each.cmdline())]
        workers[-1].kill()
        _, printed = started.communicate(timeout=10)
    assert started.returncode == 2
    errors = [line for line in printed.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, printed
    assert "was killed" in errors[0]
