"""Encoder of RGB arrays to packets of one video track."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import TypeAlias

import av
import cv2
import numpy as np
from av.container import OutputContainer
from av.filter import Graph
from av.packet import Packet

from balloon_splash.media.pixels import Pixels
from balloon_splash.media.video.codecs import Codec, Encoding
from balloon_splash.media.video.colour import RgbWriter
from balloon_splash.media.video.deinterlace import ready_frames
from balloon_splash.media.video.frames import VideoInfo
from balloon_splash.media.video.schedule import kept_schedule

Packets: TypeAlias = "list[Packet[av.VideoStream]]"


_FASTEST_AV1 = Fraction(240)  # frames per second that SVT-AV1 takes; times are kept, whatever the rate
_WIDEST_PIXEL = Fraction(8)  # to one; anamorphic lenses and old tape stay below 3
_X265_LOOK_AHEAD = 64  # frames, more than it ever delays


class VideoEncoder:
    """The video track of a file being written.

    Args:
        output: the file; the track is added to it.
        codec: the codec to encode with.
        encoding: options of the encoder.
        info: rate, clock, colours and tags.
        width: width of the pictures in pixels; codecs that need even sizes repeat one column if need be.
        height: height of the pictures in pixels; likewise.
        pixel_format: one of the codec's formats.
        alpha: whether the pictures are RGBA.
        square: stretch pixels that are not square, for files that cannot store their aspect.
    """

    def __init__(
        self,
        output: OutputContainer,
        codec: Codec,
        encoding: Encoding,
        info: VideoInfo,
        *,
        width: int,
        height: int,
        pixel_format: str,
        alpha: bool,
        square: bool = False,
    ) -> None:
        self._stretched: tuple[int, int] | None = None
        if square and info.sample_aspect != 1:
            height, width = self._stretched = square_size(height, width, info.sample_aspect)
        self.padding = (height % 2, width % 2) if codec.even_size else (0, 0)
        self.size = (height + self.padding[0], width + self.padding[1])
        # GIF counts in hundredths of a second, WebP in thousandths.
        self._clock = {"gif": Fraction(1, 100), "libwebp_anim": Fraction(1, 1000)}.get(codec.encoder, info.time_base)
        stream = output.add_stream(
            codec.encoder,
            rate=min(info.rate, _FASTEST_AV1) if codec.encoder == "libsvtav1" else info.rate,
            options=encoding.encoder_options(codec, alpha=alpha),
            time_base=self._clock,
            width=self.size[1],
            height=self.size[0],
        )
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = pixel_format
        stream.metadata.update(info.video_metadata)
        context = stream.codec_context
        context.sample_aspect_ratio = Fraction(1) if square else info.sample_aspect
        colour = info.colour.limited() if codec.limited_range else info.colour
        if self.size != info.size:
            colour = colour.tagged()  # players guess by the size
        if codec.encoder != "apng":
            (colour.for_pictures() if output.format.name == "avif" else colour).tag(context)
        self._named = None if colour.is_usual or codec.encoder != "apng" else colour
        if codec.tag and output.format.name in ("mp4", "mov"):
            context.codec_tag = codec.tag
        self._stream = stream
        self._convert = RgbWriter(colour, "rgba" if codec.encoder == "gif" else pixel_format)
        self._palette = _PaletteFilter(width, height, self._clock) if codec.encoder == "gif" else None
        if codec.encoder == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # errors only; it has no other way to be quiet
        self._durations: dict[int, int] = {}
        self._last = -1
        self._packets_out = 0

    def encode(self, pixels: Pixels, time: Fraction, duration: Fraction) -> Packets:
        """Encode ``(H, W, 3)`` or ``(H, W, 4)`` pixels shown from ``time`` on; return the packets that are ready."""
        if self._stretched is not None:
            pixels = np.asarray(cv2.resize(pixels, self._stretched[::-1], interpolation=cv2.INTER_CUBIC), pixels.dtype)
        if any(self.padding):
            pixels = np.pad(pixels, ((0, self.padding[0]), (0, self.padding[1]), (0, 0)), mode="edge")
        frame = self._convert(pixels)
        if self._named is not None:  # the encoder of PNG looks at the frame
            frame.color_primaries, frame.color_trc = self._named.primaries, self._named.transfer
        frame.time_base = self._clock
        frame.pts = max(round(time / self._clock), self._last + 1)
        frame.duration = max(1, round((time + duration) / self._clock) - frame.pts)
        self._last = frame.pts
        self._durations[frame.pts] = frame.duration
        return [packet for ready in self._filtered(frame) for packet in self._packets(ready)]

    def finish(self) -> Packets:
        """Return the remaining packets."""
        rest = [packet for ready in self._filtered(None) for packet in self._packets(ready)]
        return rest + self._packets(None)

    def _filtered(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        if self._palette is not None:
            yield from self._palette(frame)
        elif frame is not None:
            yield frame

    def _packets(self, frame: av.VideoFrame | None) -> Packets:
        with kept_schedule() if self._stream.codec_context.name == "libsvtav1" else contextlib.nullcontext():
            packets = self._stream.encode(frame)
        for packet in packets:
            if packet.pts is not None and packet.dts is not None and packet.dts > packet.pts:
                # x265 invents times for videos of fewer frames than it looks ahead; any that grow will do.
                packet.dts = self._packets_out - _X265_LOOK_AHEAD
            self._packets_out += 1
            # Encoders drop durations; without one, the last picture would not be shown at all.
            if packet.pts in self._durations:
                packet.duration = self._durations.pop(packet.pts)
        return packets


def square_size(height: int, width: int, aspect: Fraction) -> tuple[int, int]:
    """Return ``(height, width)`` of pictures with square pixels that look like those with this pixel aspect."""
    return (height, round(width * aspect)) if aspect > 1 else (round(height / aspect), width)


def can_be_square(height: int, width: int, aspect: Fraction, *, max_pixels: int) -> bool:
    """Return whether an aspect of pixels is plausible, and pictures with square ones are within a limit."""
    height, width = square_size(height, width, aspect)
    return 1 / _WIDEST_PIXEL <= aspect <= _WIDEST_PIXEL and height * width <= max_pixels


class _PaletteFilter:
    """Filter that gives each picture its best 256 colours, one of them transparent (FFmpeg's palettegen)."""

    def __init__(self, width: int, height: int, clock: Fraction) -> None:
        self._graph = Graph()
        size = f"video_size={width}x{height}:pix_fmt=rgba:time_base={clock}:pixel_aspect=1/1"
        entry = self._graph.add("buffer", size)
        split = self._graph.add("split")
        generate = self._graph.add("palettegen", "stats_mode=single:reserve_transparent=1")
        # An ordered dither does not crawl from frame to frame.
        use = self._graph.add("paletteuse", "new=1:alpha_threshold=128:dither=bayer:bayer_scale=4")
        entry.link_to(split)
        split.link_to(generate, 0, 0)
        split.link_to(use, 1, 0)
        generate.link_to(use, 0, 1)
        use.link_to(self._graph.add("buffersink"))
        self._graph.configure()

    def __call__(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        self._graph.push(frame)
        yield from ready_frames(self._graph)
