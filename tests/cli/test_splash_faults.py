"""Real faults while a splash runs: signals, kills, a full disk, too little memory, two runs at once."""

from __future__ import annotations

import contextlib
import http.server
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from tests.cli.scenes import SIZE, moving_scene
from tests.fakes import draw_scene
from tests.media.clips import make_clip, read_pictures

ROOT = Path(__file__).parents[2]
# Not python -m: that ends by SIGINT, whatever the exit code, if an interruption once struck within exec(), which
# dataclasses use while they are imported.
COMMAND = [sys.executable, "-c", "import sys; from tests.cli.torchless import main; sys.exit(main())"]
PHOTOS, FRAMES = 12, 150
ENDS_WITHIN = 10.0
"""Seconds from a fault to the end of the process."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals, limits and users work otherwise there")


def every_stage(*numbers: int) -> pytest.MarkDecorator:
    """Each stage with each signal; most of them are slow, for they say little that the others do not."""
    stages = ("reading", "model", "composing", "encoding")
    cases = [
        pytest.param(stage, number, marks=[pytest.mark.slow] if (place + turn) % len(numbers) else [])
        for place, stage in enumerate(stages)
        for turn, number in enumerate(numbers)
    ]
    return pytest.mark.parametrize(("stage", "number"), cases)


def start(*args: object, **environment: str) -> subprocess.Popen[str]:
    """The command, as the first process of a group of its own."""
    return subprocess.Popen(
        [*COMMAND, *(str(arg) for arg in args)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], seconds: float = 60) -> tuple[int, str]:
    """Exit code and messages, once no process of the group is left."""
    try:
        _, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)
    assert "Traceback" not in err, err
    return process.returncode, err


def run(*args: object, **environment: str) -> tuple[int, str]:
    return end(start(*args, **environment))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(PHOTOS):
        Image.fromarray(draw_scene()).save(folder / f"{number:02d}.png")
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "party.mp4", frames=FRAMES, size=SIZE, draw=moving_scene, audio=["aac"])


def splashes(folder: Path) -> list[Path]:
    """The results in a folder, each of which is whole; there is nothing else but inputs."""
    found = []
    for path in sorted(folder.glob("**/*")):
        assert ".part" not in path.name
        if "_splash" not in path.name:
            continue
        found.append(path)
        if path.suffix == ".mp4":
            assert len(read_pictures(path)) == FRAMES
        else:
            with Image.open(path) as image:
                image.load()
    return found


@every_stage(signal.SIGINT, signal.SIGTERM)
def test_a_signal_at_any_stage_leaves_whole_photos_and_nothing_else(photos: Path, stage: str, number: int):
    code, err = run("--input", photos, "--quiet", SIGNAL=f"{stage}:2:{number}")
    assert (code, err) == (130, "interrupted\n")
    assert len(splashes(photos)) < PHOTOS


@every_stage(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
def test_a_signal_at_any_stage_leaves_no_video(clip: Path, stage: str, number: int):
    code, err = run("--input", clip, "--quiet", "--every", 1, SIGNAL=f"{stage}:30:{number}")
    assert (code, err) == (130, "interrupted\n")
    assert splashes(clip.parent) == []


def kill_at_random_moments(what: Path, folder: Path, times: int, seed: int) -> None:
    moments = random.Random(seed)
    began = time.monotonic()
    assert run("--input", what, "--quiet", "--output", f"{folder}/whole/")[0] == 0
    whole = time.monotonic() - began
    for index in range(times):
        number = moments.choice([signal.SIGINT, signal.SIGTERM])
        process = start("--input", what, "--quiet", "--output", f"{folder}/{index}/")
        time.sleep(moments.uniform(0.2, 1.1) * whole)
        process.send_signal(number)
        _, err = process.communicate(timeout=ENDS_WITHIN)
        # By -number ends what had not come to its first line yet.
        assert process.returncode in (0, 130, 1, -number), err
        complete = PHOTOS if what.is_dir() else 1
        assert len(splashes(folder / str(index))) == complete or process.returncode != 0


def test_a_signal_at_a_random_moment_leaves_whole_files(photos: Path, tmp_path: Path):
    kill_at_random_moments(photos, tmp_path / "out", times=2, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("what", ["photos", "clip"])
def test_signals_at_many_random_moments_leave_whole_files(request: pytest.FixtureRequest, tmp_path: Path, what: str):
    kill_at_random_moments(request.getfixturevalue(what), tmp_path / "out", times=50, seed=2)


def test_a_run_behind_nohup_goes_on_when_the_terminal_is_closed(photos: Path):
    ignored = {"SIGNAL": f"model:2:{signal.SIGHUP}", "IGNORED": str(signal.SIGHUP.value)}
    assert run("--input", photos, "--quiet", **ignored) == (0, "")
    assert len(splashes(photos)) == PHOTOS


def test_a_signal_does_not_wait_for_a_slow_model(clip: Path):
    """A batch of 60 frames takes this model a minute."""
    process = start("--input", clip, "--quiet", "--batch-size", 60, SLOW="1", SIGNAL=f"model:1:{signal.SIGTERM}")
    code, err = end(process, seconds=5 * ENDS_WITHIN)
    assert (code, err) == (130, "interrupted\n")
    assert splashes(clip.parent) == []


@pytest.fixture
def silent_server() -> Iterator[tuple[str, threading.Event]]:
    """The address of a server that begins to send a photo, and then falls silent; whether it was asked."""
    asked, over = threading.Event(), threading.Event()

    class Silent(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            self.wfile.write(b"\xff\xd8")
            asked.set()
            over.wait()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent) as httpd:
        httpd.daemon_threads = True
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}", asked
        over.set()
        httpd.shutdown()


@pytest.mark.parametrize("name", ["photo.jpg", "film.mp4"])
def test_a_signal_does_not_wait_for_a_silent_server(silent_server, tmp_path: Path, name: str):
    url, asked = silent_server
    process = start("--input", f"{url}/{name}", "--allow-private-urls", "--output", f"{tmp_path}/", "--quiet")
    assert asked.wait(60)
    process.send_signal(signal.SIGTERM)
    assert end(process, seconds=ENDS_WITHIN) == (130, "interrupted\n")
    assert list(tmp_path.iterdir()) == []


def test_a_killed_process_leaves_nothing_under_the_final_name_and_does_not_stop_the_next(clip: Path):
    process = start("--input", clip, "--quiet", SIGNAL=f"encoding:60:{signal.SIGKILL}")
    assert end(process)[0] == -signal.SIGKILL
    names = {path.name for path in clip.parent.iterdir()} - {"party.mp4"}
    assert all(name.startswith(".party_splash.") and ".part" in name for name in names)
    for name in names:
        (clip.parent / name).unlink()
    assert run("--input", clip, "--quiet") == (0, "")
    assert len(splashes(clip.parent)) == 1


def test_there_is_no_process_beside_it_that_could_be_killed(clip: Path):
    """The command decodes, detects and encodes in its own threads."""
    process = start("--input", clip, "--quiet", SIGNAL=f"encoding:60:{signal.SIGSTOP}")
    while psutil.Process(process.pid).status() != psutil.STATUS_STOPPED:
        assert process.poll() is None
        time.sleep(0.02)
    assert psutil.Process(process.pid).children(recursive=True) == []
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    assert end(process) == (130, "interrupted\n")


def test_a_disk_that_fills_costs_the_files_that_do_not_fit_and_no_others(photos: Path):
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photos / "03.png")
    code, err = run("--input", photos, "--quiet", "--background", "black", "--invert", LARGEST_FILE="60000")
    assert code == 1
    (line,) = err.splitlines()
    assert "03_splash.png: cannot be written (File too large)" in line
    assert len(splashes(photos)) == PHOTOS - 1


def test_a_disk_that_fills_costs_a_video_and_its_record(clip: Path):
    record = clip.with_name("found.jsonl")
    code, err = run("--input", clip, "--quiet", LARGEST_FILE="5000")
    assert code == 1
    assert err == f"error: {clip.with_name('party_splash.mp4')}: cannot be written: File too large\n"
    code, err = run("--input", clip, "--quiet", "--every", 1, "--save-detections", record, LARGEST_FILE="400000")
    assert code == 2
    assert set(err.splitlines()) == {f"error: {record}: cannot be written (File too large)"}
    assert splashes(clip.parent) == []
    assert not record.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_file_system_is_said_and_left_as_it_was(photos: Path, clip: Path, small_disk: Path):
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    Image.fromarray(noise).save(photos / "03.png")
    (small_disk / "full").write_bytes(bytes(290 * 1024))
    for what in (photos / "03.png", clip):
        code, err = run("--input", what, "--output", f"{small_disk}/", "--quiet", "--background", "black", "--invert")
        assert code == 1
        assert "cannot be written" in err
        assert "isk is full" in err or "No space left on device" in err
        assert len(err.splitlines()) == 1
        assert [path.name for path in small_disk.iterdir()] == ["full"]


@contextlib.contextmanager
def without_root(folder: Path) -> Iterator[None]:
    """As a user without special rights, who may read all on the way to ``folder``; as we are, if we have none."""
    if os.geteuid() != 0:
        yield
        return
    for parent in [folder, *folder.parents]:
        if parent.stat().st_mode & 0o055 != 0o055:
            parent.chmod(parent.stat().st_mode | 0o055)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_read_only_folder_and_unreadable_photos_are_said(photos: Path, tmp_path: Path, monkeypatch, capsys):
    from balloon_splash.cli.splash import main
    from balloon_splash.splasher import loading
    from tests.fakes import ColourSegmenter

    monkeypatch.setattr(loading, "load_finder", lambda *args, **options: ColourSegmenter())
    (photos / "05.png").chmod(0)
    (tmp_path / "out").mkdir()
    (tmp_path / "out").chmod(0o555)
    (tmp_path / "free").mkdir()
    (tmp_path / "free").chmod(0o777)
    with without_root(photos):
        assert main(["--input", str(photos), "--quiet", "--output", f"{tmp_path}/free/"]) == 1
        assert "05.png: cannot be read (Permission denied)" in capsys.readouterr().err
        assert main(["--input", str(photos / "01.png"), "--quiet", "--output", f"{tmp_path}/out/"]) == 1
    assert "01_splash.png: cannot be written (Permission denied)" in capsys.readouterr().err
    assert len(splashes(tmp_path / "free")) == PHOTOS - 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("how", ["numpy", "torch"])
def test_batches_that_do_not_fit_into_memory_are_halved_and_it_is_said(photos: Path, how: str):
    code, err = run("--input", photos, "--batch-size", 8, "-v", MEMORY=how)
    assert code == 0, err
    assert "note: out of memory: batches of 8 pictures become batches of 4" in err
    assert err.count("out of memory") == 1
    assert len(splashes(photos)) == PHOTOS


def test_batches_of_frames_are_halved_too(clip: Path):
    code, err = run("--input", clip, "--every", 1, "--batch-size", 8, MEMORY="numpy")
    assert code == 0, err
    assert err.count("note: out of memory: batches of 8 pictures become batches of 4") == 1
    assert len(splashes(clip.parent)) == 1


@pytest.mark.parametrize("overwrite", [False, True])
def test_two_runs_with_the_same_output_leave_one_whole_file(clip: Path, photos: Path, tmp_path: Path, overwrite: bool):
    for what in (clip, photos / "00.png"):
        meeting = tmp_path / f"meeting {what.name}"
        meeting.mkdir()
        options = ["--input", what, "--quiet", *(["--overwrite"] if overwrite else [])]
        both = [start(*options, MEET=f"{meeting}:2") for _ in range(2)]
        ends = sorted(end(process) for process in both)
        assert [code for code, _ in ends] == ([0, 0] if overwrite else [0, 1])
        if not overwrite:
            assert "made meanwhile by another process" in ends[1][1] or "exists already" in ends[1][1]
    assert len(splashes(tmp_path)) == 2
