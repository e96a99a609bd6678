"""Frames and video information, which flow from a video source to a sink."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from balloon_splash.media.pixels import Pixels
from balloon_splash.media.video.colour import Colour


@dataclass(frozen=True)
class Frame:
    """Upright picture of a video.

    Attributes:
        rgb: ``(H, W, 3)`` uint8, or uint16 (of which white is 65535) in a video with more than 8 bits per channel.
        alpha: ``(H, W)`` opacity of the same type, or None if the video has none.
        time: seconds since the beginning of the clip, exact.
        duration: seconds until the next picture, exact.
        source_time: exact seconds since the beginning of the video, wherever the clip begins.
    """

    rgb: Pixels
    alpha: Pixels | None
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
        bits: bits per channel of the frames that are read.
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
    bits: int = 8
