"""Growth of a video splash's memory with the length of the video.

A generated video, looped, is splashed by key frames with a simulated model that takes no time: a video of 100 frames in
a process of its own, and the long one in another, whose peak is also read on the way.

    python -m benchmarks video_memory
    python -m benchmarks video_memory --frames 90000 --size 120 160
    python -m benchmarks video_memory --frames 36000 --rate 10 --size 1080 1920
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from balloon_splash.compositing.look import Look
from balloon_splash.compositing.select import Selection
from balloon_splash.splasher.frames import FrameSplasher
from balloon_splash.splasher.video_stream import splash_video
from benchmarks._simulated_video import FAST_OPTIONS, RATE, make_video, simulated_model

SHORT = 100
MARKS = (SHORT, 1_000, 10_000)


def peak_bytes() -> int:
    """Return the peak memory of this process, not by ``ru_maxrss``, which is inherited from the parent."""
    (line,) = (text for text in Path("/proc/self/status").read_text().splitlines() if text.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def splash_and_print(source: Path, every: int) -> None:
    """Splash in this process, and print ``frames peak`` at the marks and at the end."""

    def progress(done: int, expected: int | None) -> None:
        if done in MARKS and done != expected:
            print(done, peak_bytes(), flush=True)

    summary = splash_video(
        source,
        source.with_name("out.mp4"),
        find=simulated_model(0),
        compose=FrameSplasher(Look(), Selection(), followed=True).compose,
        options=replace(FAST_OPTIONS, every=every),
        progress=progress,
    )
    print(summary.frames, peak_bytes())


def peaks(folder: Path, frames: int, size: tuple[int, int], every: int, rate: int) -> dict[int, int]:
    """Splash a video of ``frames`` frames in a new process; return its peak in bytes after some numbers of frames."""
    source = folder / f"{frames}.mp4"
    make_video(source, frames, size, rate)
    command = [sys.executable, "-m", "benchmarks.video_memory", "--of", str(source), "--every", str(every)]
    lines = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    return {int(done): int(peak) for done, peak in map(str.split, lines)}


def main() -> None:
    """Print the peaks, and their ratio to that of the short video."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=10_000, help="of the long video (default: %(default)s)")
    parser.add_argument("--size", type=int, nargs=2, default=(240, 320), metavar=("HEIGHT", "WIDTH"), help="of a frame")
    parser.add_argument("--every", type=int, default=8, help="as of the command (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=RATE, help="frames per second (default: %(default)s)")
    parser.add_argument("--of", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.of:
        splash_and_print(args.of, args.every)
        return
    size = (args.size[0], args.size[1])
    with tempfile.TemporaryDirectory() as name:
        (short,) = peaks(Path(name), SHORT, size, args.every, args.rate).values()
        print(f"{size[1]}x{size[0]}, --every {args.every}\n{SHORT:>7} frames in {short / 1e6:.1f} MB", flush=True)
        began = time.monotonic()
        long = peaks(Path(name), args.frames, size, args.every, args.rate)
        for done, peak in long.items():
            part = "" if done == args.frames else ", of these"
            print(f"{done:>7} frames in {peak / 1e6:.1f} MB: {peak / short:.3f} x{part}")
        minutes = args.frames / args.rate / 60
        length = f"{minutes / 60:g} hour" if minutes >= 60 else f"{minutes:.1f} minutes"
        print(f"{length} in {long[args.frames] / 1e6:.0f} MB ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
