"""A whole video through the splash: what comes out, how it ends, and what it leaves behind."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from balloon_splash.compositing.detections import Detections
from balloon_splash.errors import MediaError, OutputExistsError, UsageError
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.frames import Frame
from balloon_splash.splasher.video_stream import (
    ComposeFrame,
    FindInFrames,
    Progress,
    VideoOptions,
    VideoSummary,
    splash_video,
)
from tests.media.clips import AnyPixels, make_clip, quarters, read_packets, read_pictures

FAST = Encoding(options={"preset": "ultrafast"}, quality=10)
LEFT = (0, 0, 64, 96)


def find_left(frames: Sequence[Frame]) -> list[Detections]:
    """One object: the left half."""
    return [
        Detections(
            frame.rgb.shape[:2],
            np.array([LEFT], np.float32),
            np.array([0.9], np.float32),
            np.zeros(1, np.int64),
            np.ones((1, 28, 28), np.float32),
            ("balloon",),
        )
        for frame in frames
    ]


def left_inside(shape: tuple[int, ...], detections: Detections) -> npt.NDArray[np.bool_]:
    inside = np.zeros(shape[:2], np.bool_)
    for x0, y0, x1, y1 in detections.boxes.round().astype(int):
        inside[y0:y1, x0:x1] = True
    return inside


def grey_outside(rgb: AnyPixels, detections: Detections) -> AnyPixels:
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return np.where(left_inside(rgb.shape, detections)[..., None], rgb, grey).astype(np.uint8)


def splash(
    source: Path,
    destination: Path,
    *,
    find: FindInFrames = find_left,
    compose: ComposeFrame = grey_outside,
    progress: Progress | None = None,
    **options: Any,
) -> VideoSummary:
    chosen = VideoOptions(**({"encoding": FAST} | options))
    return splash_video(source, destination, find=find, compose=compose, options=chosen, progress=progress)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "in.mp4", audio=["aac"], frames=25)


@pytest.fixture(autouse=True)
def _nothing_left_behind(tmp_path: Path) -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before
    assert [path.name for path in tmp_path.rglob("*.part*")] == []


def test_colour_stays_on_the_object_and_only_there(clip: Path, tmp_path: Path) -> None:
    done: list[tuple[int, int | None]] = []
    summary = splash(clip, tmp_path / "out.mp4", progress=lambda *args: done.append(args))
    assert (summary.frames, summary.seconds, summary.size) == (25, Fraction(1), (96, 128))
    assert (summary.copied_tracks, summary.warnings, summary.interrupted) == (("aac",), (), False)
    assert done == [(i + 1, 25) for i in range(25)]
    pictures = read_pictures(tmp_path / "out.mp4")
    assert len(pictures) == 25
    for picture in pictures:
        spread = np.ptp(picture.rgb.astype(int), axis=2)
        assert spread[10:30, 70:].max() < 12
        assert spread[10:30, 4:60].min() > 100
    assert read_packets(tmp_path / "out.mp4", "audio") == read_packets(clip, "audio")


def test_missed_detection_does_not_flash_unless_asked(clip: Path, tmp_path: Path) -> None:
    count = 0

    def forgetful(frames: Sequence[Frame]) -> list[Detections]:
        nonlocal count
        count += len(frames)
        return [
            Detections.empty(found.size) if 10 <= count - len(frames) + i < 13 else found
            for i, found in enumerate(find_left(frames))
        ]

    def grey_frames(path: Path) -> list[int]:
        return [i for i, p in enumerate(read_pictures(path)) if np.ptp(p.rgb[20, 20].astype(int)) < 50]

    splash(clip, tmp_path / "calm.mp4", find=forgetful, every=1)
    count = 0
    splash(clip, tmp_path / "raw.mp4", find=forgetful, every=1, steadiness=None)
    assert grey_frames(tmp_path / "calm.mp4") == []
    assert grey_frames(tmp_path / "raw.mp4") == [10, 11, 12]


def test_model_gets_batches_of_the_size_asked_for(clip: Path, tmp_path: Path) -> None:
    sizes: list[int] = []

    def find(frames: Sequence[Frame]) -> list[Detections]:
        sizes.append(len(frames))
        return find_left(frames)

    splash(clip, tmp_path / "out.mp4", find=find, batch_size=10, every=1)
    assert sizes == [10, 10, 5]


def test_part_of_a_video_at_a_lower_rate(clip: Path, tmp_path: Path) -> None:
    summary = splash(clip, tmp_path / "out.mp4", clip=Clip(start=0.2, end=0.8, stride=3))
    assert (summary.frames, summary.seconds) == (5, Fraction(3, 5))


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_transparent_background_by_default_codec(clip: Path, tmp_path: Path, suffix: str) -> None:
    def cut_out(rgb: AnyPixels, detections: Detections) -> AnyPixels:
        return np.dstack([rgb, left_inside(rgb.shape, detections) * np.uint8(255)])

    source = make_clip(tmp_path / "silent.mp4", frames=3)
    splash(source, tmp_path / f"out{suffix}", compose=cut_out, encoding=Encoding())
    assert len(read_pictures(tmp_path / f"out{suffix}")) == 3


def test_transparent_animation_stays_transparent_or_says_that_it_became_black(tmp_path: Path) -> None:
    images = [Image.fromarray(np.dstack([quarters(i), np.tri(96, 128, dtype=np.uint8) * 255])) for i in range(3)]
    source = tmp_path / "in.webp"
    images[0].save(source, save_all=True, append_images=images[1:], duration=40, lossless=True)
    assert splash(source, tmp_path / "out.webp", encoding=Encoding()).warnings == ()
    with Image.open(tmp_path / "out.webp") as image:
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert (alpha[90, 10], alpha[5, 100]) == (255, 0)
    (warning,) = splash(source, tmp_path / "out.mp4").warnings
    assert "black" in warning
    assert read_pictures(tmp_path / "out.mp4")[0].rgb[5, 100].max() < 20


def test_existing_file_is_not_overwritten_unless_asked(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("precious")
    with pytest.raises(OutputExistsError, match="exists already"):
        splash(clip, tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4").read_text() == "precious"
    splash(clip, tmp_path / "out.mp4", overwrite=True)
    assert len(read_pictures(tmp_path / "out.mp4")) == 25


def test_input_is_never_written_onto(clip: Path) -> None:
    data = clip.read_bytes()
    with pytest.raises(UsageError, match="the input itself"):
        splash(clip, clip, overwrite=True)
    assert clip.read_bytes() == data


@pytest.mark.parametrize("step", ["find", "compose", "progress"])
def test_failure_in_any_step_keeps_its_message_and_leaves_no_file(clip: Path, tmp_path: Path, step: str) -> None:
    def broken(*_: object) -> object:
        raise OSError("the model is gone")

    with pytest.raises(OSError, match=r"^the model is gone$"):
        splash(clip, tmp_path / "out.mp4", **{step: broken})  # type: ignore[arg-type]
    assert not (tmp_path / "out.mp4").exists()


def test_unwritable_folder_is_named(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(MediaError, match=r"out\.mp4: cannot be written"):
        splash(clip, tmp_path / "file" / "out.mp4")


def test_wrong_input_leaves_no_output(tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_bytes(b"")
    with pytest.raises(MediaError, match=r"in\.mp4"):
        splash(tmp_path / "in.mp4", tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_corrupt_tail_is_survived_and_said(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=50, container_options={"movflags": "+faststart"})
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 6 // 10])
    summary = splash(source, tmp_path / "out.mp4")
    assert 10 < summary.frames < 45
    assert any("ends after" in warning for warning in summary.warnings)


def in_another_process(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run code that may kill its process, with everything of this module at hand."""
    imports = (
        "import os, signal, sys, threading\nfrom pathlib import Path\n"
        "from tests.splasher.test_video_stream import splash\n"
    )
    program = imports + textwrap.dedent(code)
    return subprocess.run(
        [sys.executable, "-c", program, *args],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
        check=False,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there are no limits on file sizes")
def test_disk_that_fills_gives_one_line_and_no_file(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    source = make_clip(tmp_path / "in.mp4", frames=60, draw=lambda i, _: np.roll(noise, i * 7, axis=1))
    result = in_another_process(
        """
        import resource
        from balloon_splash.errors import BalloonSplashError
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            splash(Path(sys.argv[1]), Path(sys.argv[2]))
        except BalloonSplashError as error:
            print(error, threading.active_count())
        """,
        str(source),
        str(tmp_path / "full" / "out.mp4"),
    )
    assert result.stderr == ""
    assert result.stdout == f"{tmp_path}/full/out.mp4: cannot be written: File too large 1\n"
    assert list((tmp_path / "full").iterdir()) == []


INTERRUPT = """
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that runs this behind it may have switched it off
def interrupted_at_ten(done, expected):
    if done == 10:
        os.kill(os.getpid(), signal.SIGINT)
try:
    summary = splash(Path(sys.argv[1]), Path(sys.argv[2]), progress=interrupted_at_ten, keep_partial={keep})
    print("kept", summary.interrupted)
except KeyboardInterrupt:
    print("gone", threading.active_count())
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals to oneself work otherwise")
def test_ctrl_c_leaves_nothing(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=400)
    result = in_another_process(INTERRUPT.format(keep=False), str(source), str(tmp_path / "o" / "out.mp4"))
    assert (result.stdout, result.stderr) == ("gone 1\n", "")
    assert list((tmp_path / "o").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals to oneself work otherwise")
def test_ctrl_c_leaves_a_playable_file_if_asked(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", frames=400, audio=["aac"])
    result = in_another_process(INTERRUPT.format(keep=True), str(source), str(tmp_path / "o" / "out.mp4"))
    assert (result.stdout, result.stderr) == ("kept True\n", "")
    pictures = read_pictures(tmp_path / "o" / "out.mp4")
    assert 10 <= len(pictures) < 400
    sound = read_packets(tmp_path / "o" / "out.mp4", "audio")[0]
    assert abs(sound[-1][0] - pictures[-1].time) < 0.1


def test_video_and_effects_need_no_torch() -> None:
    code = (
        "import sys; import balloon_splash.splasher.video_stream; "
        "print(sorted({'torch', 'detectron2'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "[]\n"
