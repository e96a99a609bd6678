"""Overlap of the steps of a video splash, and growth of its memory.

Without ``--weights`` the model is simulated by a fixed wait per frame, as for a model on another device; with
them it is a real one, on this device: on a CPU it competes with the other steps for the cores. Each step is timed alone
(reading, model, composing, writing), then the whole. Peak memory is that of a separate process for a short and a long
video.

    python -m benchmarks.video_throughput
    python -m benchmarks.video_throughput --frames 16 --weights model.pth --device cpu
    python -m benchmarks.video_throughput --only memory --every 8
    python -m benchmarks.video_throughput --only memory --weights model.pth --opts INPUT.MIN_SIZE_TEST 96
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt

from balloon_splash.compositing.detections import Detections
from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.smoothing import steady
from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.frames import Frame
from balloon_splash.media.video.sink import VideoSink
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.video_stream import FindInFrames, VideoOptions, open_video, splash_video

Pixels = npt.NDArray[np.uint8 | np.uint16]
FAST = Encoding(options={"preset": "ultrafast"})
FAST_OPTIONS = VideoOptions(encoding=FAST, overwrite=True)


def make_video(path: Path, frames: int, size: tuple[int, int]) -> None:
    """A textured picture that pans."""
    height, width = size
    small = np.random.default_rng(0).integers(0, 255, (height // 8, width // 4, 3), dtype=np.uint8)
    wide = cv2.resize(small, (2 * width, height), interpolation=cv2.INTER_CUBIC)
    with av.open(path, "w") as output:
        stream = output.add_stream("libx264", rate=25, width=width, height=height, options={"preset": "ultrafast"})
        for index in range(frames):
            left = index * 2 % width
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, left : left + width], np.uint8), "rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def simulated_model(seconds: float) -> FindInFrames:
    """A model that takes ``seconds`` a frame and finds one object."""

    def find(frames: Sequence[Frame]) -> list[Detections]:
        time.sleep(seconds * len(frames))
        return [detection((frame.rgb.shape[0], frame.rgb.shape[1])) for frame in frames]

    return find


def real_model(args: argparse.Namespace) -> FindInFrames:
    """The model that the options name, as the command runs it."""
    from balloon_splash.inference.segmenter import Segmenter

    found = Segmenter.from_config(None, args.weights, device=args.device, confidence=0.5, opts=args.opts)
    return lambda frames: found.detect([to_8_bit(frame.rgb) for frame in frames])


def detection(size: tuple[int, int]) -> Detections:
    """One object in the middle."""
    height, width = size
    box = np.array([[width * 0.3, height * 0.2, width * 0.7, height * 0.8]], np.float32)
    mask = np.zeros((1, 28, 28), np.float32)
    cv2.circle(mask[0], (14, 14), 13, 1.0, -1)
    return Detections(size, box, np.ones(1, np.float32), np.zeros(1, np.int64), mask, ("balloon",))


def compose(rgb: Pixels, detections: Detections) -> Pixels:
    """The command's default: hard edges, grey ground."""
    return FrameSplasher(Look(), Selection(), followed=True).compose(rgb, detections)


def timed(step: Callable[[], object]) -> float:
    """Seconds that ``step`` takes."""
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def overlap(folder: Path, frames: int, size: tuple[int, int], find: FindInFrames) -> None:
    """Print each step's time alone and the whole's."""
    source = folder / "in.mp4"
    make_video(source, frames, size)

    def read() -> None:
        with open_video(source) as video:
            for _ in video.frames(Clip()):
                pass

    with open_video(source) as video:
        sample = next(video.frames(Clip()))

    find([sample] * 4)  # the first time is slower

    def model() -> None:
        for _ in range(frames // 4):
            find([sample] * 4)

    def finish() -> None:
        for frame, found in steady((sample, detection(size)) for _ in range(frames)):
            compose(frame.rgb, found)

    def write() -> None:
        path = folder / "alone.mp4"
        with (
            open_video(source) as video,
            VideoSink(path, video, destination=path, clip=Clip(), encoding=FAST) as sink,
        ):
            for index in range(frames):
                sink.write(sample.rgb, Fraction(index, 25), Fraction(1, 25))
            sink.finish()

    alone = {"reading": timed(read), "model": timed(model), "composing": timed(finish), "writing": timed(write)}
    whole = timed(lambda: splash_video(source, folder / "out.mp4", find=find, compose=compose, options=FAST_OPTIONS))
    print(f"{size[1]}x{size[0]}, {frames} frames, model {1000 * alone['model'] / frames:.0f} ms a frame")
    for name, seconds in alone.items():
        print(f"  {name + ' alone':16}{seconds:8.2f} s")
    print(f"  {'one by one':16}{sum(alone.values()):8.2f} s")
    print(f"  {'end to end':16}{whole:8.2f} s = {whole / max(alone.values()):.2f} x the slowest step")


def peak_memory(folder: Path, frames: int, options: Sequence[str]) -> int:
    """Peak resident KiB of a process that splashes a 320x240 video of ``frames`` frames; ``options`` are ours."""
    source = folder / f"{frames}.mp4"
    make_video(source, frames, (240, 320))
    command = [sys.executable, "-m", "benchmarks.video_throughput", "--memory-of", str(source), *options]
    return int(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()[-1])


def splash_and_print_memory(source: Path, find: FindInFrames, every: int) -> None:
    """Splash in a new process and print its peak memory, not by ``ru_maxrss``, which is inherited from the parent."""
    destination = source.with_name("out.mp4")
    splash_video(source, destination, find=find, compose=compose, options=replace(FAST_OPTIONS, every=every))
    (line,) = (text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM"))
    print(line.split()[1])


def main() -> None:
    """Measure both; or, in a process of its own, one video's memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", type=int, nargs=2, default=(1080, 1920), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--model-ms", type=float, default=150.0)
    parser.add_argument("--weights", metavar="W", help="a real model in the place of the simulated one")
    parser.add_argument("--device", help="of the real model")
    parser.add_argument("--opts", nargs="+", default=[], metavar="KEY VALUE", help="of the real model")
    parser.add_argument("--every", type=int, default=1, help="as of the command, where memory is measured")
    parser.add_argument("--long", type=int, default=10_000, metavar="N", help="frames of the long video")
    parser.add_argument("--only", choices=("time", "memory"), help="measure one of the two")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of:
        splash_and_print_memory(args.memory_of, real_model(args) if args.weights else simulated_model(0), args.every)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if args.only != "memory":
            find = real_model(args) if args.weights else simulated_model(args.model_ms / 1000)
            overlap(folder, args.frames, (args.size[0], args.size[1]), find)
        if args.only != "time":
            options = [*model_options(args), "--every", str(args.every)]
            short, long = (peak_memory(folder, frames, options) for frames in (100, args.long))
            print(f"100 frames in {short / 1024:.1f} MiB")
            print(f"{args.long} frames in {long / 1024:.1f} MiB: {long / short:.3f} x")


def model_options(args: argparse.Namespace) -> list[str]:
    """The options that name the model, once more."""
    named = {"--weights": args.weights, "--device": args.device}
    options = [word for name, value in named.items() if value for word in (name, value)]
    return ["--opts", *args.opts, *options] if args.opts else options


if __name__ == "__main__":
    main()
