"""Overlap of the steps of a video splash.

Without ``--weights`` the model is simulated by a fixed wait per frame, as for a model on another device; with
them it is a real one, on this device: on a CPU it competes with the other steps for the cores. Each step is timed alone
(reading, model, composing, writing), then the whole.

    python -m benchmarks.video_throughput
    python -m benchmarks.video_throughput --frames 16 --weights model.pth --device cpu
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.compositing.smoothing import Smoother
from balloon_splash.media.picture import to_8_bit
from balloon_splash.media.video.clip import Clip
from balloon_splash.media.video.sink import VideoSink
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.video_stream import FindInFrames, open_video, splash_video
from benchmarks._simulated_video import FAST, FAST_OPTIONS, detection, make_video, simulated_model


def real_model(args: argparse.Namespace) -> FindInFrames:
    """The model that the options name, as the command runs it."""
    from balloon_splash.inference.segmenter import Segmenter

    found = Segmenter.from_config(None, args.weights, device=args.device, confidence=0.5, opts=args.opts)
    return lambda frames: found.detect([to_8_bit(frame.rgb) for frame in frames])


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

    compose = FrameSplasher(Look(), Selection(), followed=True).compose
    find([sample] * 4)  # the first time is slower

    def model() -> None:
        for _ in range(frames // 4):
            find([sample] * 4)

    def finish() -> None:
        smoother: Smoother[Any] = Smoother()
        for _ in range(frames):
            for frame, found in smoother.push(sample, detection(size)):
                compose(frame.rgb, found)
        for frame, found in smoother.finish():
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


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--size", type=int, nargs=2, default=(1080, 1920), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--model-ms", type=float, default=150.0)
    parser.add_argument("--weights", metavar="W", help="a real model in the place of the simulated one")
    parser.add_argument("--device", help="of the real model")
    parser.add_argument("--opts", nargs="+", default=[], metavar="KEY VALUE", help="of the real model")
    args = parser.parse_args()
    find = real_model(args) if args.weights else simulated_model(args.model_ms / 1000)
    with tempfile.TemporaryDirectory() as name:
        overlap(Path(name), args.frames, (args.size[0], args.size[1]), find)


if __name__ == "__main__":
    main()
