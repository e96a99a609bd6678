"""Frames and video information, which flow from a video source to a sink."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from balloon_splash.media.video.colour import Colour


@dataclass(frozen=True)
class Frame:
    """Upright picture of a video.

    Attributes:
        rgb: ``(H, W, 3)`` uint8.
        alpha: ``(H, W)`` uint8 opacity, or None if the video has none.
        time: seconds since the beginning of the clip, exact.
        duration: seconds until the next picture, exact.
        source_time: exact seconds since the beginning of the video, wherever the clip begins.
    """

    rgb: npt.NDArray[np.uint8]
    alpha: npt.NDArray[np.uint8] | None
    time: Fraction
    duration: Fraction
    source_time: Fraction


@dataclass(frozen=True)
class VideoInfo:
    """Information on a video before its frames are read.

    Attributes:
        path: the file.
        rate: mean frames per second, exact.
        time_base: a step, in seconds, that is fine enough for all times.
        seconds: length as the file announces it, None if it does not.
        size: ``(height, width)`` of the coded pictures, before they are turned upright.
        colour: colour tags of its YCbCr values.
        sample_aspect: aspect of one pixel as shown, width to height.
        metadata: tags of the file (title, comment, ...).
        video_metadata: tags of the video track (language, handler, ...).
        plays: number of times to play an animation; 0 plays it for ever.
    """

    path: Path
    rate: Fraction
    time_base: Fraction
    seconds: Fraction | None
    size: tuple[int, int]
    colour: Colour
    sample_aspect: Fraction
    metadata: dict[str, str]
    video_metadata: dict[str, str]
    plays: int = 0
