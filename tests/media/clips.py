"""Real little videos, made with PyAV: what cameras, phones, screen recorders and broken downloads leave behind."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import numpy as np
import numpy.typing as npt
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from balloon_splash.media.video.schedule import kept_schedule

Pixels = npt.NDArray[np.uint8]
AnyPixels = npt.NDArray[np.uint8 | np.uint16]
PALETTE = np.array([(200, 40, 40), (40, 180, 60), (40, 60, 200), (230, 200, 40)], np.uint8)


def quarters(index: int, size: tuple[int, int] = (96, 128)) -> Pixels:
    """``(H, W, 3)``: red, green over blue, yellow, with a grey bar that tells the number of the frame."""
    height, width = size
    picture = np.empty((height, width, 3), np.uint8)
    rows, columns = np.arange(height) * 2 // height, np.arange(width) * 2 // width
    picture[:] = PALETTE[rows[:, None] * 2 + columns[None, :]]
    bar = 8 * (index % (width // 8))
    picture[height // 2 - 8 : height // 2 + 8, bar : bar + 8] = 128
    return picture


class Picture(NamedTuple):
    """Appearance of one decoded frame."""

    time: Fraction
    rgb: Pixels


def make_clip(
    path: Path,
    *,
    frames: int = 25,
    size: tuple[int, int] = (96, 128),
    rate: Fraction | int = 25,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    colour: tuple[int, int, int, int] | None = None,
    rotation: tuple[float, bool] | None = None,
    aspect: Fraction | None = None,
    audio: Sequence[str] = (),
    subtitles: str | None = None,
    metadata: dict[str, str] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    draw: Callable[[int, tuple[int, int]], Pixels] = quarters,
) -> Path:
    """Write a clip; ``colour`` is (matrix, range, primaries, transfer), ``rotation`` (degrees, mirrored)."""
    rate = Fraction(rate)
    clock = time_base or 1 / rate
    with av.open(path, "w", container_options=container_options) as output:
        output.metadata.update(metadata or {})
        defaults = {"preset": "ultrafast", "crf": "12", "g": "10"} if codec in ("libx264", "libx265") else {}
        if codec == "libx265":
            defaults["x265-params"] = "log-level=error"
        stream = output.add_stream(
            codec, rate=rate, options=defaults | (options or {}), width=size[1], height=size[0], time_base=clock
        )
        assert isinstance(stream, av.VideoStream)
        stream.pix_fmt = pixel_format
        context = stream.codec_context
        if colour:
            context.colorspace, context.color_range, context.color_primaries, context.color_trc = colour
        if aspect:
            context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation[0], hflip=rotation[1])
        tracks = [output.add_stream(name, rate=48000, layout="stereo") for name in audio]
        captions = output.add_mux_stream(subtitles, time_base=Fraction(1, 1000)) if subtitles else None
        reformatter = VideoReformatter()
        matrix, value_range = (colour[0], colour[1]) if colour else (5, 1)
        shown = list(ticks) if ticks is not None else [round(i / rate / clock) for i in range(frames)]
        for index, tick in enumerate(shown):
            source = draw(index, size)
            frame = av.VideoFrame.from_ndarray(source, "rgba" if source.shape[2] == 4 else "rgb24")
            frame = reformatter.reformat(
                frame,
                format=pixel_format,
                dst_colorspace=5 if matrix == 6 else matrix,
                dst_color_range=value_range,
                interpolation=0x40000,  # SWS_ACCURATE_RND, which PyAV names only since 18
            )
            frame.pts, frame.time_base = tick, clock
            with kept_schedule():
                packets = stream.encode(frame)
            _mux(output, packets, shown, clock, rate)
        _mux(output, stream.encode(None), shown, clock, rate)
        seconds = float(shown[-1] * clock + 1 / rate) if shown else 0.0
        for number, track in enumerate(tracks):
            assert isinstance(track, av.AudioStream)
            _tone(output, track, seconds, pitch=440 * (number + 1))
        if captions is not None:
            _caption(output, captions, seconds)
    return path


def _mux(
    output: OutputContainer,
    packets: Iterable[Packet[VideoStream]],
    shown: list[int],
    clock: Fraction,
    rate: Fraction,
) -> None:
    for packet in packets:
        later = [tick for tick in shown if packet.pts is not None and tick > packet.pts]
        packet.duration = min(later) - (packet.pts or 0) if later else round(1 / rate / clock)
        output.mux_one(packet)


def _tone(output: OutputContainer, track: av.AudioStream, seconds: float, *, pitch: int) -> None:
    samples = np.sin(2 * np.pi * pitch * np.arange(int(48000 * seconds)) / 48000)
    pcm = np.repeat((samples * 12000).astype(np.int16), 2)[None, :]
    resampler = av.AudioResampler(track.format, track.layout, 48000, frame_size=track.frame_size or 1024)
    frame = av.AudioFrame.from_ndarray(pcm, format="s16", layout="stereo")
    frame.sample_rate, frame.pts = 48000, 0
    for part in [*resampler.resample(frame), *resampler.resample(None), None]:
        output.mux(track.encode(part))


def _caption(output: OutputContainer, track: av.stream.Stream, seconds: float) -> None:
    for second in range(int(np.ceil(seconds))):
        packet = av.Packet(f"line {second}".encode())
        packet.stream, packet.time_base = track, Fraction(1, 1000)
        packet.pts = packet.dts = second * 1000
        packet.duration = 800
        output.mux_one(packet)


def read_pictures(path: Path) -> list[Picture]:
    """Decode a video with nothing but PyAV: what a player would show."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        pictures = []
        for frame in container.decode(stream):
            assert frame.pts is not None
            pictures.append(
                Picture(frame.pts * stream.time_base, np.asarray(frame.to_ndarray(format="rgb24"), np.uint8))
            )
        return pictures


def read_packets(path: Path, kind: str) -> list[list[tuple[Fraction, bytes]]]:
    """``(seconds, bytes)`` of every packet of each track of one kind."""
    with av.open(path) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        tracks: dict[int, list[tuple[Fraction, bytes]]] = {stream.index: [] for stream in streams}
        for packet in container.demux(*streams) if streams else ():
            if packet.size and packet.pts is not None:
                tracks[packet.stream_index].append((packet.pts * packet.time_base, bytes(packet)))
        return list(tracks.values())


def bar_number(picture: AnyPixels) -> int:
    """Read the number of a frame that ``quarters`` drew from its bar."""
    row = picture[picture.shape[0] // 2].astype(int)
    return int(np.flatnonzero(np.abs(row - 128).max(axis=1) < 25).mean() // 8)
