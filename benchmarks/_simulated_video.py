"""A video of any length, and a model that waits, to measure what is around them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from fractions import Fraction
from itertools import cycle, islice
from pathlib import Path

import av
import cv2
import numpy as np

from balloon_splash.compositing.detections import Detections
from balloon_splash.media.video.codecs import Encoding
from balloon_splash.media.video.frames import Frame
from balloon_splash.splasher.video_stream import FindInFrames, VideoOptions

FAST = Encoding(options={"preset": "ultrafast"})
FAST_OPTIONS = VideoOptions(encoding=FAST, overwrite=True)
RATE = 25
LOOP = 10 * RATE


def make_video(path: Path, frames: int, size: tuple[int, int], rate: int = RATE) -> None:
    """Write a textured picture that pans, as H.264; its first 250 frames are repeated."""
    height, width = size
    small = np.random.default_rng(0).integers(0, 255, (height // 8, width // 4, 3), dtype=np.uint8)
    wide = cv2.resize(small, (2 * width, height), interpolation=cv2.INTER_CUBIC)
    with av.open(path, "w") as output:
        stream = output.add_stream("libx264", rate=rate, width=width, height=height, options={"preset": "ultrafast"})
        packets = []
        for index in range(min(frames, LOOP)):
            left = index * 2 % width
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(wide[:, left : left + width], np.uint8), "rgb24")
            packets += stream.encode(frame)
        packets += stream.encode(None)
        for index, packet in enumerate(islice(cycle(packets), frames)):  # in order: this preset has no B-frames
            packet.pts = packet.dts = round(Fraction(index, rate) / packet.time_base)
            output.mux(packet)


def simulated_model(seconds: float) -> FindInFrames:
    """A model that takes ``seconds`` a frame and finds one object."""

    def find(frames: Sequence[Frame]) -> list[Detections]:
        time.sleep(seconds * len(frames))
        return [detection((frame.rgb.shape[0], frame.rgb.shape[1])) for frame in frames]

    return find


def detection(size: tuple[int, int]) -> Detections:
    """One object in the middle."""
    height, width = size
    box = np.array([[width * 0.3, height * 0.2, width * 0.7, height * 0.8]], np.float32)
    mask = np.zeros((1, 28, 28), np.float32)
    cv2.circle(mask[0], (14, 14), 13, 1.0, -1)
    return Detections(size, box, np.ones(1, np.float32), np.zeros(1, np.int64), mask, ("balloon",))
