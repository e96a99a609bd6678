"""The command as a process: it listens, answers, finishes what it has begun before it ends, and leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import pytest

pytest.importorskip("fastapi", reason="the extra serve is not installed")

import httpx

from balloon_splash.cli.serve import main

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 60
SHIPPED = "import sys; from balloon_splash.cli.serve import main; sys.exit(main())"
"""The command with the model that ships."""


@contextmanager
def running(
    tmp_path: Path, *options: str, shipped: bool = False, said: list[str] | None = None, **variables: str
) -> Iterator[str]:
    """A server on a free port; its address. It leaves nothing behind; ``said`` gets what it logged until its end."""
    temporary = tmp_path / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT), **variables}
    start = ["-c", SHIPPED] if shipped else ["-m", "tests.serve.fake_server"]
    command = [sys.executable, *start, "--port", "0", *options]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"running on (http://\S+)", line):
                    yield found[1]
                    break
            else:
                pytest.fail("the server ended")
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_SECONDS) == 0
            assert list(temporary.iterdir()) == []
            if said is not None:
                said += process.stderr.read().splitlines()
        finally:
            process.kill()


def test_a_request_at_hand_is_answered_before_the_process_ends(tmp_path: Path, png: bytes) -> None:
    with ThreadPoolExecutor(1) as pool, running(tmp_path, SLOW="1.0") as address:
        assert httpx.get(f"{address}/ready", timeout=WAIT_SECONDS).json() == {"status": "ready"}
        files = {"photo": ("p.png", png)}
        waiting = pool.submit(httpx.post, f"{address}/v1/splash", files=files, timeout=WAIT_SECONDS)
        while "balloon_splash_work_waiting 1.0" not in httpx.get(f"{address}/metrics", timeout=WAIT_SECONDS).text:
            assert not wait([waiting], 0.05).done
    assert waiting.result(WAIT_SECONDS).status_code == 200


@pytest.mark.slow
def test_workers_share_the_videos_and_the_numbers(tmp_path: Path, png: bytes) -> None:
    with running(tmp_path, "--workers", "2", shipped=True) as address:
        patient = httpx.HTTPTransport(retries=7)  # the parent has the port before a worker listens
        client = httpx.Client(base_url=address, timeout=WAIT_SECONDS, transport=patient)
        for _ in range(6):
            answer = client.post("/v1/objects", files={"photo": ("p.png", png)}, headers={"Connection": "close"})
            assert answer.status_code == 200
        assert 'route="/v1/objects",status="200"} 6.0' in client.get("/metrics").text


@pytest.mark.slow
def test_workers_that_grow_are_replaced_and_no_answer_is_lost(tmp_path: Path, png: bytes) -> None:
    said: list[str] = []
    with running(tmp_path, "--workers", "2", "--max-memory", "1", shipped=True, said=said) as address:
        for _ in range(6):
            with httpx.Client(timeout=WAIT_SECONDS, transport=httpx.HTTPTransport(retries=7)) as client:
                answer = client.post(f"{address}/v1/splash", files={"photo": ("p.png", png)})
            assert answer.status_code == 200
    replaced = [line for line in said if "is replaced" in line]
    started = [line for line in said if "Started server process" in line]
    assert len(replaced) >= 5, "each answered one photo"
    assert len(started) >= len(replaced)


@pytest.mark.slow
def test_a_video_at_work_is_finished_before_the_process_ends_and_found_by_the_next(tmp_path: Path, clip: Path) -> None:
    kept = ("--folder", str(tmp_path / "kept"))
    with running(tmp_path, *kept, SLOW="0.3") as address:
        files = {"video": ("party.mp4", clip.read_bytes())}
        job = httpx.post(f"{address}/v1/videos", files=files, timeout=WAIT_SECONDS).json()
        while (state := httpx.get(f"{address}/v1/videos/{job['id']}").json())["state"] == "queued":
            sleep(0.01)
        assert state["state"] == "running"
    with running(tmp_path, *kept) as address:
        assert httpx.get(f"{address}/v1/videos/{job['id']}").json()["state"] == "done"
        assert len(httpx.get(f"{address}/v1/videos/{job['id']}/result").content) > 1000


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--host", "0.0.0.0"], "error: --host 0.0.0.0 without a token"),
        (["--host", "192.0.2.1", "--token", "x"], "error: --host 192.0.2.1 --port 8000: cannot be listened on"),
        (["--token", "two words"], "error: --token holds spaces"),
        (["--root-path", "splash"], "error: --root-path splash; expected a path that begins with /"),
        (["--max-memory", "900"], "error: --max-memory 900 without others"),
    ],
)
def test_what_would_be_unsafe_or_cannot_be_is_one_line(
    options: list[str], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(options) == 2
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1
