"""Photos and videos through real pipes, and videos from the web: what is no file when the run begins."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from balloon_splash.cli.splash import main
from balloon_splash.media import spool
from tests.cli.scenes import SIZE, colourful, moving_scene
from tests.fakes import PromptedSegmenter, draw_scene
from tests.media.clips import make_clip, read_packets, read_pictures

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "tests.cli.torchless"]


def piped(data: bytes, *args: object, temporary: Path) -> subprocess.CompletedProcess[bytes]:
    """The command, with ``data`` on standard input and ``temporary`` for temporary files."""
    temporary.mkdir(exist_ok=True)
    return subprocess.run(
        [*COMMAND, *(str(arg) for arg in args)],
        input=data,
        capture_output=True,
        timeout=60,
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        check=False,
    )


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_video_goes_through_pipes_with_its_sound(tmp_path: Path, suffix: str):
    clip = make_clip(tmp_path / f"in{suffix}", frames=10, size=SIZE, draw=moving_scene, audio=["aac"])
    done = piped(clip.read_bytes(), "--input", "-", "--output", "-", temporary=tmp_path / "tmp")
    assert done.returncode == 0, done.stderr
    result = tmp_path / f"out{suffix}"
    result.write_bytes(done.stdout)
    pictures = read_pictures(result)
    assert len(pictures) == 10
    assert colourful(pictures[3].rgb, 40, 40)
    assert not colourful(pictures[3].rgb, 10, 110)
    assert read_packets(result, "audio") == read_packets(clip, "audio")
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_codec_that_does_not_go_into_the_usual_file_gets_another_one(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=3, size=SIZE)
    done = piped(clip.read_bytes(), "--input", "-", "--output", "-", "--codec", "prores", temporary=tmp_path / "tmp")
    assert done.returncode == 0, done.stderr
    (tmp_path / "out.mkv").write_bytes(done.stdout)
    assert len(read_pictures(tmp_path / "out.mkv")) == 3


def test_an_animation_and_a_photo_are_told_apart_by_what_they_hold(tmp_path: Path):
    images = [Image.fromarray(moving_scene(i)) for i in range(4)]
    images[0].save(tmp_path / "a.gif", save_all=True, append_images=images[1:], duration=80, loop=0)
    done = piped((tmp_path / "a.gif").read_bytes(), "--input", "-", "--output", "-", temporary=tmp_path / "tmp")
    assert done.stdout.startswith(b"GIF8")
    Image.fromarray(draw_scene()).save(tmp_path / "b.webp", lossless=True)
    folder = tmp_path / "results"
    done = piped(
        (tmp_path / "b.webp").read_bytes(), "--input", "-", "--output", f"{folder}/", temporary=tmp_path / "tmp"
    )
    assert done.returncode == 0, done.stderr
    assert np.array_equal(np.asarray(Image.open(folder / "stdin_splash.webp"))[40, 40], draw_scene()[40, 40])


def test_a_pipe_that_a_shell_makes_is_read_like_standard_input(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=3, size=SIZE)
    script = '"$0" "$1" "$2" --input <(cat "$3") --output "$4"'
    command = ["bash", "-c", script, *COMMAND, str(clip), str(tmp_path / "out.mp4")]
    subprocess.run(command, cwd=ROOT, check=True, timeout=60)
    assert len(read_pictures(tmp_path / "out.mp4")) == 3


@pytest.mark.parametrize("data", [b"", b"no picture and no video " * 50, b"\x00\x00\x00\x18ftypisom" + bytes(500)])
def test_what_cannot_be_read_gives_one_line_that_names_it_and_an_empty_pipe(tmp_path: Path, data: bytes):
    done = piped(data, "--input", "-", "--output", "-", "--quiet", temporary=tmp_path / "tmp")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"error: standard input: ")
    assert len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "tmp").iterdir()) == []


def test_notes_call_pipes_by_their_names_and_not_by_those_of_temporary_files(tmp_path: Path):
    clip = make_clip(tmp_path / "in.mp4", frames=40, size=SIZE, container_options={"movflags": "+faststart"})
    half = clip.read_bytes()[: clip.stat().st_size * 6 // 10]
    done = piped(half, "--input", "-", "--output", "-", temporary=tmp_path / "tmp")
    assert done.returncode == 0
    assert b"note: standard input: ends after" in done.stderr
    assert str(tmp_path).encode() not in done.stderr


def test_a_reader_that_has_gone_ends_the_run_without_a_traceback(tmp_path: Path):
    grain = np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    clip = make_clip(
        tmp_path / "in.mp4", frames=50, draw=lambda index, _: np.roll(grain, 7 * index, axis=1), size=(240, 320)
    )
    script = '"$0" "$1" "$2" --input "$3" --output - --quiet | head -c 100 > /dev/null; exit ${PIPESTATUS[0]}'
    command = ["bash", "-c", script, *COMMAND, str(clip)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"")


def test_more_than_the_cap_is_refused(tmp_path: Path):
    with (tmp_path / "in").open("wb") as file:
        file.truncate(3 * 2**20)
    with (tmp_path / "in").open("rb") as stream, pytest.raises(Exception, match="standard input: larger than 2 MiB"):
        spool.copy_stream(stream, tmp_path / "out", name="standard input", max_bytes=2 * 2**20)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a real server of the folder ``web``."""
    (tmp_path / "web").mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path / "web")) as httpd:
        threading.Thread(target=httpd.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()


def test_a_video_from_the_web_gets_a_file_that_holds_its_sound(model, tmp_path: Path, server: str, capsys):
    clip = make_clip(tmp_path / "web" / "old.avi", frames=5, size=SIZE, codec="mpeg4", audio=["pcm_s16le"])
    command = ["--input", f"{server}/old.avi", "--allow-private-urls", "--output", f"{tmp_path}/out/"]
    assert main(command) == 0
    (result,) = (tmp_path / "out").iterdir()
    assert result.name == "old_splash.mov"
    after = read_packets(result, "audio")[0]
    assert b"".join(data for _, data in after) == b"".join(data for _, data in read_packets(clip, "audio")[0])
    assert "videos cannot be written as .avi: the result is .mov" in capsys.readouterr().err
    clip.unlink()
    assert main([*command, "--skip-existing"]) == 0, "was fetched once more"
    assert main(command) == 1
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["old_splash.mov"]


def test_the_file_that_holds_the_sound_is_never_an_input_or_another_result(model, tmp_path: Path, server: str, capsys):
    make_clip(tmp_path / "web" / "old.avi", frames=5, size=SIZE, codec="mpeg4", audio=["pcm_s16le"])
    (tmp_path / "out").mkdir()
    taken = make_clip(tmp_path / "out" / "old_splash.mov", frames=3)
    before = taken.read_bytes()
    inputs = ["--input", f"{server}/old.avi", taken, "--allow-private-urls", "--overwrite"]
    assert main([str(word) for word in (*inputs, "--output", f"{tmp_path}/out/")]) == 1
    assert "old_splash.mov: is an input" in capsys.readouterr().err
    assert taken.read_bytes() == before


def test_a_box_outside_a_video_from_the_web_ends_the_run(tmp_path: Path, server: str, monkeypatch, capsys):
    make_clip(tmp_path / "web" / "a.mp4", frames=2, size=SIZE)
    monkeypatch.setattr("balloon_splash.splasher.loading.load_finder", lambda **_: PromptedSegmenter())
    command = ["--input", f"{server}/a.mp4", "--allow-private-urls", "--output", f"{tmp_path}/out/"]
    assert main([*command, "--add-box", "5000", "10", "6000", "40"]) == 2
    assert f"error: --add-box 5000 10 6000 40 lies outside {server}/a.mp4" in capsys.readouterr().err
    assert list(tmp_path.glob("out/*")) == []
